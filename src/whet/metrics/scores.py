"""Scores with their evidence: one number a row and column, and functions that turn columns into metrics.

Keeping the columns (and not only the numbers) makes every metric resampleable: a bootstrap draws rows and asks the
same functions again, whatever the metric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from whet.core import draws

Columns = Mapping[str, np.ndarray]
Measure = Callable[[Columns], float]

LOWER_IS_BETTER = frozenset({"perplexity", "loss", "mae", "mse", "ece", "brier"})
"""Metrics for which less is better; all others are better when higher."""


@dataclass(frozen=True)
class Interval:
    """A metric's value with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """``columns``: arrays with one entry (or row) per example; ``measures``: each metric as a function of them."""

    columns: Columns
    measures: Mapping[str, Measure]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def values(self) -> dict[str, float]:
        """Every metric on all rows."""
        return {name: float(measure(self.columns)) for name, measure in self.measures.items()}

    def intervals(self, confidence: float = 0.95, draws_count: int = 1000, seed: int = 0) -> dict[str, Interval]:
        """Percentile bootstrap over rows (Efron 1979), the same resamples for every metric."""
        random = draws.generator(seed, "bootstrap")
        rows = len(self)
        found: dict[str, list[float]] = {name: [] for name in self.measures}
        for _ in range(draws_count):
            pick = random.integers(0, rows, rows)
            resampled = {name: column[pick] for name, column in self.columns.items()}
            for name, measure in self.measures.items():
                found[name].append(float(measure(resampled)))
        edge = (1 - confidence) / 2
        whole = self.values()
        bounds = {name: np.nanquantile(values, [edge, 1 - edge]) for name, values in found.items()}
        return {name: Interval(whole[name], float(bounds[name][0]), float(bounds[name][1])) for name in whole}


def better(metric: str, value: float, than: float | None) -> bool:
    """Whether ``value`` beats ``than`` in this metric; anything beats None, and NaN beats nothing."""
    if np.isnan(value):
        return False
    if than is None or np.isnan(than):
        return True
    return value < than if metric in LOWER_IS_BETTER else value > than
