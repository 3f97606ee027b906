"""Whether probabilities mean what they say: of the answers given with 0.8, eight in ten should be right.

Shapes: ``confidence`` float [rows] is the probability of the given answer, ``correct`` bool or 0/1 [rows].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15
"""Equal-width bins, as Guo et al. 2017 used."""


@dataclass(frozen=True)
class Bin:
    """One bar of the reliability diagram: answers with a confidence in (low, high]."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


def _place(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


def ece(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance of confidence and accuracy over bins, by their rows."""
    place = _place(confidence, bins)
    gap = np.bincount(place, weights=confidence - correct, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence)) if len(confidence) else float("nan")


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The bars of the reliability diagram that hold at least one row."""
    place = _place(confidence, bins)
    table = []
    for k in np.unique(place):
        inside = place == k
        mean, right = float(confidence[inside].mean()), float(np.mean(correct[inside]))
        table.append(Bin(int(k) / bins, (int(k) + 1) / bins, int(inside.sum()), mean, right))
    return table


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits along the last axis, without overflow."""
    exponent = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(exponent / exponent.sum(-1, keepdims=True))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The probability of each logit for itself, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float64))))


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature T that makes softmax(logits / T) most likely on these rows (Guo et al. 2017).

    The log-likelihood is concave in 1/T, so its slope has one zero and bisection finds it. T is kept in 0.05
    to 20: where every row is right (or every answer a coin's toss) the best T is 0 (or infinite), which means
    nothing. Shapes: logits float [rows, K], targets int [rows].
    """
    logits = np.asarray(logits, np.float64)
    chosen = logits[np.arange(len(logits)), targets]
    low, high = np.log(1 / 20), np.log(20.0)
    for _ in range(60):
        middle = (low + high) / 2
        expected = (softmax(logits * np.exp(middle)) * logits).sum(-1)
        if (expected - chosen).sum() > 0:
            high = middle
        else:
            low = middle
    return float(np.exp(-(low + high) / 2))
