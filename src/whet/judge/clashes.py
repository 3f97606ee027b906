"""Classes that the model cannot tell apart, both ways: candidates to be merged, or to be defined more sharply.

Of the rows that carry one of two labels and were answered with one of the two, the balanced accuracy is asked: 1 where
they are always told apart, 0.5 where a coin would do. A pair clashes where that is significantly below 0.75, halfway
(a normal test on Agresti and Caffo's adjusted shares, 2000; Holm 1979 over all pairs asked). Most pairs of many classes
are told apart well and would only make the level stricter: those with p above 0.8 are set aside, and what is left is
divided by 0.8 for it (Zhao, Small and Su 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

HALFWAY = 0.75
FEWEST, TWICE = 10, 2
"""Rows of each class answered with one of the two, below which no pair is asked, and rows taken for the other each way,
below which none is told."""
LEVEL, ASIDE = 0.05, 0.8
NORMAL = NormalDist()


@dataclass(frozen=True)
class Clash:
    """Two classes with the rows taken for the other, how well they are told apart, and what merging would give.

    ``of`` says what is counted: rows, words or entities.
    """

    of: str
    first: str
    second: str
    first_as_second: int
    second_as_first: int
    rows: int
    told_apart: float
    p: float
    asked: int
    accuracy: float
    accuracy_merged: float


def clashes(confusion: Mapping[str, Any] | None) -> list[Clash]:
    """The pairs that clash, surest first; none where merging would leave a single class.

    Of entities those count that something met: one that was not seen at all was not taken for another type.
    """
    if confusion is None:
        return []
    labels, counts = confusion["labels"], np.asarray(confusion["counts"], np.float64)
    if confusion["of"] == "entities":
        labels, counts = labels[:-1], counts[:-1, :-1]
    if len(labels) < 3:
        return []
    own = np.diag(counts)
    own_rows = own[:, None] + counts  # [i, j]: rows of i answered with i or j
    first, second = np.nonzero(np.triu(np.minimum(own_rows, own_rows.T) >= FEWEST, 1))
    told, spread = np.zeros(len(first)), np.zeros(len(first))
    for one, other in ((first, second), (second, first)):
        rows = own_rows[one, other] + 2
        share = (own[one] + 1) / rows
        told, spread = told + share / 2, spread + share * (1 - share) / rows / 4
    z = (HALFWAY - told) / np.sqrt(spread)
    asked = np.flatnonzero(z >= NORMAL.inv_cdf(1 - ASIDE))
    found = []
    for place, k in enumerate(asked[np.argsort(-z[asked], kind="stable")].tolist()):
        p = NORMAL.cdf(-float(z[k])) / ASIDE
        if p > LEVEL / (len(asked) - place):
            break
        i, j = int(first[k]), int(second[k])
        if min(counts[i, j], counts[j, i]) >= TWICE:
            found.append(_clash(confusion["of"], labels, counts, i, j, p, len(asked)))
    return found


def _clash(of: str, labels: list[str], counts: np.ndarray, i: int, j: int, p: float, asked: int) -> Clash:
    whole, right = counts.sum(), np.trace(counts)
    pair = counts[np.ix_([i, j], [i, j])]
    told = float((pair[0, 0] / pair[0].sum() + pair[1, 1] / pair[1].sum()) / 2)
    merged = float((right + counts[i, j] + counts[j, i]) / whole)
    both = int(counts[i, j]), int(counts[j, i])
    return Clash(of, labels[i], labels[j], *both, int(pair.sum()), told, p, asked, float(right / whole), merged)
