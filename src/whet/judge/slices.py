"""Groups of rows in which the model is weaker than luck explains, however many groups were asked.

Every group's mean quality is compared with that of all other rows, and the largest of all these differences with the
largest that shuffled rows give (step-down max T, Westfall and Young 1993): under no difference at all, a finding comes
in one of twenty data sets, whether three groups were asked or three hundred that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.core import draws
from whet.judge.traits import FEWEST, Group

LEVEL = 0.05
"""How often a finding may come where there is nothing to find."""
SHUFFLES = 1000
"""Shuffles of the rows: the smallest p is then a thousandth."""
MOST_ROWS = 20_000
"""Rows that are searched, drawn where there are more: a difference of two points in a tenth of them is seen."""
CELLS = 6_000_000
"""Groups times rows that are asked, within 300 and 1000 groups: about two seconds."""
MOST_FOUND = 5
"""Slices that are told, the surest first."""
SIMPLER = 0.9
"""Of a group and one of its two conditions alone, the latter is told where its statistic is at least so large."""
_BLOCK = 50


@dataclass(frozen=True)
class Asked:
    """A group with what was asked of it: ``worse`` is the standardised difference (large where the group is weaker),
    ``p`` is adjusted for all groups asked.
    """

    group: Group
    worse: float
    p: float


def most_groups(rows: int) -> int:
    """How many groups are asked of so many rows."""
    return int(np.clip(CELLS // max(rows, 1), 300, 1000))


def ask(groups: Sequence[Group], quality: np.ndarray, seed: int) -> list[Asked]:
    """Every group with its adjusted p, in the order in which they came. Rows whose quality is NaN are left out."""
    known = ~np.isnan(quality)
    if not groups or known.sum() < 2 * FEWEST or np.ptp(quality[known]) == 0:
        return []
    member = np.stack([group.member[known] for group in groups])
    values, p = adjusted(member, quality[known], seed)
    return [Asked(*one) for one in zip(groups, values.tolist(), p.tolist(), strict=True)]


def adjusted(member: np.ndarray, quality: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How much worse each group is, in standard errors, and its adjusted p; ``member`` is bool [groups, rows]."""
    rows, inside = len(quality), member.sum(1)
    known = (inside > 0) & (inside < rows)
    error = np.sqrt(np.where(known, inside * (rows - inside), 1) / rows)
    weights = (member / error[:, None]).astype(np.float32)
    weights[~known] = 0
    even = ((quality - quality.mean()) / quality.std()).astype(np.float32)
    worse = -(weights @ even)
    order = np.argsort(-worse, kind="stable")
    weights, reached = weights[order], worse[order] - 1e-4  # float32 sums of the same rows in another order
    random, as_bad = draws.generator(seed, "slices"), np.zeros(len(order))
    for start in range(0, SHUFFLES, _BLOCK):
        count = min(_BLOCK, SHUFFLES - start)
        chance = -(weights @ np.stack([random.permutation(even) for _ in range(count)], 1))
        largest = np.maximum.accumulate(chance[::-1], 0)[::-1]  # of this group and all that are less bad
        as_bad += (largest >= reached[:, None]).sum(1)
    p = np.empty(len(order))
    p[order] = np.maximum.accumulate((1 + as_bad) / (1 + SHUFFLES))
    return worse, p


def weakest(asked: Sequence[Asked], quality: np.ndarray, level: float = LEVEL) -> list[Asked]:
    """The significant groups that each tell something new, the surest first.

    A group is passed over where its rows outside those already told are no longer weaker by two standard errors.
    """
    left = sorted((one for one in asked if one.p <= level), key=lambda one: (-one.worse, len(one.group.conditions)))
    free = ~np.isnan(quality)
    found: list[Asked] = []
    for one in left:
        if len(found) == MOST_FOUND:
            break
        one = _simpler(one, left)
        if one not in found and (not found or _still_worse(one.group.member & free, quality, free)):
            found.append(one)
            free = free & ~one.group.member
    return found


def _simpler(one: Asked, others: Sequence[Asked]) -> Asked:
    """The same, or one of its conditions alone that is nearly as weak."""
    conditions = set(one.group.conditions)
    parts = [o for o in others if set(o.group.conditions) < conditions and o.worse >= SIMPLER * one.worse]
    return max(parts, key=lambda part: part.worse, default=one)


def _still_worse(member: np.ndarray, quality: np.ndarray, free: np.ndarray) -> bool:
    inside, outside = quality[member], quality[free & ~member]
    if min(len(inside), len(outside)) < FEWEST:
        return False
    error = quality[free].std() * np.sqrt(1 / len(inside) + 1 / len(outside))
    return bool(outside.mean() - inside.mean() > 2 * error)
