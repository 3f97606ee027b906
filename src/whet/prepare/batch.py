"""Steps of a fixed number of examples, cut into micro-batches of a bounded number of tokens.

Two runs with one batch size take equal steps whatever their memory, and memory is bounded by tokens
whatever the texts' lengths. The order is a function of (seed, stage, epoch), so a run that goes on sees
what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from whet.core import draws
from whet.nn.layout import Flat
from whet.tasks.contract import Batch, Features

WINDOW = 1024
"""Examples sorted by length at a time in a sweep: enough to fill batches evenly, little enough to stream."""


@dataclass(frozen=True)
class Step:
    """One update of the weights: its micro-batches, how many examples, and the weight of their targets."""

    micro: tuple[Batch, ...]
    examples: int
    supervised: float


def steps(
    features: Sequence[Features], batch_size: int, tokens_per_batch: int, seed: int, stage: int, epoch: int
) -> Iterator[Step]:
    """One epoch: every example exactly once, ``batch_size`` a step, the last step with what is left.

    The windows of one example stay in one step. A window longer than ``tokens_per_batch`` goes alone.
    """
    parts = by_example(features)
    order = draws.order(len(parts), seed, stage, epoch)
    for first in range(0, len(parts), batch_size):
        chosen = order[first : first + batch_size]
        seen = [feature for place in chosen for feature in parts[int(place)]]
        micro = tuple(collate(group) for group in _fill(seen, tokens_per_batch))
        yield Step(micro, len(chosen), sum(feature.supervised for feature in seen))


def sweep(features: Iterable[Features], tokens_per_batch: int, window: int = WINDOW) -> Iterator[Batch]:
    """Everything once, for answers: batches of like lengths, in memory bounded by ``window`` examples.

    The order inside a window of examples is by length, so answers are put back by ``Features.index``; all
    windows of one text come before the next stretch begins.
    """
    held: list[Features] = []
    examples, last = 0, None
    for feature in features:
        if feature.index != last:
            if examples == window:
                yield from map(collate, _fill(held, tokens_per_batch))
                held, examples = [], 0
            examples, last = examples + 1, feature.index
        held.append(feature)
    yield from map(collate, _fill(held, tokens_per_batch))


def by_example(features: Sequence[Features]) -> list[list[Features]]:
    """The features of each example together, in the order in which examples first come."""
    groups: dict[int, list[Features]] = {}
    for feature in features:
        groups.setdefault(feature.index, []).append(feature)
    return list(groups.values())


def collate(features: Sequence[Features]) -> Batch:
    """One flat row of tokens from several features; where only some have token types, the others' are 0."""
    typed = any(feature.kinds is not None for feature in features)
    kinds = [[0] * len(f.ids) if f.kinds is None else f.kinds for f in features] if typed else None
    return Batch(tuple(features), Flat.join([feature.ids for feature in features], kinds))


def _fill(features: Sequence[Features], budget: int) -> list[list[Features]]:
    """Groups of like length within a budget of tokens, the longest first: too little memory shows at once."""
    lengths = np.array([len(feature.ids) for feature in features], dtype=np.int64)
    groups: list[list[Features]] = []
    tokens = 0
    for place in np.argsort(-lengths, kind="stable"):
        if not groups or tokens + lengths[place] > budget:
            groups.append([])
            tokens = 0
        groups[-1].append(features[place])
        tokens += int(lengths[place])
    return groups
