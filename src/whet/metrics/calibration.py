"""Whether probabilities mean what they say: of the answers given with 0.8, eight in ten should be right.

Shapes: ``confidence`` float [rows] is the probability of the given answer, ``correct`` bool or 0/1 [rows].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whet.core import draws

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


def luck(confidence: np.ndarray) -> float:
    """How large an ECE so many answers, each right with exactly its confidence, reach in 95 of 100 cases.

    In each bin the sum of such answers' gaps is nearly normal, its variance the sum of p (1 - p).
    """
    place = _place(confidence, BINS)
    spread = np.sqrt(np.bincount(place, weights=confidence * (1 - confidence), minlength=BINS))
    gaps = np.abs(draws.generator(0, "luck").normal(0, spread, (1000, BINS)))
    return float(np.quantile(gaps.sum(1), 0.95) / len(confidence)) if len(confidence) else float("nan")


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The bars of the reliability diagram that hold at least one row."""
    place = _place(confidence, bins)
    table = []
    for k in np.unique(place):
        inside = place == k
        mean, right = float(confidence[inside].mean()), float(np.mean(correct[inside]))
        table.append(Bin(int(k) / bins, (int(k) + 1) / bins, int(inside.sum()), mean, right))
    return table


def softmax(logits: np.ndarray, temperature: float | None = None) -> np.ndarray:
    """Probabilities of logits along the last axis, without overflow; those at a ``temperature`` where one is given."""
    logits = np.asarray(logits, np.float64) / (temperature or 1.0)
    exponent = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(exponent / exponent.sum(-1, keepdims=True))


def sigmoid(logits: np.ndarray, temperature: float | None = None) -> np.ndarray:
    """The probability of each logit for itself, without overflow; at a ``temperature`` where one is given."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float64) / (temperature or 1.0))))


WIDEST = 20.0
"""Temperatures between 1/20 and 20 are looked at; an optimum beyond says that the rows tell nothing about it."""


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float | None:
    """The temperature T that makes softmax(logits / T) most likely on these rows (Guo et al. 2017).

    The log-likelihood is concave in 1/T, so its slope has one zero and bisection finds it. None where these
    rows know no T: where every row is right (T = 0 would be likeliest, and every answer certain), where none is
    (no answer could be unsure enough), and where the optimum lies outside 1/20 to 20. Shapes: logits float [rows, K],
    targets int [rows].
    """
    logits = np.asarray(logits, np.float64)
    right = logits.argmax(-1) == targets
    chosen = logits[np.arange(len(logits)), targets]

    def falls(at: float) -> bool:
        """Whether the likelihood falls as log(1/T) grows beyond this."""
        return bool(((softmax(logits * np.exp(at)) * logits).sum(-1) - chosen).sum() > 0)

    low, high = -np.log(WIDEST), np.log(WIDEST)
    if right.all() or not right.any() or falls(low) or not falls(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if falls(middle) else (middle, high)
    return float(np.exp(-(low + high) / 2))
