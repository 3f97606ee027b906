"""Which column plays a role by what is in it: labels are few and come back, texts are long and differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from whet.prepare.readers._table import normal

Cells = Mapping[str, Any]

LONGEST_LABEL, SHORT, SHORTEST_TEXT = 60, 30, 4
"""Characters: of the longest label, of what may pass for a label where nothing comes back, of a mean text."""


def label_column(rows: Sequence[Cells], names: Sequence[str], taken: set[str], loosely: bool) -> str | None:
    """The column whose few values come back; one that is never empty goes first, then the fewest values.

    ``loosely``: where no value comes back the shortest cells will do, for a training file without names.
    """
    cells = _filled(rows, names, taken)
    if len(cells) == len(names) == 1:
        return None
    few = {name: len(set(map(str, values))) for name, values in cells.items() if _is_label(values)}
    if few:
        return min(few, key=lambda name: (len(cells[name]) < len(rows), few[name], -names.index(name)))
    if not loosely:
        return None
    lengths = {name: _mean_length(values) for name, values in cells.items() if len(set(map(str, values))) > 1}
    short = [name for name in lengths if lengths[name] <= SHORT]
    return min(short, key=lambda name: (lengths[name], -names.index(name)), default=None)


def text_column(rows: Sequence[Cells], names: Sequence[str], taken: set[str], first: bool) -> str | None:
    """The column with the longest texts, of twins (text1, text2) the first; with ``first`` the first one with texts,
    or the only one with words."""
    cells = _filled(rows, names, taken)
    texts = [name for name, values in cells.items() if is_text(values, len(rows))]
    if not first:
        longest = max(texts, key=lambda name: _mean_length(cells[name]), default=None)
        return next((name for name in texts if longest and stem(name) == stem(longest)), None)
    if texts:
        return next((name for name in texts if not _is_label(cells[name])), texts[0])
    worded = [name for name, values in cells.items() if not all(map(_is_number, values))] or list(cells)
    return worded[0] if len(worded) == 1 else None


def is_text(values: Sequence[Any], rows: int) -> bool:
    """Strings of some length that differ, in at least half of the rows.

    They need not all differ: in data sets of pairs a premise comes three or four times.
    """
    if not all(isinstance(value, str) for value in values) or 2 * len(values) < max(rows, 1):
        return False
    different = len(set(values))
    if 4 * different < len(values) or (different == 1 and len(values) > 1):
        return False
    return _mean_length(values) >= SHORTEST_TEXT and not all(map(_is_number, values))


def stem(name: str) -> str:
    """A column's name without the number that tells it from its twin."""
    return re.sub(r"\d+", "", normal(name))


def _filled(rows: Sequence[Cells], names: Sequence[str], taken: set[str]) -> dict[str, list[Any]]:
    """The cells of each free column that are not empty."""
    found = {name: [row[name] for row in rows if row.get(name) not in (None, "")] for name in names}
    return {name: values for name, values in found.items() if values and name not in taken}


def _is_label(values: Sequence[Any]) -> bool:
    """Few short values that come back, or numbers with a fraction; constants, row numbers and texts are none."""
    if not all(isinstance(value, (str, int, float, bool)) for value in values):
        return False
    words = [str(value) for value in values]
    different = len(set(words))
    if different > 1 and all(re.fullmatch(r"-?\d+\.\d+", word) for word in words):
        return True
    return 1 < different <= max(2, len(words) // 2) and different < len(words) and max(map(len, words)) <= LONGEST_LABEL


def _is_number(value: Any) -> bool:
    return re.fullmatch(r"[\d.,+-]+", str(value)) is not None


def _mean_length(values: Sequence[Any]) -> float:
    return sum(len(str(value)) for value in values) / len(values)
