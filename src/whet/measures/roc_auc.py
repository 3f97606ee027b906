"""The area under the ROC curve: how often a row with a label has a higher probability of it than one without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from whet.measures import _ranking
from whet.measures.contract import Kind, Metric
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class RocAuc(Metric):
    """The area under the ROC curve: how often a row with a label has a higher probability of it than one without.

    0.5 is chance, whatever the classes' sizes. Of more than two labels the mean over labels, each against the rest
    (macro); a label that no row carries, or every row, has none.
    """

    answers: ClassVar[tuple[Kind, ...]] = ("label", "labels")
    needs_probabilities: ClassVar[bool] = True

    def columns(self, pairs: Sequence[Pair], schema: Schema) -> Columns:
        return _ranking.columns(pairs, schema, None)

    def measure(self, columns: Columns) -> float:
        return _ranking.mean_over_labels(columns, _ranking.area)
