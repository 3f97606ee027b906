"""Which column plays which role of a task, and which task a file is made for where none is named.

Names decide first: the user's own, then a role's aliases. Where they are silent the cells do: labels are
few and come back, texts are long and differ. Whatever was guessed is said aloud.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, Fault, nearest
from whet.prepare.readers._table import normal
from whet.prepare.readers.contract import nameless
from whet.tasks.contract import Column, Task

Cells = Mapping[str, Any]


@dataclass(frozen=True)
class Roles:
    """The column that plays each role, and how that was found where it was not plain."""

    columns: dict[str, str]
    notes: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    """The roles whose columns the user named."""

    def play(self, cells: Cells) -> dict[str, Any]:
        """A row's cells by role."""
        return {role: cells[column] for role, column in self.columns.items() if column in cells}


def is_headless(names: Sequence[str]) -> bool:
    """Whether a file gave its columns no names."""
    return bool(names) and list(names) == [nameless(place) for place in range(1, len(names) + 1)]


def guess_task(rows: Sequence[Cells], entry: str) -> str:
    """The task that such rows are mostly made for: tagged words, plain documents, else a label for a text."""
    if rows and all(isinstance(row.get("tokens"), list) for row in rows):
        return "token-classification"
    if entry == "text":
        return "language-modeling"
    return "text-classification"


def infer(
    rows: Sequence[Cells],
    task: Task,
    given: Mapping[str, str],
    where: str,
    weight: str | None = None,
    targets: bool = True,
    guess: bool = True,
) -> Roles:
    """Find a column for every role, looking at the first rows of a file.

    ``targets=False`` needs no target, for rows that are to be answered; ``guess=False`` goes by names alone
    where there are any, for files beside one that had them. Raises DataError with every role
    that no column can play.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    headless = is_headless(names)
    asked = {**given, **({"weight": weight} if weight else {})}
    if headless:  # a recipe that was settled on such a file says {text: text}: what the column is called since
        asked = {role: column for role, column in asked.items() if column in names or column != role}
    faults = _refused(asked, names, task, where, targets)
    found = {role: column for role, column in asked.items() if column in names}
    by_name = {normal(name): name for name in reversed(names)}
    for column in task.columns:
        free = (by_name.get(normal(alias)) for alias in (column.role, *column.aliases))
        match = next((name for name in free if name and name not in found.values()), None)
        if column.role not in asked and match:
            found[column.role] = match
    notes: list[str] = []
    wanted = [c for c in task.columns if c.role not in found and c.role not in asked and c.role != "weight"]
    for column in sorted(wanted, key=lambda c: (not c.required, not c.target)):
        taken = set(found.values())
        if headless or (guess and column.required):
            match = _by_content(column, rows, names, taken)
        else:
            match = _twin(names, taken) if guess and not column.target else None
        if match:
            found[column.role] = match
            if not headless:
                notes.append(f"{where}: the column '{match}' is read as the {column.role}, by what is in it")
        elif column.required and (targets or not column.target):
            faults.append(_missing(column, names, where))
    if faults:
        raise DataError(faults)
    found = {column.role: found[column.role] for column in task.columns if column.role in found} | found
    if headless:
        said = ", ".join(f"{column} is the {role}" for role, column in found.items())
        notes.append(f"{where}: the columns have no names; by content {said}")
    return Roles(found, tuple(notes), frozenset(asked))


def _missing(column: Column, names: Sequence[str], where: str) -> Fault:
    expected = ", ".join(dict.fromkeys((column.role, *column.aliases)))
    found = ", ".join(names) or "no columns"
    what = f"no column for the {column.role}: found {found}; expected one of {expected}"
    cure = f"name it: data.columns.{column.role}=NAME"
    if column.target:
        cure += "; rows without one are for whet predict, so keep them out of the folder"
    return Fault(what, where, cure)


def _twin(names: Sequence[str], taken: set[str]) -> str | None:
    """The second of two columns that differ in a number only, such as question1 and question2."""
    stems = {re.sub(r"\d+", "", normal(name)) for name in taken if re.search(r"\d", name)}
    rest = (name for name in names if name not in taken and re.search(r"\d", name))
    return next((name for name in rest if re.sub(r"\d+", "", normal(name)) in stems), None)


def _refused(asked: Mapping[str, str], names: Sequence[str], task: Task, where: str, targets: bool) -> list[Fault]:
    """What the user asked for and the file or the task does not have."""
    known = {column.role: column for column in task.columns}
    faults = []
    for role, column in asked.items():
        if role not in known and role != "weight":
            faults.append(Fault(f"the task has no role '{role}'", "data.columns", nearest(role, list(known))))
        elif column not in names and (targets or not (role == "weight" or known[role].target)):
            cure = nearest(column, names)
            faults.append(Fault(f"there is no column '{column}' for the {role}; found {', '.join(names)}", where, cure))
    return faults


def _by_content(column: Column, rows: Sequence[Cells], names: Sequence[str], taken: set[str]) -> str | None:
    cells = {
        name: values
        for name in names
        if name not in taken and (values := [row[name] for row in rows if row.get(name) not in (None, "")])
    }
    if column.target:
        labels: dict[str, float] = {
            name: len({str(v) for v in values}) for name, values in cells.items() if _is_label(values)
        }
        if len(cells) == len(names) == 1:
            return None
        if not labels and is_headless(names):
            labels = {name: _mean_length(values) for name, values in cells.items() if _mean_length(values) <= 30}
        return min(labels, key=lambda name: (labels[name], -names.index(name))) if labels else None
    texts = {name: _mean_length(values) for name, values in cells.items() if _is_text(values)}
    if not texts:
        return next(iter(cells)) if column.required and len(cells) == 1 and is_headless(names) else None
    if is_headless(names) and column.required:
        return next(iter(texts))
    return max(texts, key=lambda name: texts[name])


def _mean_length(values: Sequence[Any]) -> float:
    return sum(len(str(value)) for value in values) / len(values)


def _is_label(values: Sequence[Any]) -> bool:
    """Few short values that come back, or numbers with a fraction; row numbers and texts are neither."""
    if not all(isinstance(value, (str, int, float, bool)) for value in values):
        return False
    words = [str(value) for value in values]
    if all(re.fullmatch(r"-?\d+\.\d+", word) for word in words):
        return True
    return max(map(len, words)) <= 60 and len(set(words)) <= max(2, len(words) // 2)


def _is_text(values: Sequence[Any]) -> bool:
    """Strings of some length that differ."""
    if not all(isinstance(value, str) for value in values):
        return False
    return _mean_length(values) >= 4 and not all(re.fullmatch(r"[\d.,+-]+", value) for value in values)
