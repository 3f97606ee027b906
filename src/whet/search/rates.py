"""The small search for a strategy's learning rate, on the validation rows and with the first seed only."""

from __future__ import annotations

from collections.abc import Callable

from whet.search.cells import Outcome, best_of

FACTOR = 3.0
"""From one rate to the next: in steps of about three a grid finds the best rate of its order (Bengio 2012)."""

Try = Callable[[float | None], Outcome]


def searched(attempt: Try, rates: int, metric: str) -> list[Outcome]:
    """Try the strategy's own rate, then a third, three times it, and so on outward, ``rates`` in all.

    Where the best lies at the edge the search goes one step on, once. The own rate (None) is tried first, for its run
    says which it is; where that cannot even begin, nothing more is tried.
    """
    tried = [attempt(None)]
    own = tried[0].rate
    if own is None or rates == 1:
        return tried
    steps = [0]
    for k in range(1, rates):
        steps.append((k + 1) // 2 * (-1 if k % 2 else 1))
        tried.append(attempt(own * FACTOR ** steps[-1]))
    best = steps[tried.index(best_of(tried, metric))]
    if best in (min(steps), max(steps)):
        tried.append(attempt(own * FACTOR ** (best - 1 if best == min(steps) else best + 1)))
    return tried
