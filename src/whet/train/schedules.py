"""How the learning rate moves with training: pure functions from progress (0 to 1) to a factor on the peak rate."""

from __future__ import annotations

import math
from collections.abc import Callable

RATIO = 32
"""How much lower the slanted triangle starts and ends than its peak (Howard & Ruder 2018)."""


def linear(progress: float, warmup: float) -> float:
    """Rise for the share ``warmup`` of training, then fall in a straight line to 0."""
    return _rise(progress, warmup) * _share_left(progress, warmup)


def cosine(progress: float, warmup: float) -> float:
    """Rise, then fall along half a cosine to 0 (Loshchilov & Hutter 2017)."""
    return _rise(progress, warmup) * 0.5 * (1 + math.cos(math.pi * (1 - _share_left(progress, warmup))))


def constant(progress: float, warmup: float) -> float:
    """Rise, then stay."""
    return _rise(progress, warmup)


def slanted_triangular(progress: float, warmup: float) -> float:
    """Rise fast from 1/32 of the peak, fall slowly back to it (ULMFiT, Howard & Ruder 2018)."""
    if progress < warmup:
        height = progress / warmup
    else:
        height = _share_left(progress, warmup)
    return (1 + height * (RATIO - 1)) / RATIO


SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "linear": linear,
    "cosine": cosine,
    "constant": constant,
    "slanted-triangular": slanted_triangular,
}


def factor(name: str, step: int, steps: int, warmup: float) -> float:
    """The factor for step ``step`` (from 0) of ``steps``, above 0 at every step so that none is wasted."""
    progress = (step + 0.5) / max(steps, 1)
    return SCHEDULES[name](progress, warmup)


def _rise(progress: float, warmup: float) -> float:
    return min(1.0, progress / warmup) if warmup > 0 else 1.0


def _share_left(progress: float, warmup: float) -> float:
    return min(1.0, (1 - progress) / (1 - warmup)) if warmup < 1 else 1.0
