"""Whether a difference would come again with other rows and other seeds: both are samples, and they are crossed.

Every seed's model answers the same rows, so a mean over seeds errs in three ways: by the rows that happen to be there,
by the seeds, and by what each seed makes of each row. Radiology knows the plan as many readers reading many cases, and
splits the error as here (Obuchowski and Rockette 1995): resampled rows tell the rows' part, for it moves all seeds
together; the spread between the seeds holds the rest. Each part is weighed with its own quantile of Student's t, as
Banerjee 1960 proves safe however few the seeds; degrees of freedom pooled into one number (Hillis 2007) raise false
alarms with three seeds (docs/compare.md).

Shapes: K strategies, S seeds, B resamples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from whet.metrics.scores import MOST_DRAWN

LEAST = 1e-15
"""No chance is called smaller: the errors of a bootstrap of some hundred draws do not reach so far."""


@dataclass(frozen=True)
class Spread:
    """How far seeds lie apart: a variance, and the degrees of freedom with which it is known."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, and how far it may be from the truth.

    ``rows_part`` and ``seeds_part`` are the variances of its error, known with ``rows_freedom`` and ``seeds_freedom``.
    """

    value: float
    rows_part: float
    seeds_part: float
    rows_freedom: float
    seeds_freedom: float

    def half_width(self, confidence: float) -> float:
        """Half of the interval that holds the truth with this confidence."""
        return float(np.sqrt(self._reach(1 - confidence)))

    @property
    def p(self) -> float:
        """The chance of a value so far from 0 where the truth is 0."""
        if not self.value:
            return 1.0
        if np.isnan(self.rows_part):
            return float("nan")
        if not self.rows_part + self.seeds_part:  # every row says the same: as many signs would have to agree by luck
            return float(np.clip(2 * 0.5 ** (self.rows_freedom + 1), LEAST, 1.0))
        low, high = math.log(LEAST), 0.0
        for _ in range(60):  # the reach falls as the chance grows
            middle = (low + high) / 2
            low, high = (middle, high) if self._reach(math.exp(middle)) > self.value**2 else (low, middle)
        return math.exp(high)

    def _reach(self, chance: float) -> float:
        parts = ((self.rows_part, self.rows_freedom), (self.seeds_part, self.seeds_freedom))
        return float(sum(part * special.stdtrit(freedom, chance / 2) ** 2 if part else 0.0 for part, freedom in parts))


def estimate(values_s: np.ndarray, drawn_sb: np.ndarray, rows: int, all_of_them: Spread | None = None) -> Estimate:
    """The mean of the seeds' values with its error.

    ``drawn_sb`` are the values on resampled rows, the same rows for all seeds; a resample in which one of them is not
    defined is left out. Few seeds may lie close together by luck: ``all_of_them`` is the spread over all strategies,
    below which none is taken to be. Where that is not known either, one seed's estimate speaks of that seed alone.
    """
    seeds, value = len(values_s), float(np.mean(values_s))
    known = drawn_sb[:, ~np.isnan(drawn_sb).any(0)]
    if known.shape[1] < 2 or rows < 2:
        return Estimate(value, np.nan, np.nan, np.nan, np.nan)
    covariance = np.atleast_2d(np.cov(known)) * min(1.0, MOST_DRAWN / rows)
    whole = float(covariance.mean())  # of the mean over these very seeds
    if seeds == 1:
        others = all_of_them or Spread(0.0, np.inf)
        return Estimate(value, whole, others.variance, rows - 1, others.freedom)
    within = float(np.trace(covariance)) / seeds**2 - max(0.0, _together(covariance)) / seeds
    spread = Spread(float(np.var(values_s, ddof=1)), seeds - 1)
    if all_of_them is not None:
        freedom = max(spread.freedom, all_of_them.freedom)
        spread = Spread(max(spread.variance, all_of_them.variance), freedom)
    beyond = max(0.0, spread.variance / seeds - max(0.0, within))  # what rows do not explain of it
    return Estimate(value, whole, beyond, rows - 1, spread.freedom)


def _together(covariance_ss: np.ndarray) -> float:
    """The mean covariance of two seeds."""
    seeds = len(covariance_ss)
    return float(covariance_ss.sum() - np.trace(covariance_ss)) / (seeds * (seeds - 1))


def spread_of_differences(values_ks: np.ndarray) -> Spread | None:
    """How far the seeds' differences between two strategies lie apart, over all pairs; None where it cannot be known.

    What all strategies share (a hard split) is taken out. The degrees of freedom fall to those of one strategy where
    that one alone is restless: each one's own variance (Shukla 1972) says how many share in the sum (Satterthwaite
    1946).
    """
    strategies, seeds = values_ks.shape
    if strategies < 2 or seeds < 2:
        return None
    centred = values_ks - values_ks.mean(0) - values_ks.mean(1, keepdims=True) + values_ks.mean()
    each = (centred**2).sum(1)
    whole = float(each.sum())
    if not whole:
        return None
    own = np.maximum(0.0, strategies * (strategies - 1) * each - whole)
    alike = own.sum() ** 2 / (own**2).sum() if strategies > 2 else 2.0
    freedom = (seeds - 1) * max(1.0, alike * (strategies - 1) / strategies)
    return Spread(2 * whole / ((strategies - 1) * (seeds - 1)), float(freedom))


def holm(chances: Sequence[float]) -> list[float]:
    """The chances after paying for so many questions (Holm 1979): one that stays below 5 % is a false alarm, anywhere
    in the family, in at most 5 % of all families. One that is not defined counts as 1."""
    whole = [1.0 if np.isnan(p) else p for p in chances]
    found, worst = [1.0] * len(whole), 0.0
    for place, k in enumerate(sorted(range(len(whole)), key=lambda k: whole[k])):
        worst = max(worst, min(1.0, whole[k] * (len(whole) - place)))
        found[k] = worst
    return found
