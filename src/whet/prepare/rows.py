"""Rows to be answered: streamed in constant memory, in their order, with no labels needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from whet.core.errors import DataError
from whet.core.events import Said, Tell, silent
from whet.prepare.readers._decode import lines_of
from whet.prepare.readers.contract import PEEK, Line, choose, look, peek, read, rows_of, streamed, text_in
from whet.prepare.roles import infer
from whet.prepare.tables import names_of, plain_names
from whet.tasks.contract import Task


@dataclass(frozen=True)
class Row:
    """A row to be answered: its number (from 1), its line, and its cells as written and by role."""

    number: int
    line: int
    cells: dict[str, Any]
    roles: dict[str, Any]


def read_rows(
    source: str | Path | IO[str] | IO[bytes],
    columns: Mapping[str, str],
    task: Task,
    asked: Mapping[str, str] | None = None,
    tell: Tell = silent,
) -> Iterator[Row]:
    """Stream the rows of a file or of an open stream.

    ``columns`` are the ones that the model was trained with; where a file has others, they are inferred anew,
    but for targets, which nobody needs here: a column is one by its name only, or where none has a name.
    ``asked`` are the user's own and must be there. Plain text is a text a line where the task answers with
    a label, and documents where it does not. Raises DataError at the first line that cannot be read.
    """
    name = str(source) if isinstance(source, (str, Path)) else "standard input"
    lines = _lines(source, name, task, tell)
    seen = list(islice(lines, PEEK))
    sample = [line.cells for line in seen if not line.fault]
    if not sample and not any(line.fault for line in seen):
        raise DataError("there are no rows", name, "give at least one")
    names = names_of(sample)
    given = {role: column for role, column in columns.items() if column in names and role != "weight"}
    given |= asked or {}
    found = None
    own: dict[str, str] = {}
    for number, line in enumerate(chain(seen, lines), 1):
        if line.fault:
            raise DataError([line.fault])
        if found is None:
            found = infer(sample, task, given, name, targets=False, roles=columns or None)
            own = plain_names(names, found)
        cells = {own.get(column, column): value for column, value in line.cells.items()}
        yield Row(number, line.number, cells, found.play(line.cells))


def _lines(source: str | Path | IO[str] | IO[bytes], name: str, task: Task, tell: Tell) -> Iterator[Line]:
    labelled = any(column.target for column in task.columns)
    if isinstance(source, (str, Path)):
        path = Path(source)
        seen = look(path, name)
        for note in seen.notes:
            tell(Said(note))
        if seen.entry == "text" and labelled:
            return _one_a_line(text_in(path, seen, name))
        return read(path, name, seen)
    head, texts = peek(streamed(source, name))
    entry = choose(name, head)
    return _one_a_line(lines_of(texts, name)) if entry == "text" and labelled else rows_of(texts, entry, name)


def _one_a_line(lines: Iterator[str]) -> Iterator[Line]:
    """Every line is a text, empty ones too, so that answers match lines; empty ones at the end are none."""
    empty: list[int] = []
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n").removesuffix("\r")
        if not text.strip():
            empty.append(number)
            continue
        for before in empty:
            yield Line(before, {"text": ""})
        empty = []
        yield Line(number, {"text": text})
