"""What a reader must answer: which files are its own, and which rows they hold.

Readers of text see lines, never paths, so that a file, a stream and a literal go the same way; readers of
binary files and of several files open them themselves. What a reader cannot make sense of it yields as a
fault in the row's place, and goes on where it can: so all faults are found in one pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any, ClassVar

from whet.core.errors import DataError, Fault
from whet.core.shelf import Shelf
from whet.prepare.readers._bytes import pieces_of
from whet.prepare.readers._decode import lines_of, text_of

PEEK = 200
"""Lines looked at before a decision about the whole file: labels repeat in so many, and they stream."""
HEAD = 1 << 18
"""Characters looked at, where that is less: a file may have no line ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the line on which it begins (from 1), and its cells by column, or what is wrong with it.

    ``mended`` says in a few words what the reader repaired in it; it is counted and reported.
    """

    number: int
    cells: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    mended: str = ""


@dataclass(frozen=True)
class Look:
    """What a file is, seen before it is read: its reader's entry, Python's name of its encoding ("" in a binary
    file), how it is packed ("" or "gzip"), and what of it must be said aloud."""

    entry: str
    encoding: str = "utf-8"
    packed: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A reader's smallest honest file for the contract suite, with the rows that it holds."""

    text: str
    rows: tuple[dict[str, Any], ...]
    files: dict[str, str] = field(default_factory=dict)
    """Texts by their files' names where one is not enough; the first of them is given to ``read``."""


class Reader(ABC):
    """A file format. Entries have no options: what there is to know is read off the file."""

    endings: ClassVar[tuple[str, ...]]
    """The file endings that are this format's own, with their dots and in lower case."""
    telling: ClassVar[bool] = True
    """Whether the ending decides alone, among the readers that have it; ``.txt`` does not, since anything may stand
    in it."""
    headed: ClassVar[bool] = True
    """Whether columns have their names from the file, so that it must be said which of them is what."""
    magic: ClassVar[bytes] = b""
    """The first bytes of a binary format, which decide alone."""
    lined: ClassVar[bool] = True
    """Whether ``rows`` gets lines; else it gets pieces of text cut anywhere, for a JSON file may be one line."""

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

    def files(self, path: Path) -> list[Path]:
        """All files that belong to this source. A reader whose rows lie in a folder answers with the files of the
        folder, and with ``[path]`` where the folder is none of its own."""
        return [path]

    def open(self, path: Path, look: Look, name: str) -> Iterator[Line]:
        """The rows of a file. Binary formats and those of several files have their own way."""
        return self.rows(text_in(path, look, name, self.lined), name)

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        """What else must be said aloud about the file, such as what of it is not read."""
        return ()


READERS: Shelf[Reader] = Shelf("whet.prepare.readers", Reader, "reader")  # type: ignore[type-abstract]


def nameless(position: int) -> str:
    """The name of a column (from 1) where the file gives none."""
    return f"column_{position}"


def choose(name: str, head: str) -> str:
    """The entry that reads a file of this name and beginning: by its ending, else the surest.

    Where several readers have the ending, as with ``.jsonl``, the surest of them.
    """
    readers = {entry: READERS[entry]() for entry in READERS}
    ending = Path(name).suffix.lower()
    own = [entry for entry, reader in readers.items() if ending in reader.endings]
    if not any(readers[entry].telling for entry in own):
        return max(readers, key=lambda entry: readers[entry].sniff(head))
    return max(own, key=lambda entry: (readers[entry].sniff(head), readers[entry].telling))


def look(path: Path, name: str = "") -> Look:
    """What a file is. Raises DataError where it cannot be read at all."""
    name = name or str(path)
    if not path.exists():
        raise DataError("the file does not exist", name, "check the path")
    if path.is_dir():
        raise DataError("this is a folder, not a file", name, "give one file")
    encoding = "utf-8-sig"
    head = "".join(peek(text_of(pieces_of(path, "", name), encoding, name))[0])
    return Look(choose(name, head), encoding)


def text_in(path: Path, look: Look, name: str, lined: bool = True) -> Iterator[str]:
    """A file's text as lines with their ends, or as pieces. For a second file: ``text_in(it, look(it), str(it))``."""
    texts = text_of(pieces_of(path, look.packed, name), look.encoding, name)
    return lines_of(texts, name) if lined else texts


def peek(texts: Iterator[str], count: int = PEEK) -> tuple[str, Iterator[str]]:
    """The beginning, and all lines once more from there."""
    seen: list[str] = []
    size = 0
    for text in texts:
        seen.append(text)
        size += len(text)
        if len(seen) == count or size >= HEAD:
            break
    return "".join(seen)[:HEAD], chain(seen, texts)


def read(source: Path | IO[str] | IO[bytes], name: str = "", entry: str | Look | None = None) -> Iterator[Line]:
    """The rows of a file or an open stream, line by line. ``entry`` names the reader; None chooses it, and what
    ``look`` saw spares a second look.

    Raises DataError where the file cannot be read at all.
    """
    if isinstance(source, Path):
        name = name or str(source)
        seen = entry if isinstance(entry, Look) else look(source, name)
        chosen = entry if isinstance(entry, str) else seen.entry
        yield from READERS[chosen]().open(source, seen, name)
        return
    name = name or "standard input"
    texts = text_of(encoded(source), "utf-8-sig", name)
    head, texts = peek(texts)
    reader = READERS[(entry.entry if isinstance(entry, Look) else entry) or choose(name, head)]()
    yield from reader.rows(lines_of(texts, name) if reader.lined else texts, name)


def encoded(stream: IO[str] | IO[bytes]) -> Iterator[bytes]:
    """A stream's lines as bytes, whatever the console takes its encoding to be."""
    raw: Iterable[Any] = getattr(stream, "buffer", stream)
    return (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line for line in raw)
