"""Probabilities that mean what they say: temperature, calibration error, label smoothing."""

from __future__ import annotations

import numpy as np

from .softmax import cross_entropy, softmax


def with_temperature(z: np.ndarray, temperature: float) -> np.ndarray:
    return softmax(z / temperature)


def slope(logits: np.ndarray, targets: np.ndarray, beta: float) -> float:
    """How the summed loss of all rows changes with beta = 1 / T."""
    return sum(float(softmax(beta * z) @ z - z[y]) for z, y in zip(logits, targets, strict=True))


def curvature(logits: np.ndarray, beta: float) -> float:
    """The second derivative: a sum of variances, so never below zero."""
    found = 0.0
    for z in logits:
        p = softmax(beta * z)
        found += float(p @ (z - p @ z) ** 2)
    return found


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    place = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
    return sum(
        float(np.mean(place == b) * abs(right[place == b].mean() - confidence[place == b].mean()))
        for b in np.unique(place)
    )


def smoothed(y: int, classes: int, eps: float) -> np.ndarray:
    """The target with a share eps spread over all classes."""
    return (1 - eps) * np.eye(classes)[y] + eps / classes


def smooth_loss(z: np.ndarray, y: int, eps: float) -> float:
    return (1 - eps) * cross_entropy(z, y) + eps * float(np.mean([cross_entropy(z, i) for i in range(len(z))]))


def smooth_gradient(z: np.ndarray, y: int, eps: float) -> np.ndarray:
    return softmax(z) - smoothed(y, len(z), eps)


def best_gap(classes: int, eps: float) -> float:
    """How far the right logit stands above the others where the smoothed loss is least."""
    return float(np.log((classes * (1 - eps) + eps) / eps))
