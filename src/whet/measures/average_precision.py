"""Average precision, the area under precision and recall: it asks how clean the top of the ranking is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from whet.measures import _ranking
from whet.measures.contract import Kind, Metric
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class AveragePrecision(Metric):
    """Average precision, the area under precision and recall: it asks how clean the top of the ranking is.

    Made for rare labels: chance is the label's share of rows. Of more than two labels, the mean over those that some
    row carries.
    """

    positive: str | None = None
    """The label that is looked for, of two; null takes the last in order (yes after no, 1 after 0)."""

    answers: ClassVar[tuple[Kind, ...]] = ("label", "labels")
    needs_probabilities: ClassVar[bool] = True

    def objection(self, schema: Schema) -> str:
        if self.positive is None or (len(schema.labels) == 2 and self.positive in schema.labels):
            return ""
        return f"looks for '{self.positive}' of two labels; the labels are {', '.join(schema.labels[:20])}"

    def columns(self, pairs: Sequence[Pair], schema: Schema) -> Columns:
        return _ranking.columns(pairs, schema, self.positive)

    def measure(self, columns: Columns) -> float:
        return _ranking.mean_over_labels(columns, _ranking.average_precision)
