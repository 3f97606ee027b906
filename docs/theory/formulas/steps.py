"""How the weights move: update rules, schedules, clipping."""

from __future__ import annotations

import numpy as np


def sgd(theta: np.ndarray, g: np.ndarray, rate: float) -> np.ndarray:
    return theta - rate * g


def momentum(
    theta: np.ndarray, u: np.ndarray, g: np.ndarray, rate: float, mu: float = 0.9
) -> tuple[np.ndarray, np.ndarray]:
    """The new weights and the new velocity, which starts at zero."""
    u = mu * u + g
    return theta - rate * u, u


def average(past: np.ndarray, new: np.ndarray, beta: float) -> np.ndarray:
    """A running average that forgets: both moments of Adam."""
    return beta * past + (1 - beta) * new


def unbiased(moment: np.ndarray, beta: float, t: int) -> np.ndarray:
    """What the average would be without the zero it began with; t counts steps from 1."""
    return moment / (1 - beta**t)


def adamw(
    theta: np.ndarray,
    gradients: list[np.ndarray],
    rates: list[float],
    decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> np.ndarray:
    """The weights after as many steps as there are gradients."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m, v = average(m, g, betas[0]), average(v, g**2, betas[1])
        direction = unbiased(m, betas[0], t) / (np.sqrt(unbiased(v, betas[1], t)) + eps)
        theta = theta - rate * (direction + decay * theta)
    return theta


def first_step(g: np.ndarray, rate: float, eps: float = 1e-8) -> np.ndarray:
    """How far Adam goes at step 1 without decay, whatever the gradient's size."""
    return -rate * g / (np.abs(g) + eps)


def with_penalty(theta: np.ndarray, g: np.ndarray, decay: float) -> np.ndarray:
    """The gradient with the L2 penalty's own."""
    return g + decay * theta


def linear(s: float, w: float) -> float:
    return min(s / w, (1 - s) / (1 - w))


def cosine(s: float, w: float) -> float:
    return min(1, s / w) * (1 + np.cos(np.pi * max(0, (s - w) / (1 - w)))) / 2


def slanted(s: float, w: float, ratio: float = 32) -> float:
    return (1 + (ratio - 1) * linear(s, w)) / ratio


def progress(t: int, steps: int) -> float:
    """How far training is in the middle of step t, counted from 0."""
    return (t + 0.5) / steps


def clip(g: np.ndarray, limit: float) -> np.ndarray:
    return g * min(1, limit / np.linalg.norm(g))
