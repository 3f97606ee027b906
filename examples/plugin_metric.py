"""A metric of one's own: what mistakes cost, where one kind of them is worse than the other.

    whet run examples/reviews-en --plugin examples/plugin_metric.py --set evaluate.metrics=[mean_cost]

The entry's name is the class's name with hyphens, and with underscores its key in metrics.json; its fields are its
options (``--set 'evaluate.metrics=[{name: mean_cost, times: 10}]'``). Interval, baseline and paired differences come by
themselves, and ``--set evaluate.metric=mean_cost`` lets it choose the best weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from whet.measures.contract import Metric


@dataclass(frozen=True)
class MeanCost(Metric):
    """Mean cost of an answer."""

    missed: str = "negative"
    """The label that must not be missed."""
    times: float = 5.0
    """How much dearer it is to miss that label than to make any other mistake."""

    answers: ClassVar = ("label",)
    lower_is_better: ClassVar[bool] = True

    def objection(self, schema) -> str:
        # What is refused is refused before training; the sentence goes on after the metric's name.
        known = ", ".join(schema.labels)
        return "" if self.missed in schema.labels else f"knows no label '{self.missed}'; there are {known}"

    def columns(self, pairs, schema):
        # One number a row, made once; a resample then is a choice of these numbers.
        return {"cost": np.array([self._cost(pair.example.target, pair.prediction.answer) for pair in pairs])}

    def measure(self, columns) -> float:
        cost = columns["cost"]
        return float(cost.mean()) if len(cost) else float("nan")

    def _cost(self, true: str, given: str) -> float:
        if true == given:
            return 0.0
        return self.times if true == self.missed else 1.0
