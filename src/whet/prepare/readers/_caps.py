"""How large a row may be, and how deep."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from whet.core.errors import Fault

LONGEST_ROW = 1_000_000
"""Characters in one row: a book of five hundred pages. Beyond, a quote or a line break is missing, or texts were
joined; and no model here reads so long an input whole."""
MOST_COLUMNS = 10_000
"""Columns in one row. Beyond, a line break is missing, or rows and columns are confused."""
DEEPEST = 100
"""Levels of lists and objects in one value: no data set has ten, and far deeper ones exhaust the stack."""


def large(values: Collection[Any], where: str, longest: int = LONGEST_ROW) -> Fault | None:
    """What is wrong with a row of so many values, if it has too many of them or too many characters."""
    if len(values) > MOST_COLUMNS:
        what = f"{len(values):,} columns; a row has at most {MOST_COLUMNS:,}"
        return Fault(what, where, "end rows with line breaks; check the delimiter")
    size = weight(values)
    if size > longest:
        what = f"the row has {size:,} characters; a row has at most {longest:,}"
        return Fault(what, where, "divide the text into rows; a quote or a line break may be missing")
    return None


def weight(values: Iterable[Any]) -> int:
    """The characters in values, in those inside them too."""
    size = 0
    for value in values:
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, Mapping):
            size += weight(value) + weight(value.values())
        elif isinstance(value, (list, tuple)):
            size += weight(value)
        else:
            size += 1
    return size
