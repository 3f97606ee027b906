"""Brier's score: the squared distance of the probabilities from what was true; low is good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from whet.measures import _labels
from whet.measures.contract import Kind, Metric
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class Brier(Metric):
    """Brier's score: the squared distance of the probabilities from what was true; low is good.

    It punishes a wrong answer the more the surer it was. Of two labels it is (p - y)^2 of one of them, of more the sum
    over labels (Brier 1950), as scikit-learn has it. A label that the model never learnt had no probability.
    """

    answers: ClassVar[tuple[Kind, ...]] = ("label",)
    needs_probabilities: ClassVar[bool] = True
    lower_is_better: ClassVar[bool] = True

    def columns(self, pairs: Sequence[Pair], schema: Schema) -> Columns:
        true, chance = _labels.chances(pairs, schema)
        distance = ((chance - true) ** 2).sum(1) + ~true.any(1)
        return {"distance": distance / 2 if len(schema.labels) == 2 else distance}

    def measure(self, columns: Columns) -> float:
        distance = columns["distance"]
        return float(np.mean(distance)) if len(distance) else float("nan")
