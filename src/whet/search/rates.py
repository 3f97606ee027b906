"""The small search for a strategy's learning rate, on the validation rows and with the first seed only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

from whet.metrics.scores import LOWER_IS_BETTER, better
from whet.search.cells import Outcome

FACTOR = 3.0
"""From one rate to the next: in steps of about three a grid finds the best rate of its order (Bengio 2012)."""

Try = Callable[[float | None], Outcome]


def searched(attempt: Try, rates: int, metric: str, confidence: float) -> list[Outcome]:
    """Try the strategy's own rate, then a third, three times it, and so on outward, ``rates`` in all.

    Where the one taken lies at the edge the search goes one step on, once. The own rate (None) is tried first, for its
    run says which it is; where that cannot even begin, nothing more is tried.
    """
    tried = [attempt(None)]
    own = tried[0].rate
    if own is None or rates == 1:
        return tried
    steps = [0]
    for k in range(1, rates):
        steps.append((k + 1) // 2 * (-1 if k % 2 else 1))
        tried.append(attempt(own * FACTOR ** steps[-1]))
    at = steps[tried.index(taken(tried, metric, confidence))]
    if at in (min(steps), max(steps)):
        tried.append(attempt(own * FACTOR ** (at - 1 if at == min(steps) else at + 1)))
    return tried


def taken(tried: Sequence[Outcome], metric: str, confidence: float) -> Outcome:
    """The trial whose rate is nearest to the strategy's own (the first) among those within one standard error of the
    best validation score; of two as near the best, or the lower.

    On few validation rows the best of several scores is best by luck, and a rate far from the proven one pays for it on
    other rows: the rule of one standard error (Breiman et al. 1984) leaves the proven rate only where the rows say so.
    The error is read from the best score's interval at this ``confidence``, on its worse side.
    """
    best = tried[0]
    for one in tried[1:]:
        value = one.value("validation", metric)
        if value is not None and better(metric, value, best.value("validation", metric)):
            best = one
    bar = _one_error_worse(best, metric, confidence)
    if bar is None:
        return best
    within = [one for one in tried if one is best or not better(metric, bar, one.value("validation", metric))]
    near = min(_steps(one, tried[0]) for one in within)
    if _steps(best, tried[0]) == near:
        return best
    return next(one for one in within if _steps(one, tried[0]) == near)


def _one_error_worse(one: Outcome, metric: str, confidence: float) -> float | None:
    value = one.value("validation", metric)
    end = one.value("validation", metric, "high" if metric in LOWER_IS_BETTER else "low")
    if value is None or end is None:
        return value
    return value + (end - value) / NormalDist().inv_cdf((1 + confidence) / 2)


def _steps(one: Outcome, own: Outcome) -> int:
    """How many times the search's factor a rate lies from the strategy's own; None only before a cell has begun."""
    return abs(round(math.log((one.rate or 1.0) / (own.rate or 1.0), FACTOR)))
