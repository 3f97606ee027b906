"""Rows as a task understands them, beside the rows as their user wrote them."""

from __future__ import annotations

import dataclasses
import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.core.errors import DataError, Fault
from whet.core.fields import changed
from whet.prepare.kept import Lazy
from whet.prepare.roles import Roles
from whet.prepare.tables import SHOWN, Row, Table, plain_names
from whet.tasks.contract import Example, Task

NAMED = 10
"""Rows that a fault names which many of them share."""


@dataclass(frozen=True)
class Spot:
    """Where a row is written: the file as its user calls it, the row's number there (from 1), its first line."""

    file: str
    row: int
    line: int

    def __str__(self) -> str:
        return f"{self.file}, row {self.row} (line {self.line})"


def faults_at(what: str, spots: Sequence[Spot], cure: str) -> list[Fault]:
    """One fault a file for rows that have the same thing wrong; the first ten of them are named."""
    files: dict[str, list[Spot]] = {}
    for spot in dict.fromkeys(spots):  # a mixture may take a row twice
        files.setdefault(spot.file, []).append(spot)
    return [Fault(f"{what}{_times(own)}", _places(own), cure) for own in files.values()]


def _times(spots: Sequence[Spot]) -> str:
    return f": {len(spots)} rows" if len(spots) > 1 else ""


def _places(spots: Sequence[Spot]) -> str:
    if len(spots) == 1:
        return str(spots[0])
    rows, lines = (", ".join(str(getattr(spot, name)) for spot in spots[:NAMED]) for name in ("row", "line"))
    more, on = (f" and {len(spots) - NAMED} more", ", ...") if len(spots) > NAMED else ("", "")
    return f"{spots[0].file}, rows {rows}{more} (lines {lines}{on})"


@dataclass(frozen=True)
class Parsed:
    """Examples and, in the same order, the rows behind them and where those are written; ``content`` is a hash of the
    first two and their order.

    Examples are made anew from their rows when they are asked for, so a million of them take no memory.
    """

    examples: Sequence[Example]
    originals: Sequence[Mapping[str, Any]]
    content: str
    spots: Sequence[Spot]

    def __len__(self) -> int:
        return len(self.examples)

    def pick(self, places: Sequence[int] | np.ndarray) -> Parsed:
        """The rows at these places, in this order."""
        at = np.asarray(places, np.int64)
        content = hashlib.sha256(self.content.encode() + at.tobytes()).hexdigest()

        def examples(start: int, stop: int) -> list[Example]:
            return [self.examples[place] for place in at[start:stop].tolist()]

        def originals(start: int, stop: int) -> list[Mapping[str, Any]]:
            return [self.originals[place] for place in at[start:stop].tolist()]

        def spots(start: int, stop: int) -> list[Spot]:
            return [self.spots[place] for place in at[start:stop].tolist()]

        return Parsed(Lazy(len(at), examples), Lazy(len(at), originals), content, Lazy(len(at), spots))


def parse(table: Table, task: Task, roles: Roles, skip: bool = False) -> tuple[Parsed, list[Fault]]:
    """Examples with the row's number in the file, from 1; rows that the task refuses are faults.

    They are counted in the table's tally. With ``skip`` they are left out, as are those that could not be read and
    those without a target (which else are named by their split, all at once).
    """
    good = array("q")
    faults: list[Fault] = []
    target = target_of(task)
    for place, row in enumerate(table.rows):
        try:
            example = task.parse(roles.play(row.cells), row.number)
            if skip and target and example.target is None:
                raise DataError(f"the {target} is empty", cure="fill it in, or delete the row")
        except DataError as error:
            table.tally.faulty += 1
            where = str(Spot(table.name, row.number, row.line))
            if len(faults) < SHOWN:
                faults.extend(dataclasses.replace(fault, where=where) for fault in error.faults)
        else:
            good.append(place)
    if not skip and faults:
        return Parsed((), (), "", ()), faults
    return _parsed(table, task, roles, np.asarray(good, np.int64)), faults


def target_of(task: Task) -> str | None:
    """The role of what is to be learnt, None where the text itself is."""
    return next((column.role for column in task.columns if column.target and column.required), None)


def _parsed(table: Table, task: Task, roles: Roles, places: np.ndarray) -> Parsed:
    own = plain_names(table.names, roles)
    rows: Sequence[Row] = table.rows

    def examples(start: int, stop: int) -> list[Example]:
        picked = (rows[place] for place in places[start:stop].tolist())
        return [task.parse(roles.play(row.cells), row.number) for row in picked]

    def originals(start: int, stop: int) -> list[Mapping[str, Any]]:
        picked = (rows[place] for place in places[start:stop].tolist())
        return [{own.get(name, name): value for name, value in row.cells.items()} for row in picked]

    def spots(start: int, stop: int) -> list[Spot]:
        picked = (rows[place] for place in places[start:stop].tolist())
        return [Spot(table.name, row.number, row.line) for row in picked]

    said = f"{table.content} {type(task).__qualname__} {changed(task)} {sorted(roles.columns.items())}"
    content = hashlib.sha256(said.encode("utf-8", "surrogatepass") + places.tobytes()).hexdigest()
    count = len(places)
    return Parsed(Lazy(count, examples), Lazy(count, originals), content, Lazy(count, spots))
