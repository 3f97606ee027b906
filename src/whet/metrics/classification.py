"""Metrics of one label a row, all read off the confusion matrix.

One bincount makes the matrix, and every metric is a handful of sums over it; so a bootstrap of a thousand
draws costs a thousand bincounts. Conventions are scikit-learn's: macro averages run over the classes that
occur in the truth or in the answers, and a ratio without a denominator is 0.

Shapes: ``true`` and ``predicted`` are int arrays [rows] of class numbers in 0..K-1; a matrix is [K, K], truth
in rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassRow:
    """One class in the per-class table: how well it is found, and how many rows carry it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


def confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count rows by (truth, answer): an int array [classes, classes]."""
    joint = np.asarray(true, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(joint, minlength=classes * classes).reshape(classes, classes)


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide, with 0 where there is nothing to divide by."""
    below = np.asarray(below, np.float64)
    return np.asarray(np.divide(above, below, out=np.zeros_like(below), where=below != 0))


def accuracy(matrix: np.ndarray) -> float:
    """The share of rows answered rightly; NaN without rows."""
    total = matrix.sum()
    return float(np.trace(matrix) / total) if total else float("nan")


def _macro(matrix: np.ndarray, each: np.ndarray) -> float:
    seen = (matrix.sum(0) + matrix.sum(1)) > 0
    return float(each[seen].mean()) if seen.any() else float("nan")


def precision(matrix: np.ndarray) -> float:
    """The mean over classes of: of the rows given this label, the share that carries it."""
    return _macro(matrix, ratio(np.diag(matrix), matrix.sum(0)))


def recall(matrix: np.ndarray) -> float:
    """The mean over classes of: of the rows that carry this label, the share that was given it."""
    return _macro(matrix, ratio(np.diag(matrix), matrix.sum(1)))


def f1_macro(matrix: np.ndarray) -> float:
    """The mean over classes of F1 = 2 tp / (2 tp + fp + fn): every class counts alike, however rare."""
    return _macro(matrix, ratio(2 * np.diag(matrix), matrix.sum(0) + matrix.sum(1)))


def f1_micro(matrix: np.ndarray) -> float:
    """F1 over all decisions together; with one label a row it equals accuracy."""
    return accuracy(matrix)


def matthews(matrix: np.ndarray) -> float:
    """Matthews' correlation for any number of classes (Gorodkin 2004): 1 perfect, 0 chance, -1 inverted."""
    counts = matrix.astype(np.float64)
    total, right = counts.sum(), np.trace(counts)
    truth, answers = counts.sum(1), counts.sum(0)
    spread = np.sqrt((total**2 - answers @ answers) * (total**2 - truth @ truth))
    return float((right * total - truth @ answers) / spread) if spread else 0.0


def class_rows(labels: Sequence[str], right: np.ndarray, given: np.ndarray, carried: np.ndarray) -> list[ClassRow]:
    """Make the table from each label's counts (int arrays [labels])."""
    found, of, f1 = ratio(right, given), ratio(right, carried), ratio(2 * right, given + carried)
    return [
        ClassRow(label, float(found[k]), float(of[k]), float(f1[k]), int(carried[k]), int(given[k]))
        for k, label in enumerate(labels)
    ]


def per_class(matrix: np.ndarray, labels: Sequence[str]) -> list[ClassRow]:
    """The per-class table, in the order of the labels."""
    return class_rows(labels, np.diag(matrix), matrix.sum(0), matrix.sum(1))


MEASURES = {
    "accuracy": accuracy,
    "f1_macro": f1_macro,
    "f1_micro": f1_micro,
    "matthews": matthews,
    "precision": precision,
    "recall": recall,
}
"""The metrics of one label a row, by the field's names; precision and recall are macro averages."""
