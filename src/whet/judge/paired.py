"""Whether a difference is more than luck: two answers to the same rows, and one slice of rows against chance.

Both resample rows and ask the metric again, so they hold for any metric, averages or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.core import draws
from whet.metrics.scores import LOWER_IS_BETTER, MOST_DRAWN, Interval, Scores, interval, resample

DRAWS = 1000
"""Resamples: each end of a 95 % interval then rests on 25 draws, enough for two figures."""

FEWEST_ROWS = 20
"""Test rows from which on a difference is called better or worse. A bootstrap knows only the rows that it draws
from: of one right answer it makes the interval [1, 1]. Even 20 of 20 right leave a true share of 0.83 possible (exact
binomial, 95 %), and 4 of 4 one of 0.40."""

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
    ours, theirs = _alone(ours, metric), _alone(theirs, metric)
    random = draws.generator(seed, "paired", metric)
    found = np.empty(draws_count)
    for k in range(draws_count):
        pick = resample(random, rows)
        found[k] = ours.at(pick).values()[metric] - theirs.at(pick).values()[metric]
    return interval(ours.values()[metric] - theirs.values()[metric], found, confidence, rows)


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


@dataclass(frozen=True)
class Slice:
    """A group of rows: its score, the score of all others, and whether luck explains the difference.

    ``p`` is the share of equally large random groups that score as badly, ``worse`` whether it stays under
    the level once all slices asked together are paid for (Holm 1979).
    """

    name: str
    rows: np.ndarray
    value: float
    rest: float
    p: float
    worse: bool = False


def slices(scores: Scores, groups: dict[str, np.ndarray], metric: str, seed: int, level: float = 0.05) -> list[Slice]:
    """Score each group of rows against random groups of its size; ``groups`` holds row numbers from 0."""
    found = [_slice(scores, name, rows, metric, seed) for name, rows in groups.items()]
    ranked = sorted(found, key=lambda one: one.p)
    guilty = set()
    for place, one in enumerate(ranked):
        if one.p > level / (len(ranked) - place):
            break
        guilty.add(one.name)
    return [Slice(s.name, s.rows, s.value, s.rest, s.p, s.name in guilty) for s in found]


def _slice(scores: Scores, name: str, rows: np.ndarray, metric: str, seed: int) -> Slice:
    scores = _alone(scores, metric)
    value = scores.at(rows).values()[metric]
    rest = scores.at(np.setdiff1d(np.arange(len(scores)), rows)).values()[metric]
    random = draws.generator(seed, "slice", name)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    groups = (_group(random, len(scores), len(rows)) for _ in range(DRAWS))
    chance = np.array([scores.at(group).values()[metric] for group in groups])
    if len(scores) > MOST_DRAWN:  # the whole group, drawn without replacement, would lie nearer to all rows
        whole, size = scores.values()[metric], min(len(rows), MOST_DRAWN)
        chance = whole + math.sqrt(size * (1 / len(rows) - 1 / len(scores))) * (chance - whole)
    as_bad = int(np.sum(sign * chance <= sign * value))
    p = 1.0 if math.isnan(value) else (1 + as_bad) / (1 + DRAWS)
    return Slice(name, rows, value, rest, p)


def _group(random: np.random.Generator, rows: int, size: int) -> np.ndarray:
    """Rows of a random group; where there are very many rows, a part of the group, drawn with replacement."""
    if rows > MOST_DRAWN:
        return random.integers(0, rows, min(size, MOST_DRAWN))
    return random.choice(np.arange(rows), size, replace=False)


def _alone(scores: Scores, metric: str) -> Scores:
    """The same rows with one measure, so that no other is asked in vain."""
    return Scores(scores.columns, {metric: scores.measures[metric]}, scores.reduce)
