"""Balanced accuracy: the mean over labels of the share of their rows that is answered rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from whet.measures import _agreement
from whet.measures.contract import Kind, Metric
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class BalancedAccuracy(Metric):
    """Balanced accuracy: the mean over labels of the share of their rows that is answered rightly.

    Whoever always says the most frequent of K labels has 1/K. Unlike the macro ``recall`` it leaves out labels that are
    answered and that no row carries.
    """

    answers: ClassVar[tuple[Kind, ...]] = ("label",)

    def columns(self, pairs: Sequence[Pair], schema: Schema) -> Columns:
        return _agreement.columns(pairs, schema)

    def measure(self, columns: Columns) -> float:
        matrix = _agreement.matrix(columns)
        carried = matrix.sum(1)
        there = carried > 0
        return float(np.mean(np.diag(matrix)[there] / carried[there])) if there.any() else float("nan")
