"""Which column plays which role of a task, and which task a file is made for where none is named.

Names decide first: the user's own, then a role's aliases. Where they are silent the cells do (content.py).
What was decided is said aloud, and which columns are not used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, Fault, nearest
from whet.prepare.content import is_text, label_column, stem, text_column
from whet.prepare.readers._table import normal
from whet.prepare.readers.contract import READERS, nameless
from whet.tasks.contract import TASKS, Column, Task

Cells = Mapping[str, Any]

SHOWN = 12
"""Columns without a role that are named; the others are counted."""

WEIGHTS = frozenset({"weight", "sample_weight"})
"""Names of columns that are weights where the user says so, and never a label or a text by what is in them."""


@dataclass(frozen=True)
class Roles:
    """The column that plays each role, and the sentence that says so."""

    columns: dict[str, str]
    note: str = ""
    asked: frozenset[str] = frozenset()
    """The roles whose columns the user named."""

    def play(self, cells: Cells) -> dict[str, Any]:
        """A row's cells by role."""
        return {role: cells[column] for role, column in self.columns.items() if column in cells}


def is_headless(names: Sequence[str]) -> bool:
    """Whether a file gave its columns no names."""
    return bool(names) and list(names) == [nameless(place) for place in range(1, len(names) + 1)]


def guess_task(rows: Sequence[Cells], entry: str, where: str, asked: Mapping[str, str]) -> str:
    """The task that such rows are mostly made for: tagged words, what their reader says, else a label for a text.

    ``asked`` are the columns that the user named, which tell that they mean none of what the rows look like. Raises
    DataError for rows made for a task that does not stand on the shelf.
    """
    if rows and all(isinstance(row.get("tokens"), list) for row in rows):
        return "token-classification"
    if _are_tagged(rows) and not {"text", "label"} & set(asked):
        return "token-classification"
    names = {name for row in rows for name in row}
    made_for = _made_for(entry, names)
    if not made_for or asked or "label" in names:
        return "text-classification"
    if made_for not in TASKS.names():
        what = f"these rows look like {made_for.replace('-', ' ')}, and whet has no task for that yet"
        raise DataError(what, where, f"if you mean another, name it with --task: {', '.join(TASKS)}")
    return made_for


def _are_tagged(rows: Sequence[Cells]) -> bool:
    """Whether two columns hold lists that are equally long in every row, and not always the same: words and tags."""
    if not rows:
        return False
    lists = [{name: len(cell) for name, cell in row.items() if isinstance(cell, list)} for row in rows]
    both = [name for name in lists[0] if all(name in row for row in lists)]
    alike = [
        all(row[one] == row[other] for row in lists)
        for k, one in enumerate(both)
        for other in both[k + 1 :]
        if len({row[one] for row in lists}) > 1
    ]
    return any(alike)


def _made_for(entry: str, names: Collection[str]) -> str:
    """The task for which a reader says that its rows are, or rows with the columns of its rows."""
    own = READERS[entry].made_for if entry in READERS.names() else ""
    shown = (READERS[one].made_for for one in READERS if any(sign <= set(names) for sign in READERS[one].signs))
    return own or next(shown, "")


def infer(
    rows: Sequence[Cells],
    task: Task,
    given: Mapping[str, str],
    where: str,
    targets: bool = True,
    guess: bool = True,
    roles: Collection[str] | None = None,
) -> Roles:
    """Find a column for every role, looking at some rows of a file; its note says which is which.

    ``targets=False`` needs no target, for rows that are to be answered, and takes one by its name only, or
    where no column has a name; ``guess=False`` goes by names alone where there are any, for files beside one
    that had them. ``roles`` are those that training had: others that a task could do without are not filled.
    Weights are read only where ``given`` names their column. Raises DataError with every role that no column
    can play.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    headless = is_headless(names)
    asked = dict(given)
    if headless:  # a recipe that was settled on such a file says {text: text}: what the column is called since
        asked = {role: column for role, column in asked.items() if column in names or column != role}
    faults = _refused(asked, names, task, where, targets)
    known = {"weight", *(column.role for column in task.columns)}
    found = {role: column for role, column in asked.items() if column in names and role in known}
    wanted = [c for c in task.columns if c.role not in asked and c.role != "weight"]
    if roles is not None:
        wanted = [c for c in wanted if c.required or c.role in roles]
    _by_name(wanted, names, found)
    named = set(found)
    weights = {name for name in names if normal(name) in WEIGHTS}
    for column in sorted(wanted, key=lambda c: (not c.required, c.target != targets)):
        if column.role in named:
            continue
        taken, match = {*found.values(), *weights}, None
        if headless or (guess and column.required and (targets or not column.target)):
            if column.target:
                match = label_column(rows, names, taken, loosely=headless and targets)
            else:
                match = text_column(rows, names, taken, first=headless and column.required)
        elif guess and not column.required and not column.target:
            chosen = any(c.role in asked for c in task.columns if c.required and not c.target)  # the rest is left aside
            match = _twin(names, taken) or (_further(task, rows, names, taken) if targets and not chosen else None)
        if match:
            found[column.role] = match
        elif column.required and (targets or not column.target):
            faults.append(_missing(column, names, where))
    if faults:
        raise DataError(faults)
    found = {column.role: found[column.role] for column in task.columns if column.role in found} | found
    return Roles(found, _said(where, found, names, set(found) - named), frozenset(asked))


def _by_name(wanted: Sequence[Column], names: Sequence[str], found: dict[str, str]) -> None:
    """Fill the roles that a column is named for, by the role itself or by an alias, in the aliases' order."""
    by_name = {normal(name): name for name in reversed(names)}
    for column in wanted:
        free = (by_name.get(normal(alias)) for alias in (column.role, *column.aliases))
        match = next((name for name in free if name and name not in found.values()), None)
        if match:
            found[column.role] = match


def _said(where: str, found: Mapping[str, str], names: Sequence[str], guessed: set[str]) -> str:
    """Which column is what and which are not used."""
    unused = [name for name in names if name not in found.values()]
    parts = [
        f"the {role} {'in' if place else 'is in'} '{column}'" + (" (by what is in it)" if role in guessed else "")
        for place, (role, column) in enumerate(found.items())
    ]
    more = f" and {len(unused) - SHOWN} more" if len(unused) > SHOWN else ""
    rest = f"; not used: {', '.join(unused[:SHOWN])}{more}" if unused else ""
    start = "the columns have no names; " if is_headless(names) else ""
    return f"{where}: {start}{', '.join(parts)}{rest}"


def _missing(column: Column, names: Sequence[str], where: str) -> Fault:
    expected = ", ".join(dict.fromkeys((column.role, *column.aliases)))
    found = (", ".join(names) or "no columns") + (", the file's only one" if len(names) == 1 else "")
    if is_headless(names):
        found += " (the first line was read as a row, not as names)"
    what = f"no column for the {column.role}: found {found}; expected one of {expected}"
    cure = f"name it: data.columns.{column.role}=NAME"
    mark = next((mark for mark in ";|\t," if len(names) == 1 and mark in names[0]), "")
    if mark:
        what += f"; likely cause: the lines are not divided alike by '{mark}'"
        cure = f"quote fields that hold a '{mark}', so that every line has as many; or {cure}"
    if column.target:
        cure += "; rows without one are for whet predict, so keep them out of the folder"
    return Fault(what, where, cure)


def _twin(names: Sequence[str], taken: set[str]) -> str | None:
    """The second of two columns that differ in a number only, such as question1 and question2."""
    stems = {stem(name) for name in taken if re.search(r"\d", name)}
    rest = (name for name in names if name not in taken and re.search(r"\d", name))
    return next((name for name in rest if stem(name) in stems), None)


def _further(task: Task, rows: Sequence[Cells], names: Sequence[str], taken: set[str]) -> str | None:
    """The one text left that is named as the task's first text may be: a question beside a sentence (QNLI)."""
    aliases = {normal(name) for c in task.columns if c.required and not c.target for name in (c.role, *c.aliases)}
    left = [name for name in names if name not in taken and normal(name) in aliases]
    texts = [name for name in left if is_text([row[name] for row in rows if row.get(name)], len(rows))]
    return texts[0] if len(texts) == 1 else None


def _refused(asked: Mapping[str, str], names: Sequence[str], task: Task, where: str, targets: bool) -> list[Fault]:
    """What the user asked for and the file or the task does not have."""
    known = {column.role: column for column in task.columns}
    faults = []
    for column, times in Counter(asked.values()).items():
        if times > 1 and column in names:
            both = " and the ".join(role for role in asked if asked[role] == column)
            faults.append(Fault(f"the {both} are in one column, '{column}'", where, "name another one in data.columns"))
    for role, column in asked.items():
        if role not in known and role != "weight":
            faults.append(Fault(f"the task has no role '{role}'", "data.columns", nearest(role, list(known))))
        elif column not in names and (targets or not (role == "weight" or known[role].target)):
            cure = nearest(column, names)
            faults.append(Fault(f"there is no column '{column}' for the {role}; found {', '.join(names)}", where, cure))
    return faults
