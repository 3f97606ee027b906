"""Metrics of several labels a row, read off the counts of each label.

Conventions are scikit-learn's on indicator matrices: micro sums the counts of all labels, macro averages F1
over all labels, and a ratio without a denominator is 0.

Shapes: ``true`` and ``predicted`` are bool arrays [rows, labels]; counts are int arrays [labels].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.metrics.classification import ClassRow, class_rows, ratio


@dataclass(frozen=True)
class Counts:
    """Of each label: rows where it is rightly given, rows where it is given, rows that carry it."""

    right: np.ndarray
    given: np.ndarray
    carried: np.ndarray


def counts(true: np.ndarray, predicted: np.ndarray) -> Counts:
    """Count each label's rows."""
    return Counts((true & predicted).sum(0), predicted.sum(0), true.sum(0))


def f1_micro(count: Counts) -> float:
    """F1 over all (row, label) decisions together."""
    return float(ratio(2 * count.right.sum(), count.given.sum() + count.carried.sum()))


def f1_macro(count: Counts) -> float:
    """The mean of the labels' F1."""
    return float(ratio(2 * count.right, count.given + count.carried).mean())


def precision(count: Counts) -> float:
    """Of all labels given, the share that is right (micro)."""
    return float(ratio(count.right.sum(), count.given.sum()))


def recall(count: Counts) -> float:
    """Of all labels carried, the share that was given (micro)."""
    return float(ratio(count.right.sum(), count.carried.sum()))


def accuracy(true: np.ndarray, predicted: np.ndarray) -> float:
    """The share of rows whose whole set of labels is right (scikit-learn's subset accuracy)."""
    return float((true == predicted).all(1).mean()) if len(true) else float("nan")


def per_class(count: Counts, labels: Sequence[str]) -> list[ClassRow]:
    """The per-label table, in the order of the labels."""
    return class_rows(labels, count.right, count.given, count.carried)


def best_thresholds(true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """For each label the threshold with the highest F1 on these rows: a float array [labels].

    A threshold lies halfway between two neighbouring probabilities; 0.5 is kept where it is as good as the
    best, and where no row carries the label (nothing can be learnt there). Method: SCut with F1 (Yang 2001).
    """
    found = np.full(true.shape[1], 0.5)
    for k in range(true.shape[1]):
        truth, chance = true[:, k], probabilities[:, k]
        if not truth.any():
            continue
        falling = np.argsort(-chance, kind="stable")
        ranked, right = chance[falling], np.cumsum(truth[falling])
        f1 = 2 * right / (np.arange(1, len(truth) + 1) + truth.sum())
        f1[:-1][ranked[:-1] == ranked[1:]] = -1.0  # no threshold lies between equal probabilities
        best = int(np.argmax(f1))
        given = chance > 0.5
        usual = 2 * (truth & given).sum() / (given.sum() + truth.sum())
        if f1[best] > usual:
            below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
            found[k] = (ranked[best] + below) / 2
    return found
