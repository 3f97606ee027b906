"""What a reader must answer: which files are its own, and which rows they hold.

Readers of text see lines, never paths, so that a file, a stream and a literal go the same way; readers of
binary files and of several files open them themselves. What a reader cannot make sense of it yields as a
fault in the row's place, and goes on where it can: so all faults are found in one pass.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, ClassVar

from whet.core.errors import DataError, Fault
from whet.core.shelf import Shelf
from whet.prepare.readers._bytes import FOREIGN, GZIP, PIECE, opened, pieces_of
from whet.prepare.readers._caps import LONGEST_ROW, large
from whet.prepare.readers._decode import lines_of, marked, text_of
from whet.prepare.readers._encoding import encoding_of, note_of
from whet.prepare.readers._shards import shards_of

PEEK = 200
"""Lines looked at before a decision about the whole file: labels repeat in so many, and they stream."""
SURE = 0.9
"""From here on hardly anything else than the format begins so."""
FEW = 5
"""Lines that are too few to tell a format by them alone."""
_OBJECTS = re.compile(r'\s*(\{\s*["}]|\[\s*\{)')
PAGES = ("<!doctype html", "<html")
"""How a web page begins, which a download gives where it should have given a file."""
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

    text: str | bytes
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
    longest: ClassVar[int] = LONGEST_ROW
    """Characters in one row; a longer one is a fault."""
    magic: ClassVar[bytes] = b""
    """The first bytes of a binary format, which decide alone."""
    made_for: ClassVar[str] = ""
    """The task that such rows are written for, by its name on the shelf, whether it stands there yet or not."""
    signs: ClassVar[tuple[frozenset[str], ...]] = ()
    """Columns by any of which rows in other formats show that they are for the same task: SQuAD's in parquet, say."""
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
    """What a file is, by the files beside it that some reader takes for its own, by its first bytes, then by its name
    and all its text; or a folder, where a reader has files in it.

    Raises DataError where it cannot be read at all.
    """
    name = name or str(path)
    owner = _owner(path)
    if owner and path.is_dir():
        return _remarked(Look(owner), path, name)
    opened(path, name)
    first = next(pieces_of(path, "", name), b"")
    packed = "gzip" if first.startswith(GZIP) else ""
    if packed:
        first = next(pieces_of(path, packed, name), b"")
        if first.startswith(GZIP):
            raise DataError("the file is packed twice", name, "unpack it: gunzip")
    plain = unpacked_name(path.name) if packed else path.name
    entry = "" if owner else _binary(first, packed, plain, name)
    if entry:
        return _remarked(Look(entry, "", notes=_sharded(path, name)), path, name)
    encoding = encoding_of(lambda: pieces_of(path, packed, name), name)
    head, _ = peek(text_of(pieces_of(path, packed, name), encoding, name))
    entry = owner or choose(plain, head)
    if entry != "text" and head.lstrip()[: len(PAGES[0])].lower().startswith(PAGES):
        cure = "download the file itself: the link may lead to a page about it, or ask for a login"
        raise DataError("this is a web page (HTML), not a table", name, cure)
    if not owner and (other := _another(entry, head)):
        what = f"the file looks like {other}, though its name says {entry}"
        raise DataError(what, name, f"give it the ending of its format: {READERS[other].endings[0]}")
    seen = Look(entry, encoding, packed, _sharded(path, name) + note_of(encoding, name))
    return _remarked(seen, path, name)


def _another(entry: str, head: str) -> str:
    """The format that a file surely is, by its beginning, where its ending says another that it does not look like.

    A few lines of words can look like anything; objects show themselves at once, and a brace alone does not.
    """
    if not _OBJECTS.match(head) and (head.count("\n") < FEW or head.lstrip().startswith(("{", "["))):
        return ""
    readers = {name: READERS[name]() for name in READERS}
    sure = max(readers, key=lambda name: readers[name].sniff(head))
    apart = not set(readers[sure].endings) & set(readers[entry].endings)
    return sure if apart and readers[sure].sniff(head) >= SURE > readers[entry].sniff(head) else ""


def _owner(path: Path) -> str:
    """The entry that says which files belong to this one, if there is one."""
    return next((entry for entry in READERS if READERS[entry]().files(path) != [path]), "")


def _binary(first: bytes, packed: str, plain: str, name: str) -> str:
    """The entry of a binary format, or nothing where it is text. Raises DataError for what no reader reads."""
    readers = {entry: READERS[entry]() for entry in READERS if READERS[entry].magic}
    own = [entry for entry, reader in readers.items() if first.startswith(reader.magic)]
    told = [entry for entry, reader in readers.items() if Path(plain).suffix.lower() in reader.endings]
    if own and packed:
        raise DataError(f"a gzip file that holds {own[0]}", name, "unpack it: gunzip")
    if own:
        return own[0]
    for magic, (what, cure) in FOREIGN.items():
        if first.startswith(magic):
            raise DataError(f"this is {what}", name, cure)
    return told[0] if told and not packed else ""


def _sharded(path: Path, name: str) -> tuple[str, ...]:
    parts = shards_of(path, name)
    return (f"{name}: {len(parts)} shards are read as one, to {parts[-1].name}",) if len(parts) > 1 else ()


def files_of(path: Path, entry: str) -> list[Path]:
    """All files whose rows ``read`` gives for this one, in order: what a run's papers must hash."""
    reader = READERS[entry]()
    return [file for part in shards_of(path, str(path)) for file in reader.files(part)]


def unpacked_name(name: str) -> str:
    """A file's name without the ending that says that it is packed."""
    return name[:-3] if name.lower().endswith(".gz") else name


def _remarked(seen: Look, path: Path, name: str) -> Look:
    return replace(seen, notes=seen.notes + READERS[seen.entry]().remarks(path, seen, name))


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
        reader = READERS[chosen]()
        yield from _bounded(reader.open(source, seen, name), reader.longest, name)
        for part in shards_of(source, name)[1:]:
            yield from _bounded(reader.open(part, look(part), str(part)), reader.longest, str(part))
        return
    name = name or "standard input"
    head, texts = peek(streamed(source, name))
    yield from rows_of(texts, (entry.entry if isinstance(entry, Look) else entry) or choose(name, head), name)


def rows_of(texts: Iterator[str], entry: str, name: str) -> Iterator[Line]:
    """The rows of a text in pieces."""
    reader = READERS[entry]()
    yield from _bounded(reader.rows(lines_of(texts, name) if reader.lined else texts, name), reader.longest, name)


def _bounded(lines: Iterator[Line], longest: int, name: str) -> Iterator[Line]:
    """Rows, those of them too large as faults."""
    for number, line in enumerate(lines, 1):
        fault = large(line.cells.values(), f"{name}, row {number} (line {line.number})", longest)
        yield line if fault is None else Line(line.number, fault=fault)


def streamed(stream: IO[str] | IO[bytes] | Iterable[bytes], name: str) -> Iterator[str]:
    """A stream's text in pieces as they come: UTF-8, whatever the console takes its encoding to be, or what a byte
    order mark says."""
    raw: Any = getattr(stream, "buffer", stream)
    parts = iter(lambda: raw.readline(PIECE), raw.readline(0)) if hasattr(raw, "readline") else iter(raw)
    pieces = (part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts)
    first = next(pieces, b"")
    return text_of(chain([first], pieces), marked(first) or "utf-8", name)
