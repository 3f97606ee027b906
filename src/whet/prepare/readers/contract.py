"""What a reader must answer: which files are its own, and which rows their lines hold.

Readers see lines of text, never paths, so that a file, a stream and a literal go the same way. What a
reader cannot make sense of it yields as a fault in the row's place, and goes on where it can: so all faults
are found in one pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, ClassVar

from whet.core.errors import DataError, Fault
from whet.core.shelf import Shelf

PEEK = 200
"""Lines looked at before a decision about the whole file: labels repeat in so many, and they stream."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the line on which it begins (from 1), and its cells by column, or what is wrong with it."""

    number: int
    cells: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True)
class Sample:
    """A reader's smallest honest file for the contract suite, with the rows that it holds."""

    text: str
    rows: tuple[dict[str, Any], ...]


class Reader(ABC):
    """A file format. Entries have no options: what there is to know is read off the file."""

    endings: ClassVar[tuple[str, ...]]
    """The file endings that are this format's own, with their dots and in lower case."""
    telling: ClassVar[bool] = True
    """Whether the ending decides alone; ``.txt`` does not, since anything may stand in it."""
    headed: ClassVar[bool] = True
    """Whether columns have their names from the file, so that it must be said which of them is what."""

    @abstractmethod
    def sniff(self, head: str) -> float:
        """How surely a file that begins so is this format: 0 for no, from 0.9 on hardly anything else."""

    @abstractmethod
    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        """The rows, in constant memory. ``name`` is the file as the user calls it, for faults."""

    @classmethod
    @abstractmethod
    def sample(cls) -> Sample:
        """The smallest honest instance, for the contract suite."""


READERS: Shelf[Reader] = Shelf("whet.prepare.readers", Reader, "reader")  # type: ignore[type-abstract]


def nameless(position: int) -> str:
    """The name of a column (from 1) where the file gives none."""
    return f"column_{position}"


def choose(name: str, head: str) -> str:
    """The entry that reads a file of this name and beginning: by its ending, else the surest."""
    readers = {entry: READERS[entry]() for entry in READERS}
    ending = Path(name).suffix.lower()
    for entry, reader in readers.items():
        if reader.telling and ending in reader.endings:
            return entry
    return max(readers, key=lambda entry: readers[entry].sniff(head))


def lines_of(raw: Iterable[bytes], name: str) -> Iterator[str]:
    """UTF-8 lines, without the byte order mark. Raises DataError with the line that is something else."""
    cure = "save the file as UTF-8 (a Chinese one is often GB18030: iconv -f gb18030 -t utf-8)"
    for number, line in enumerate(raw, 1):
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DataError("the file is UTF-16, not UTF-8", name, "save the file as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            what = f"byte 0x{line[error.start]:02x} at position {error.start + 1} is not UTF-8"
            raise DataError(what, f"{name}, line {number}", cure) from None
        if "\x00" in text:
            what = "there is a NUL character: the file is binary, damaged, or UTF-16"
            raise DataError(what, f"{name}, line {number}", "save the file again as UTF-8 text")
        yield text


def peek(lines: Iterator[str], count: int = PEEK) -> tuple[str, Iterator[str]]:
    """The beginning, and all lines once more from there."""
    seen = list(islice(lines, count))
    return "".join(seen), chain(seen, lines)


def read(source: Path | IO[str] | IO[bytes], name: str = "", entry: str | None = None) -> Iterator[Line]:
    """The rows of a file or an open stream, line by line. ``entry`` names the reader; None chooses it.

    Raises DataError where the file is missing, a folder, or not UTF-8.
    """
    if not isinstance(source, Path):
        yield from _read(encoded(source), name or "standard input", entry)
        return
    name = name or str(source)
    if not source.exists():
        raise DataError("the file does not exist", name, "check the path")
    if source.is_dir():
        raise DataError("this is a folder, not a file", name, "give one file")
    with source.open("rb") as file:
        yield from _read(file, name, entry)


def encoded(stream: IO[str] | IO[bytes]) -> Iterator[bytes]:
    """A stream's lines as bytes, whatever the console takes its encoding to be."""
    raw: Iterable[Any] = getattr(stream, "buffer", stream)
    return (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line for line in raw)


def _read(raw: Iterable[bytes], name: str, entry: str | None) -> Iterator[Line]:
    head, lines = peek(lines_of(raw, name))
    yield from READERS[entry or choose(name, head)]().rows(lines, name)
