"""A column of the user's own, beside inputs and target: its cells as groups of rows."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

LONGEST = 60
"""Characters of a cell that may still name a group; a column with longer ones is a text."""
MOST_VALUES = 20
"""Values of one column that are asked, the most frequent ones."""
SCALE_FROM = 10
"""Different numbers from which on a column of numbers is a scale, asked by thirds."""


@dataclass(frozen=True)
class Part:
    """Rows of one value ("" is an empty cell), or of a range."""

    member: np.ndarray
    value: str | None = None
    low: float | str | None = None
    high: float | str | None = None


class Column:
    """Cells under way; a value is kept once, and for each row its number."""

    def __init__(self, empty: int = 0) -> None:
        self._values: dict[str, int] = {"": 0}
        self._places = array("i", [0]) * empty
        self._is_text = False

    def add(self, row: int, value: Any) -> None:
        """The cell of a row; rows passed over since the last have none."""
        self._places.extend([0] * (row - len(self._places)))
        cell = "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value).strip()
        self._is_text = self._is_text or len(cell) > LONGEST or isinstance(value, (list, dict, tuple))
        self._places.append(0 if self._is_text else self._values.setdefault(cell, len(self._values)))

    def told(self, rows: int, targets: np.ndarray) -> bool:
        """Whether there is something to ask: no text, and no other writing of the target."""
        if self._is_text or len(set(self._places)) < 2:
            return False
        values = self._numbers(rows)
        both = len(set(zip(values.tolist(), targets.tolist(), strict=True)))
        return not both == len(np.unique(values)) == len(np.unique(targets))

    def parts(self, rows: int, fewest: int) -> list[Part]:
        """By thirds where the cells are numbers or dates, else by value; a column of whole numbers that all differ
        only counts rows and is left out.
        """
        values, names = self._numbers(rows), list(self._values)
        empty = [Part(values == 0, "")]
        scale, dates = _scale(names)
        present = values[values > 0]
        if scale is not None and len(np.unique(scale[present])) > SCALE_FROM:
            if _counts_rows(scale[present]) and not dates:
                return []
            cells = np.where(values > 0, scale[values], np.nan)
            return empty + [Part(m, None, _end(low, dates), _end(high, dates)) for low, high, m in thirds(cells)]
        often = Counter(present.tolist()).most_common(MOST_VALUES)
        return empty + [Part(values == number, names[number]) for number, count in often if count >= fewest]

    def _numbers(self, rows: int) -> np.ndarray:
        found = np.zeros(rows, np.int64)
        found[: len(self._places)] = self._places
        return found


def thirds(values: np.ndarray) -> list[tuple[float, float, np.ndarray]]:
    """The lowest, middle and highest third of numbers (NaN: in none), each with its ends and its rows.

    Fewer where many rows have one value.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    lower, upper = np.quantile(known, [1 / 3, 2 / 3])
    parts = (values <= lower, (values > lower) & (values <= upper), values > upper)
    return [(float(values[m].min()), float(values[m].max()), m) for m in parts if m.any()]


def _scale(names: list[str]) -> tuple[np.ndarray | None, bool]:
    """Each value (the first is the empty one) as a number, and whether they are dates; None where some are neither."""
    for read, dates in ((float, False), (_seconds, True)):
        try:
            found = np.array([math.nan, *map(read, names[1:])])
        except (ValueError, OverflowError, OSError):
            continue
        if np.isfinite(found[1:]).all():
            return found, dates
    return None, False


def _seconds(name: str) -> float:
    found = datetime.fromisoformat(name)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _counts_rows(numbers: np.ndarray) -> bool:
    return len(np.unique(numbers)) == len(numbers) and bool((numbers == np.round(numbers)).all())


def _end(value: float, dates: bool) -> float | str:
    return datetime.fromtimestamp(value, UTC).replace(tzinfo=None).isoformat(sep=" ") if dates else value
