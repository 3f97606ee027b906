"""Scores with their evidence: one number a row and column, and functions that turn columns into metrics.

Keeping the columns (and not only the numbers) makes every metric resampleable: a bootstrap draws rows and
asks the same functions again, whatever the metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from whet.core import draws

Columns = Mapping[str, np.ndarray]
Measure = Callable[[Columns], float]
Drawn = Callable[[Columns, np.ndarray], np.ndarray]

MOST_DRAWN = 100_000
"""Rows of one resample. Of more rows so many are drawn, and the spread that they show is narrowed to that of all rows,
by the root of their share ("m out of n", Bickel, Götze and van Zwet 1997): a million rows cost no more than these."""

DRAWS = 1000
"""Resamples: each end of a 95 % interval then rests on 25 draws, enough for two figures."""

LOWER_IS_BETTER = {"perplexity", "loss", "bits_per_byte", "mae", "mse", "ece", "brier"}
"""Metrics for which less is better; all others are better when higher. Those of the shelf join when they are chosen."""

_SHARES = ("accuracy", "f1", "f1_macro", "f1_micro", "precision", "recall", "roc_auc", "average_precision", "ece")
RANGES = {
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(("matthews", "pearson", "spearman", "cohen_kappa"), (-1.0, 1.0)),
    **dict.fromkeys(("loss", "mse", "mae", "bits_per_byte"), (0.0, math.inf)),
    "perplexity": (1.0, math.inf),
    "brier": (0.0, 2.0),
}
"""What a metric can be at all; of others nothing is known."""

INFLATED = ("ece",)
"""Sums of distances: drawing rows again adds to them, as drawing them once has done. Their draws are moved so that
their mean is the value, else the value lay at the interval's low end or outside."""


@dataclass(frozen=True)
class Interval:
    """A metric's value with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """``columns``: arrays with an entry (or row) an example; ``measures``: each metric as a function of them.

    ``reduce`` does once a resample what the measures share (a confusion matrix, sums); they then read what it
    returns. ``at_once`` are measures that answer many resamples in one go, as the one of their name does each alone.
    """

    columns: Columns
    measures: Mapping[str, Measure]
    reduce: Callable[[Columns], Columns] | None = None
    at_once: Mapping[str, Drawn] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def only(self, metric: str) -> Scores:
        """The same rows with one measure, so that no other is asked in vain."""
        return Scores(self.columns, {metric: self.measures[metric]}, self.reduce, self.at_once)

    def at(self, rows: np.ndarray) -> Scores:
        """The scores of these rows alone, by their numbers from 0."""
        return Scores({name: column[rows] for name, column in self.columns.items()}, self.measures, self.reduce)

    def drawn(self, metric: str, picks: np.ndarray) -> np.ndarray:
        """One metric in every resample, float [K]; ``picks`` are the rows of each, int [K, drawn]."""
        if metric in self.at_once:
            return self.at_once[metric](self.columns, picks)
        return np.array([self.at(pick).values()[metric] for pick in picks])

    def values(self) -> dict[str, float]:
        """Every metric on all rows."""
        shared = self.columns if self.reduce is None else self.reduce(self.columns)
        return {name: float(measure(shared)) for name, measure in self.measures.items()}

    def intervals(self, confidence: float = 0.95, draws_count: int = DRAWS, seed: int = 0) -> dict[str, Interval]:
        """Percentile bootstrap over rows (Efron 1979), the same resamples for every metric."""
        random = draws.generator(seed, "bootstrap")
        rows = len(self)
        found: dict[str, list[float]] = {name: [] for name in self.measures}
        for _ in range(draws_count):
            for name, value in self.at(resample(random, rows)).values().items():
                found[name].append(value)
        whole = self.values()
        drawn = {name: np.array(found[name]) for name in whole}
        for name in (name for name in INFLATED if name in drawn):
            drawn[name] = np.clip(drawn[name] + whole[name] - np.nanmean(drawn[name]), *RANGES[name])
        return {name: interval(whole[name], drawn[name], confidence, rows) for name in whole}


def resample(random: np.random.Generator, rows: int) -> np.ndarray:
    """The numbers of rows drawn with replacement: as many as there are, at most ``MOST_DRAWN``."""
    return random.integers(0, rows, min(rows, MOST_DRAWN))


def interval(value: float, drawn: np.ndarray, confidence: float, rows: int) -> Interval:
    """The middle of the draws; draws without a value (a correlation with a constant) are left out.

    Each draw is of ``resample(random, rows)``; where these are fewer than ``rows``, the draws' distances from ``value``
    are narrowed.
    """
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return Interval(value, math.nan, math.nan)
    edge = (1 - confidence) / 2
    low, high = map(float, np.quantile(known, [edge, 1 - edge]))
    if rows > MOST_DRAWN:
        share = math.sqrt(MOST_DRAWN / rows)
        low, high = value + share * (low - value), value + share * (high - value)
    return Interval(value, low, high)


def better(metric: str, value: float, than: float | None) -> bool:
    """Whether ``value`` beats ``than`` in this metric; anything beats None, and NaN beats nothing."""
    if np.isnan(value):
        return False
    if than is None or np.isnan(than):
        return True
    return value < than if metric in LOWER_IS_BETTER else value > than
