"""Student's t: how surprising a value is, and how wide an interval must be, when its error is itself estimated."""

from __future__ import annotations

import math
from collections.abc import Callable

MOST_FREEDOM = 1e5
"""Beyond, t and the normal distribution agree in more digits than anyone reads."""


def two_sided(t: float, freedom: float) -> float:
    """The chance of a value at least as far from 0 as ``t``."""
    if math.isnan(t):
        return math.nan
    if math.isinf(t):
        return 0.0
    freedom = min(freedom, MOST_FREEDOM)
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def quantile(chance: float, freedom: float) -> float:
    """The value that is exceeded, on both sides together, with this chance."""
    if chance >= 1:
        return 0.0
    low, high = 1e-8, 1.0
    while two_sided(high, freedom) > chance:
        low, high = high, high * 4
    wanted = math.log(chance)
    return math.exp(root(lambda t: math.log(two_sided(math.exp(t), freedom)) - wanted, math.log(low), math.log(high)))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function is 0 between two ends: false position, as Dowell and Jarratt 1971 hasten it."""
    above, below = function(low), function(high)
    if above <= 0 or below >= 0:
        return low if above <= 0 else high
    for _ in range(100):
        middle = low + (high - low) * above / (above - below)
        here = function(middle)
        if abs(here) < 1e-12 or high - low < 1e-13 * abs(middle):
            return middle
        if here > 0:
            low, above, below = middle, here, below / 2
        else:
            high, below, above = middle, here, above / 2
    return middle


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # there the fraction of the other tail converges fast
        return 1 - _beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    top, bottom, whole = 1.0, 1 - (a + b) * x / (a + 1), 0.0
    bottom = 1 / (bottom if abs(bottom) > tiny else tiny)
    whole = bottom
    for m in range(1, 5000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            bottom = 1 + step * bottom
            bottom = 1 / (bottom if abs(bottom) > tiny else tiny)
            top = 1 + step / top
            top = top if abs(top) > tiny else tiny
            whole *= top * bottom
        if abs(top * bottom - 1) < 1e-15:
            break
    return front * whole
