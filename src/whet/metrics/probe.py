"""A linear probe: logistic regression on states (Alain and Bengio 2017), small enough to fit in a moment.

Shapes: ``states`` is float [n, d], ``labels`` int [n], ``weights`` float [d + 1, k].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEPS = 200
ENOUGH = 1e-6


@dataclass(frozen=True)
class Probe:
    """Weights over states that are centred and scaled as those were on which it was fitted."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray

    def probabilities(self, states: np.ndarray) -> np.ndarray:
        """Float [n, k]."""
        return _softmax(_with_one((states - self.mean) / self.scale) @ self.weights)


def fit_probe(states: np.ndarray, labels: np.ndarray, classes: int, decay: float = 1.0) -> Probe:
    """The multinomial logistic regression with the summed loss plus decay / 2 |weights|^2, the constant left free.

    One scale for all features keeps the states' geometry. Solved by Nesterov's descent in the space of the examples or
    of the features, whichever is smaller (a turn of the states changes nothing), with a step that is sure to descend.
    """
    mean = states.mean(0, dtype=np.float64)
    centred = states - mean
    scale = np.full(states.shape[1], max(float(np.sqrt((centred**2).sum(1).mean())), 1e-12))
    turned, turn = _small(centred / scale)
    x, truth = _with_one(turned), np.eye(classes)[labels]
    reach = np.linalg.norm(x, 2) ** 2 / 2 + decay
    held = np.full((x.shape[1], 1), decay)
    held[-1] = 0.0
    weights, ahead, pace = np.zeros((x.shape[1], classes)), np.zeros((x.shape[1], classes)), 1.0
    for _ in range(STEPS):
        slope = x.T @ (_softmax(x @ ahead) - truth) + held * ahead
        if np.abs(slope).max() < ENOUGH * len(x):
            break
        moved = ahead - slope / reach
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead, weights, pace = moved + (pace - 1) / faster * (moved - weights), moved, faster
    return Probe(mean, scale, np.vstack([turn @ ahead[:-1], ahead[-1:]]))


def _small(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same points in at most as many directions as there are points, and the directions ``[d, r]``."""
    if len(x) >= x.shape[1]:
        return x, np.eye(x.shape[1])
    directions = np.linalg.svd(x, full_matrices=False)[2].T
    return x @ directions, directions


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.hstack([x, np.ones((len(x), 1))])


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised: np.ndarray = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)
