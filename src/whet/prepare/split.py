"""Splits where the user brought none: seeded, stratified, and never with one text on both sides.

Every draw is a function of the seed and the split's name alone, so the same file gives the same splits
anywhere.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from whet.core import draws
from whet.tasks.contract import Example

RARE = 5
"""Strata with fewer groups are drawn together: alone they are too small to share out by a tenth."""

SCALE = 20
"""More different numbers than this are a scale, drawn by tenths of its rows."""


def take(examples: Sequence[Example], count: int, seed: int, site: str) -> list[int]:
    """Positions of about ``count`` examples, in ascending order, the strata in the whole's proportions.

    Examples with the same text go together, so the number may differ by the size of one such group. A
    stratum of more than one group always leaves one behind: what is to be learnt must stay to be learnt
    from.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for position, example in enumerate(examples):
        groups[fold("\x1f".join(example.inputs))].append(position)
    strata: dict[Hashable, list[list[int]]] = defaultdict(list)
    keys = _strata([examples[members[0]] for members in groups.values()])
    for key, members in zip(keys, groups.values(), strict=True):
        strata[key].append(members)
    random = draws.generator(seed, "split", site)
    taken: list[int] = []
    wanted = count / max(1, len(examples))
    owed = 0.0
    for members_of in strata.values():
        owed += wanted * sum(map(len, members_of))
        most = len(members_of) - 1
        for place in random.permutation(len(members_of))[:most]:
            if owed < 0.5:
                break
            taken.extend(members_of[place])
            owed -= len(members_of[place])
    return sorted(taken)


def thin(examples: Sequence[Example], most: int, seed: int, site: str) -> list[int]:
    """Positions of exactly ``most`` examples (or all, where there are fewer), stratified, ascending."""
    if len(examples) <= most:
        return list(range(len(examples)))
    strata: dict[Hashable, list[int]] = defaultdict(list)
    for position, key in enumerate(_strata(examples)):
        strata[key].append(position)
    random = draws.generator(seed, "thin", site)
    ranked: list[tuple[float, int]] = []
    for members in strata.values():
        shuffled = random.permutation(len(members))
        # the k-th of n members stands at (k + 1/2) / n: cutting this list anywhere keeps the proportions
        ranked.extend(((rank + 0.5) / len(members), members[place]) for rank, place in enumerate(shuffled))
    return sorted(position for _, position in sorted(ranked)[:most])


def fold(text: str) -> str:
    """A text as it is compared: without case, and with every run of white space as one space."""
    return re.sub(r"\s+", " ", text).strip().casefold()


def _strata(examples: Sequence[Example]) -> list[Hashable]:
    """What each example is drawn by: its label or labels, a tenth of all for numbers; rare ones together."""
    numbers = [_number(example.target) for example in examples]
    if len(set(numbers)) > SCALE and None not in numbers:
        values = np.array(numbers, dtype=float)
        return [
            int(place) for place in np.searchsorted(np.quantile(values, np.linspace(0.1, 0.9, 9)), values)
        ]
    keys = [_key(example.target) for example in examples]
    times = Counter(keys)
    return [key if isinstance(key, str) or times[key] >= RARE else "rare" for key in keys]


def _number(target: Any) -> float | None:
    try:
        return None if isinstance(target, (bool, tuple, list)) else float(target)
    except (TypeError, ValueError):
        return None


def _key(target: object) -> Hashable:
    if isinstance(target, (list, tuple, set, frozenset)):
        return tuple(sorted({str(part) for part in target}))
    return "" if target is None else str(target)
