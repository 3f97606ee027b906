"""Probabilities from logits, their loss, and the gradients."""

from __future__ import annotations

import numpy as np


def log_sum_exp(z: np.ndarray) -> float:
    m = z.max()
    return float(m + np.log(np.exp(z - m).sum()))


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z - log_sum_exp(z))


def cross_entropy(z: np.ndarray, y: int) -> float:
    return log_sum_exp(z) - float(z[y])


def jacobian(z: np.ndarray) -> np.ndarray:
    """Row i, column j: how p_i changes with z_j."""
    p = softmax(z)
    return p[:, None] * (np.eye(len(z)) - p[None, :])


def gradient(z: np.ndarray, y: int) -> np.ndarray:
    """How the cross-entropy changes with each logit."""
    return softmax(z) - np.eye(len(z))[y]


def wrong_gradient(z: np.ndarray, y: int) -> np.ndarray:
    """The widely copied mistake: all rows of the Jacobian added up where row y belongs."""
    return -jacobian(z).sum(axis=0) / softmax(z)[y]


def right_gradient(z: np.ndarray, y: int) -> np.ndarray:
    """The same line with row y alone."""
    return -jacobian(z)[y] / softmax(z)[y]


def soft_gradient(z: np.ndarray, q: np.ndarray) -> np.ndarray:
    """For a target that is a distribution: every row, each with its weight."""
    return (-q / softmax(z)) @ jacobian(z)


def sigmoid(z: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def sigmoid_slope(z: np.ndarray) -> np.ndarray:
    return sigmoid(z) * (1 - sigmoid(z))


def binary_cross_entropy(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


def binary_gradient(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return sigmoid(z) - y
