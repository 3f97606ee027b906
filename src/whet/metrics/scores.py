"""Scores with their evidence: one number a row and column, and functions that turn columns into metrics.

Keeping the columns (and not only the numbers) makes every metric resampleable: a bootstrap draws rows and
asks the same functions again, whatever the metric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from whet.core import draws

Columns = Mapping[str, np.ndarray]
Measure = Callable[[Columns], float]

LOWER_IS_BETTER = frozenset({"perplexity", "loss", "bits_per_byte", "mae", "mse", "ece", "brier"})
"""Metrics for which less is better; all others are better when higher."""


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
    returns.
    """

    columns: Columns
    measures: Mapping[str, Measure]
    reduce: Callable[[Columns], Columns] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def values(self) -> dict[str, float]:
        """Every metric on all rows."""
        return self._measured(self.columns)

    def intervals(self, confidence: float = 0.95, draws_count: int = 1000, seed: int = 0) -> dict[str, Interval]:
        """Percentile bootstrap over rows (Efron 1979), the same resamples for every metric."""
        random = draws.generator(seed, "bootstrap")
        rows = len(self)
        found: dict[str, list[float]] = {name: [] for name in self.measures}
        for _ in range(draws_count):
            pick = random.integers(0, rows, rows)
            resampled = {name: column[pick] for name, column in self.columns.items()}
            for name, value in self._measured(resampled).items():
                found[name].append(value)
        edge = (1 - confidence) / 2
        whole = self.values()
        return {name: _interval(whole[name], found[name], edge) for name in whole}

    def _measured(self, columns: Columns) -> dict[str, float]:
        shared = columns if self.reduce is None else self.reduce(columns)
        return {name: float(measure(shared)) for name, measure in self.measures.items()}


def _interval(value: float, drawn: list[float], edge: float) -> Interval:
    """The middle of the draws; draws without a value (a correlation with a constant) are left out."""
    known = np.array([one for one in drawn if not np.isnan(one)])
    low, high = np.quantile(known, [edge, 1 - edge]) if len(known) else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def better(metric: str, value: float, than: float | None) -> bool:
    """Whether ``value`` beats ``than`` in this metric; anything beats None, and NaN beats nothing."""
    if np.isnan(value):
        return False
    if than is None or np.isnan(than):
        return True
    return value < than if metric in LOWER_IS_BETTER else value > than
