"""What must hold before a ratio counts: both sides did the same work, and did it well.

Every gate takes figures and gives back sentences about what is wrong, none where all is well; a row of the table with
any such sentence is INVALID, however fast it was.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

TOLERANCE = 1e-3
"""How far two losses may be apart, as a share of the larger: rounding in another order of sums, nothing more."""
ERRORS = 2.0
"""How many standard errors of their difference whet's mean score may lie below the peer's."""
AGREEMENT = 0.99
"""The share of rows to which both sides must give one label: precisions differ, and a few rows lie on the border."""

Runs = Sequence[dict[str, Any]]


def gradients(runs: Runs, side: str) -> list[str]:
    """A side without gradients is fast and learns nothing."""
    least = [run["least_gradient_norm"] for run in runs]
    if any(norm is None or not norm > 0 for norm in least):
        return [f"{side} took steps whose gradient norm is not above zero ({least})"]
    return []


def protocol(ours: Runs, theirs: Runs) -> list[str]:
    """Equal rows, batch, epochs and steps, as whet's recipe and the peer's arguments have them."""
    faults = []
    for name in ("rows", "batch_size", "epochs", "steps"):
        both = {run[name] for run in ours}, {run[name] for run in theirs}
        if both[0] != both[1] or len(both[0]) != 1:
            told = [", ".join(str(value) for value in sorted(values)) for values in both]
            faults.append(f"{name} differ: {told[0]} in whet, {told[1]} in the peer")
    return faults


def moving(ours: Runs, theirs: Runs) -> list[str]:
    """Equal counts of trained weights."""
    both = sorted({run["moved"] for run in ours}), sorted({run["moved"] for run in theirs})
    if both[0] != both[1] or len(both[0]) != 1:
        return [f"trained weights differ: {both[0]} in whet, {both[1]} in the peer"]
    return []


def quality(ours: Runs, theirs: Runs, higher_is_better: bool = True) -> list[str]:
    """whet's mean over the seeds may not lie below the peer's by more than chance explains.

    With one pair there is no standard error, and nothing can be said: the row is then as good as its other gates.
    """
    if min(len(ours), len(theirs)) < 2:
        return []
    mine, other = ([run["score"] for run in runs] for runs in (ours, theirs))
    behind = statistics.mean(other) - statistics.mean(mine)
    behind = behind if higher_is_better else -behind
    error = (statistics.variance(mine) / len(mine) + statistics.variance(other) / len(other)) ** 0.5
    if behind > ERRORS * error:
        means = f"{statistics.mean(mine):.4f} against {statistics.mean(other):.4f}"
        return [
            f"whet's mean score is worse by {behind / error if error else float('inf'):.1f} standard errors ({means})"
        ]
    return []


def losses(mine: Sequence[float], other: Sequence[float]) -> list[str]:
    """From the same weights and on the same batch, without dropout, the first steps' losses agree to rounding."""
    if not mine or len(mine) != len(other):
        return [f"{len(mine)} first losses of whet stand beside {len(other)} of the plain model"]
    apart = [abs(a - b) / max(abs(a), abs(b), 1e-12) for a, b in zip(mine, other, strict=True)]
    if not all(share <= TOLERANCE for share in apart):  # a NaN is no agreement either
        return [f"first losses differ by {max(apart):.1e}: {_four(mine)} in whet, {_four(other)} in the plain model"]
    return []


def answers(mine: Sequence[str], other: Sequence[str]) -> list[str]:
    """Both sides answered every row, and nearly all alike."""
    if not mine or len(mine) != len(other):
        return [f"whet answered {len(mine)} rows, the peer {len(other)}"]
    share = sum(a == b for a, b in zip(mine, other, strict=True)) / len(mine)
    return [] if share >= AGREEMENT else [f"only {share:.1%} of the rows have one answer on both sides"]


def below_roof(shares: Sequence[float]) -> list[str]:
    """Nothing is faster than the products it consists of: a share above one shows a wrong roof."""
    wrong = [share for share in shares if not 0 < share <= 1]
    return [f"shares of the roof must lie between 0 and 1: {_four(wrong)}"] if wrong or not shares else []


def _four(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
