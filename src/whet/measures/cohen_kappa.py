"""Cohen's kappa: how far answers and truth agree beyond what chance alone would make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from whet.measures import _agreement
from whet.measures._labels import value_of
from whet.measures.contract import Kind, Metric
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class CohenKappa(Metric):
    """Cohen's kappa: how far answers and truth agree beyond what chance alone would make them.

    1 is full agreement, 0 what chance gives. With weights a near miss is a smaller mistake than a far one, as it should
    be for stars and grades; what counts are steps in the labels' order.
    """

    weights: Literal["none", "linear", "quadratic"] = "none"
    """What a miss by several steps costs: ``none`` the same as by one, ``linear`` by its steps, ``quadratic`` by their
    square, which is custom for ratings; with weights the labels must be numbers, for others have no order."""

    answers: ClassVar[tuple[Kind, ...]] = ("label",)

    def objection(self, schema: Schema) -> str:
        words = [label for label in schema.labels if value_of(label) is None]
        if self.weights == "none" or not words:
            return ""
        return f"with weights={self.weights} needs labels that are numbers; '{words[0]}' has no place in an order"

    def columns(self, pairs: Sequence[Pair], schema: Schema) -> Columns:
        return _agreement.columns(pairs, schema)

    def measure(self, columns: Columns) -> float:
        matrix = _agreement.matrix(columns)
        steps = np.abs(np.subtract.outer(np.arange(len(matrix)), np.arange(len(matrix)))).astype(np.float64)
        cost = {"none": np.minimum(steps, 1), "linear": steps, "quadratic": steps**2}[self.weights]
        by_chance = float((cost * np.outer(matrix.sum(1), matrix.sum(0))).sum())
        return 1.0 - float((cost * matrix).sum()) * float(matrix.sum()) / by_chance if by_chance else float("nan")
