"""Steps of a fixed number of examples, cut into micro-batches of a bounded number of tokens.

Two runs with one batch size take equal steps whatever their memory, and memory is bounded by tokens
whatever the texts' lengths. The order is a function of (seed, stage, epoch), so a run that goes on sees
what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from whet.core import draws
from whet.nn.layout import Flat
from whet.tasks.contract import Batch, Features

WINDOW = 1024
"""Examples sorted by length at a time in a sweep: enough to fill batches evenly, little enough to stream."""

PAIRS_A_TOKEN = 450
"""Pairs of tokens whose attention takes as much memory as a token's states: 12 heads against a width of 384."""


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
    at = bounds(features)
    order = draws.order(len(at) - 1, seed, stage, epoch)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        seen = [features[part] for place in chosen for part in range(at[place], at[place + 1])]
        micro = tuple(collate(group) for group in _fill(seen, tokens_per_batch))
        yield Step(micro, len(chosen), sum(feature.supervised for feature in seen))


def heaviest(
    features: Sequence[Features], batch_size: int, tokens_per_batch: int, seed: int, stage: int, epochs: int
) -> Batch:
    """The micro-batch of the first ``epochs`` that takes the most memory, by its tokens and the squares of lengths."""
    at = bounds(features)
    lengths = _lengths(features)
    tokens, squares = (np.add.reduceat(part, at[:-1]).astype(float) for part in (lengths, lengths.astype(float) ** 2))
    heavy, chosen = -1.0, np.zeros(0, np.int64)
    for epoch in range(epochs):
        order = np.asarray(draws.order(len(at) - 1, seed, stage, epoch))
        firsts = np.arange(0, len(order), batch_size)
        sums, pairs = (np.add.reduceat(part[order], firsts) for part in (tokens, squares))
        weights = np.minimum(1.0, tokens_per_batch / sums) * (sums + pairs / PAIRS_A_TOKEN)
        if weights.max() > heavy:
            first = firsts[weights.argmax()]
            heavy, chosen = weights.max(), order[first : first + batch_size]
    seen = [features[part] for place in chosen for part in range(at[place], at[place + 1])]
    return collate(_fill(seen, tokens_per_batch)[0])


def sweep(features: Iterable[Features], tokens_per_batch: int, window: int = WINDOW) -> Iterator[list[Batch]]:
    """Everything once, for answers, a window of examples at a time: its batches of like lengths.

    The order inside a window is by length, so answers are put back by ``Features.index``; all windows of one text
    stand in one window of examples.
    """
    held: list[Features] = []
    examples, last = 0, None
    for feature in features:
        if feature.index != last:
            if examples == window:
                yield [collate(group) for group in _fill(held, tokens_per_batch)]
                held, examples = [], 0
            examples, last = examples + 1, feature.index
        held.append(feature)
    if held:
        yield [collate(group) for group in _fill(held, tokens_per_batch)]


def bounds(features: Sequence[Features]) -> np.ndarray:
    """Where each example's features begin, and where the last one's end: they stand together, in order."""
    known: np.ndarray | None = getattr(features, "bounds", None)
    if known is not None:
        return known
    index = np.array([feature.index for feature in features], np.int64)
    return np.append(np.flatnonzero(np.diff(index, prepend=-1)), len(index))


def _lengths(features: Sequence[Features]) -> np.ndarray:
    known: np.ndarray | None = getattr(features, "lengths", None)
    if known is not None:
        return known
    return np.array([len(feature.ids) for feature in features], np.int64)


def collate(features: Sequence[Features]) -> Batch:
    """One flat row of tokens from several features; where only some have token types, the others' are 0."""
    typed = any(feature.kinds is not None for feature in features)
    kinds = [[0] * len(f.ids) if f.kinds is None else f.kinds for f in features] if typed else None
    flat, states = Flat.join([feature.ids for feature in features], kinds), [feature.states for feature in features]
    known = [one for one in states if one is not None]
    return Batch(tuple(features), flat.with_states(torch.cat(known)) if len(known) == len(states) else flat)


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
