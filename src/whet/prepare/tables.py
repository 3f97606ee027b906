"""One file of rows, read whole: its cells, what is wrong with it, and what a task makes of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.core.errors import DataError, Fault
from whet.core.rundir import digest
from whet.prepare.readers.contract import PEEK, Line, files_of, look, read
from whet.prepare.roles import Roles, is_headless
from whet.tasks.contract import Example, Task

SHOWN = 20
"""Faults that are spelt out for one file; the others are counted."""


@dataclass(frozen=True)
class Table:
    """The rows of one file. ``entry`` is its reader, ``lines`` where each row begins."""

    name: str
    entry: str
    cells: list[dict[str, Any]]
    lines: list[int]
    faults: list[Fault]
    sha256: str

    @property
    def names(self) -> list[str]:
        """The names of all columns, in the order in which they first come."""
        return names_of(self.cells)

    @property
    def sample(self) -> list[dict[str, Any]]:
        """Rows from the whole file, evenly: one that is sorted by its labels would begin with one of them alone."""
        count = len(self.cells)
        return self.cells if count <= PEEK else [self.cells[place * count // PEEK] for place in range(PEEK)]


@dataclass(frozen=True)
class Parsed:
    """A table's rows as a task understands them, and the rows as their user wrote them."""

    examples: list[Example]
    originals: list[dict[str, Any]]
    faults: list[Fault]


def read_table(path: Path) -> Table:
    """Read a file whole, faults and all. Raises DataError where it is not text at all."""
    seen = look(path)
    table = table_of(str(path), seen.entry, read(path, entry=seen), _digest(path, seen.entry))
    if not table.cells and not table.faults:
        what = "the file holds a header and no rows" if path.stat().st_size > 3 else "the file is empty"
        table.faults.append(Fault(what, str(path), "give at least one row"))
    return table


def _digest(path: Path, entry: str) -> str:
    """The SHA-256 of the file, or of those of all files that belong to it."""
    prints = [digest(file) for file in files_of(path, entry)]
    return prints[0] if len(prints) == 1 else hashlib.sha256("".join(prints).encode()).hexdigest()


def table_of(name: str, entry: str, lines: Iterable[Line], sha256: str) -> Table:
    """A table from rows, wherever they come from."""
    table = Table(name, entry, [], [], [], sha256)
    try:
        for line in lines:
            if line.fault:
                table.faults.append(line.fault)
            else:
                table.cells.append(line.cells)
                table.lines.append(line.number)
    except DataError as error:  # nothing after it can be read, but what was found before it is said too
        table.faults.extend(error.faults)
    return table


def parse(table: Table, task: Task, roles: Roles) -> Parsed:
    """Examples with the row's number in the file, from 1; rows that the task refuses are faults."""
    own = plain_names(table.names, roles)
    parsed = Parsed([], [], [])
    for number, (cells, line) in enumerate(zip(table.cells, table.lines, strict=True), 1):
        try:
            parsed.examples.append(task.parse(roles.play(cells), number))
        except DataError as error:
            where = f"{table.name}, row {number} (line {line})"
            parsed.faults.extend(dataclasses.replace(fault, where=where) for fault in error.faults)
        else:
            parsed.originals.append({own.get(name, name): value for name, value in cells.items()})
    return parsed


def plain_names(names: Sequence[str], roles: Roles) -> dict[str, str]:
    """What nameless columns are called in answers: their roles, but where their user named them."""
    if not is_headless(names):
        return {}
    return {column: role for role, column in roles.columns.items() if role not in roles.asked}


def names_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all columns, in the order in which they first come."""
    return list(dict.fromkeys(name for cells in rows for name in cells))


def limited(faults: Sequence[Fault], place: str) -> list[Fault]:
    """The first twenty faults, and how many more there are."""
    more = len(faults) - SHOWN
    return [*faults[:SHOWN], *([Fault(f"{more} more faults like these", place)] if more > 0 else [])]


def gathered(faults: Sequence[Fault], place: str) -> list[Fault]:
    """Faults that know only their row, with the split before it; the first twenty."""
    placed = [dataclasses.replace(f, where=f"{place}, {f.where}" if f.where else place) for f in faults]
    return limited(placed, place)
