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

    Examples with the same text go together, so the number may differ by the size of one such group. The
    last one with a label always stays: what is to be answered must be there to be learnt from.
    """
    by_text: dict[str, list[int]] = defaultdict(list)
    for position, example in enumerate(examples):
        by_text[fold("\x1f".join(example.inputs))].append(position)
    groups = list(by_text.values())
    own = labels_of(examples)
    labels = [{label for place in group for label in own[place]} for group in groups]
    left = Counter(label for found in labels for label in found)
    strata: dict[Hashable, list[int]] = defaultdict(list)
    for number, key in enumerate(_strata([examples[group[0]] for group in groups])):
        strata[key].append(number)
    random = draws.generator(seed, "split", site)
    taken: list[int] = []
    owed = 0.0
    for members in strata.values():
        owed += count * sum(len(groups[number]) for number in members) / len(examples)
        for number in random.permutation(members)[1:]:
            if owed < 0.5:
                break
            if all(left[label] > 1 for label in labels[number]):
                left.subtract(labels[number])
                taken.extend(groups[number])
                owed -= len(groups[number])
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


def is_number(target: Any) -> bool:
    """Whether a target is a number, or the text of one."""
    return _number(target) is not None


def labels_in(target: Any) -> tuple[str, ...]:
    """The labels that a target names: itself, or its parts where it is a list of them."""
    if isinstance(target, str):
        return (target,)
    if isinstance(target, (list, tuple, set, frozenset)):
        return tuple(part for part in target if isinstance(part, str))
    return ()


def fold(text: str) -> str:
    """A text as it is compared: without case, and with every run of white space as one space."""
    return re.sub(r"\s+", " ", text).strip().casefold()


def labels_of(examples: Sequence[Example]) -> list[tuple[str, ...]]:
    """Each example's labels; none where targets are numbers on a scale, or texts that hardly come back."""
    labels = [labels_in(example.target) for example in examples]
    flat = [label for found in labels for label in found]
    texts = len(set(flat)) > max(SCALE, len(flat) / 2) or all(e.target in e.inputs for e in examples)
    return [()] * len(examples) if texts or _numbers(examples) is not None else labels


def _strata(examples: Sequence[Example]) -> list[Hashable]:
    """What each example is drawn by: its label or labels, a tenth of all for numbers; rare ones together."""
    numbers = _numbers(examples)
    if numbers is not None:
        tenths = np.quantile(numbers, np.linspace(0.1, 0.9, 9))
        return [int(place) for place in np.searchsorted(tenths, numbers)]
    keys = [tuple(sorted(set(labels))) for labels in labels_of(examples)]
    times = Counter(keys)
    return [key if len(key) < 2 or times[key] >= RARE else "rare" for key in keys]


def _numbers(examples: Sequence[Example]) -> np.ndarray | None:
    """The targets as numbers where they are a scale, else None."""
    numbers = [_number(example.target) for example in examples]
    return None if None in numbers or len(set(numbers)) <= SCALE else np.array(numbers, dtype=float)


def _number(target: Any) -> float | None:
    try:
        return None if isinstance(target, (bool, tuple, list)) else float(target)
    except (TypeError, ValueError):
        return None
