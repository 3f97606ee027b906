"""Whether a difference between two answers to the same rows is more than luck.

Rows are resampled and the metric asked again, so it holds for any metric, averages or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from whet.core import draws
from whet.metrics.scores import DRAWS, Interval, Scores, interval, resample

FEWEST_ROWS = 20
"""Test rows from which on a difference is called better or worse. A bootstrap knows only the rows that it draws
from: of one right answer it makes the interval [1, 1]. Even 20 of 20 right leave a true share of 0.83 possible (exact
binomial, 95 %), and 4 of 4 one of 0.40."""

PIECE = 1 << 18
"""Rows of resamples that stand in memory at once."""

STAND_INS = ("mse", "mae")
"""Metrics to compare in where the leading one has no value: a correlation with a constant has none, a distance has."""


def difference(
    ours: Scores, theirs: Scores, metric: str, confidence: float, seed: int, draws_count: int = DRAWS
) -> Interval:
    """Ours minus theirs with its paired bootstrap interval: every resample takes the same rows of both.

    Pairing removes what both find hard or easy, so it decides where two separate intervals would still
    overlap. Raises ValueError where the two do not speak of the same number of rows. Method: Efron and
    Tibshirani 1993.
    """
    rows = len(ours)
    if rows != len(theirs):
        raise ValueError(f"{rows} rows against {len(theirs)}: a paired difference needs the same rows")
    ours, theirs = ours.only(metric), theirs.only(metric)
    random = draws.generator(seed, "paired", metric)
    found: list[np.ndarray] = []
    for start in range(0, draws_count, piece := max(1, PIECE // max(rows, 1))):
        picks = np.stack([resample(random, rows) for _ in range(start, min(start + piece, draws_count))])
        found.append(ours.drawn(metric, picks) - theirs.drawn(metric, picks))
    return interval(ours.values()[metric] - theirs.values()[metric], np.concatenate(found), confidence, rows)


def compared_in(metric: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """The metric in which two sets of values can be compared: the leading one, else a stand-in, else None."""
    names = (metric, *STAND_INS)
    return next((name for name in names if _is_value(ours.get(name)) and _is_value(theirs.get(name))), None)


def _is_value(value: Any) -> bool:
    return isinstance(value, (int, float)) and not math.isnan(value)


def rows_to_decide(rows: int, found: Interval) -> int | None:
    """How many rows would make a difference of this size significant; None where no more are needed, or none can tell.

    An interval narrows with the square root of the rows. Rounded up to two figures: more would be pretence.
    """
    half = (found.high - found.low) / 2
    if not math.isfinite(half) or not found.value:
        return None
    needed = rounded_up(rows * (half / found.value) ** 2)
    return needed if needed > rows else None


def rounded_up(count: float) -> int:
    """A count rounded up to two figures."""
    step = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return int(math.ceil(count / step) * step)
