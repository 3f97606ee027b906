"""One file of rows, read to its end: its cells, what is wrong with it, and what had to be mended."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whet.core.errors import DataError, Fault
from whet.core.rundir import digest
from whet.prepare.kept import as_json, keep, of_json
from whet.prepare.readers.contract import PEEK, READERS, Line, Look, files_of, look, read, text_in
from whet.prepare.roles import Roles, is_headless

SHOWN = 20
"""Faults that are spelt out for one file; the others are counted."""
HUB = "hub"
"""What has read a table that comes from the hub, where others have the name of a reader."""
ALIKE = "mend them in the same way"
"""The cure of the faults that are only counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is written: its number among the data rows (from 1), the line where it begins, its cells."""

    number: int
    line: int
    cells: dict[str, Any]


@dataclass
class Tally:
    """What became of a file's rows on the way in: ``read == good + faulty``, and ``mended`` of them were repaired.

    ``ended`` where a fault was such that nothing behind it could be read.
    """

    read: int = 0
    faulty: int = 0
    mended: dict[str, int] = field(default_factory=dict)
    ended: bool = False


@dataclass(frozen=True)
class Table:
    """The rows of one file. ``entry`` is its reader, ``content`` a hash of what was read, ``notes`` what was seen."""

    name: str
    entry: str
    rows: Sequence[Row]
    names: list[str]
    faults: list[Fault]
    tally: Tally
    sha256: str
    content: str
    notes: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Its name from anywhere: ``name`` is what its user calls it from where they stand."""
        return self.name if self.entry == HUB else str(Path(self.name).resolve())

    @property
    def sample(self) -> list[dict[str, Any]]:
        """Rows from the whole file, evenly: one that is sorted by its labels would begin with one of them alone."""
        count = len(self.rows)
        places = range(count) if count <= PEEK else (place * count // PEEK for place in range(PEEK))
        return [self.rows[place].cells for place in places]

    @property
    def beginning(self) -> list[dict[str, Any]]:
        return [row.cells for row in self.rows[:PEEK]]

    def faulted(self, faults: Sequence[Fault]) -> list[Fault]:
        """Faults of this file for the user's eyes: the first ones, and how many more there are."""
        return limited(faults, self.name, self.tally.faulty)


def read_table(path: Path) -> Table:
    """Read a file to its end, faults and all. Raises DataError where it cannot be read at all."""
    seen = look(path)
    files = files_of(path, seen.entry)
    sha256 = digest_of(files)
    table = table_of(str(path), seen.entry, read(path, entry=seen), sha256, seen.notes)
    if digest_of(files) != sha256:
        raise DataError("it was changed while it was read", str(path), "wait until it is written, and start again")
    if not table.rows and not table.faults:
        table.faults.append(Fault(_nothing(path, seen), str(path), "give at least one row"))
        table.tally.faulty += 1
    return table


def digest_of(files: Sequence[Path]) -> str:
    """The SHA-256 of a file, or one over those of all files of a source."""
    prints = [digest(file) for file in files]
    return prints[0] if len(prints) == 1 else hashlib.sha256("".join(prints).encode()).hexdigest()


def _nothing(path: Path, seen: Look) -> str:
    """What a file holds that has no rows."""
    if not seen.encoding or path.is_dir():
        return "the file holds no rows"
    empty = True
    for text in text_in(path, seen, str(path), lined=False):
        if text.strip():
            reader = READERS[seen.entry]
            headed = reader.headed and reader.lined
            return "the file holds a header and no rows" if headed else "the file holds no rows"
        empty = empty and not text
    return "the file is empty" if empty else "the file holds nothing but white space"


def table_of(name: str, entry: str, lines: Iterable[Line], sha256: str, notes: Sequence[str] = ()) -> Table:
    """A table from rows, wherever they come from."""
    tally, content = Tally(), hashlib.sha256()
    faults: list[Fault] = []
    names: dict[str, None] = {}

    def good() -> Iterator[Row]:
        try:
            for line in lines:
                tally.read += 1
                if line.fault:
                    tally.faulty += 1
                    if len(faults) < SHOWN:
                        faults.append(line.fault)
                    continue
                names.update(dict.fromkeys(line.cells))
                if line.mended:
                    tally.mended[line.mended] = tally.mended.get(line.mended, 0) + 1
                row = Row(tally.read, line.number, line.cells)
                content.update(_pack(row))
                yield row
        except DataError as error:  # nothing behind it can be read
            faults.extend(error.faults)
            tally.faulty += len(error.faults)
            tally.ended = True

    rows = keep(good(), _pack, lambda packed: Row(*of_json(packed)), lambda row: sum(map(_length, row.cells.values())))
    return Table(name, entry, rows, list(names), faults, tally, sha256, content.hexdigest(), tuple(notes))


def _pack(row: Row) -> bytes:
    return as_json([row.number, row.line, row.cells])


def _length(cell: Any) -> int:
    return len(cell) if isinstance(cell, (str, list, dict)) else 8


def plain_names(names: Sequence[str], roles: Roles) -> dict[str, str]:
    """What nameless columns are called in answers: their roles, but where their user named them."""
    if not is_headless(names):
        return {}
    return {column: role for role, column in roles.columns.items() if role not in roles.asked}


def names_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all columns, in the order in which they first come."""
    return list(dict.fromkeys(name for cells in rows for name in cells))


def limited(faults: Sequence[Fault], place: str, count: int | None = None) -> list[Fault]:
    """The first twenty of ``count`` faults, and how many more there are."""
    more = (len(faults) if count is None else count) - SHOWN
    return [*faults[:SHOWN], *([Fault(f"{more} more faults like these", place, ALIKE)] if more > 0 else [])]


def gathered(faults: Sequence[Fault], place: str) -> list[Fault]:
    """Faults that know only their row, with the split before it."""
    return [dataclasses.replace(f, where=f"{place}, {f.where}" if f.where else place) for f in faults]
