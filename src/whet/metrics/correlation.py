"""Metrics of a real-valued answer: correlation with the truth, and distance from it.

A correlation with something constant is not defined and comes out as NaN, never as 0: a predictor that always
says the mean must not look like one that was measured and failed.

Shapes: all arrays are float [rows].
"""

from __future__ import annotations

import numpy as np


def pearson(true: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's r: how straight a line truth and answer lie on."""
    a, b = true - true.mean(), predicted - predicted.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    tiny = 1e-12 * float(np.abs(true).max()) * float(np.abs(predicted).max()) * len(true)
    return float(np.clip((a @ b) / spread, -1.0, 1.0)) if spread > tiny else float("nan")


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean rank."""
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean: np.ndarray = last - (count - 1) / 2
    return mean[inverse]


def spearman(true: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman's rho: Pearson's r of the ranks, so only the order of the answers counts."""
    return pearson(ranks(true), ranks(predicted))


def spearmans(true: np.ndarray, predicted: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """Spearman's rho of many resamples at once, float [K], whose rows are ``picks``, int [K, drawn]."""
    a, b = _ranks_in(true, picks), _ranks_in(predicted, picks)
    most = np.abs(a).max(1) * np.abs(b).max(1)
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    spread = np.sqrt(np.square(a).sum(1) * np.square(b).sum(1))
    known = spread > 1e-12 * most * picks.shape[1]
    return np.where(known, np.clip((a * b).sum(1) / np.where(known, spread, 1.0), -1.0, 1.0), np.nan)


def _ranks_in(values: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """The ``ranks`` inside every resample, float [K, drawn]: values are sorted once, and then only counted."""
    order = np.unique(values, return_inverse=True)[1]
    drawn, kinds = order[picks], int(order.max()) + 1
    apart = drawn + kinds * np.arange(len(picks))[:, None]
    count = np.bincount(apart.ravel(), minlength=kinds * len(picks)).reshape(len(picks), kinds)
    mean: np.ndarray = np.cumsum(count, axis=1) - (count - 1) / 2
    return np.take_along_axis(mean, drawn, axis=1)


def mse(true: np.ndarray, predicted: np.ndarray) -> float:
    """The mean squared distance."""
    return float(np.mean((true - predicted) ** 2))


def mae(true: np.ndarray, predicted: np.ndarray) -> float:
    """The mean distance, in the target's own unit."""
    return float(np.mean(np.abs(true - predicted)))


MEASURES = {"pearson": pearson, "spearman": spearman, "mse": mse, "mae": mae}
"""The metrics of a real-valued target, by the field's names."""
