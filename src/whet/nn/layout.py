"""Where the examples of a flat row lie: the row itself, and its runs of equally long examples.

Shape legend: T tokens of a whole batch, B examples, D width. A flat row holds B examples one after another without
padding. A *run* is a stretch of neighbouring examples of one length, so that it can be viewed as ``[n, l, ...]``
without copying; the engine sorts a batch by length first, which makes runs few and long.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from whet.nn.groups import Plan, plan

Path = Literal["flat", "wrapped", "padded"]
"""How a batch goes through a network."""


@dataclass(frozen=True, eq=False)
class Known:
    """States ``[T, D]`` behind a network's still blocks that were computed before, and the very ids they are of."""

    ids: Tensor
    states: Tensor


@dataclass(frozen=True, eq=False)
class Flat:
    """Several examples in one row of tokens, without padding.

    ``ids`` and ``kinds`` (token types, where the family has them) are int64 of shape ``[T]``; ``lengths`` sum to T.
    ``decoder`` is the second row of an encoder-decoder, with as many examples in the same order. ``known`` are states
    that save computing the row from its ids.
    """

    ids: Tensor
    lengths: tuple[int, ...]
    kinds: Tensor | None = None
    decoder: Flat | None = None
    known: Known | None = None

    @classmethod
    def join(
        cls,
        sequences: Sequence[Sequence[int]],
        kinds: Sequence[Sequence[int]] | None = None,
        decoder: Flat | None = None,
    ) -> Flat:
        """Lay sequences end to end. Raises ValueError for an empty batch, an empty sequence or unequal kinds."""
        lengths = tuple(len(sequence) for sequence in sequences)
        if not lengths or not all(lengths):
            raise ValueError("a batch needs at least one sequence, and every sequence at least one token")
        if kinds is not None and tuple(len(kind) for kind in kinds) != lengths:
            raise ValueError("every sequence needs as many token kinds as tokens")
        if decoder is not None and len(decoder.lengths) != len(lengths):
            raise ValueError("the decoder's row needs as many examples as the encoder's")
        ids = torch.tensor([token for sequence in sequences for token in sequence])
        row = None if kinds is None else torch.tensor([kind for part in kinds for kind in part])
        return cls(ids, lengths, row, decoder)

    def to(self, device: torch.device | str) -> Flat:
        """The same row on another device; ``self`` where it lies there already."""
        if self.ids.device == torch.device(device):
            return self
        kinds = None if self.kinds is None else self.kinds.to(device, non_blocking=True)
        decoder = None if self.decoder is None else self.decoder.to(device)
        moved = Flat(self.ids.to(device, non_blocking=True), self.lengths, kinds, decoder)
        return moved if self.states is None else moved.with_states(self.states.to(device, non_blocking=True))

    def with_states(self, states_td: Tensor) -> Flat:
        """The same row with its states behind the still blocks."""
        return replace(self, known=Known(self.ids, states_td))

    @property
    def states(self) -> Tensor | None:
        """The known states ``[T, D]``; None once a task has put other ids in the row (as hiding tokens does)."""
        return self.known.states if self.known is not None and self.known.ids is self.ids else None

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first position of every example."""
        found, at = [], 0
        for length in self.lengths:
            found.append(at)
            at += length
        return tuple(found)

    @property
    def tokens(self) -> int:
        """T, the number of tokens."""
        return sum(self.lengths)


@dataclass(frozen=True)
class Run:
    """``count`` neighbouring examples whose queries are ``length`` long and whose keys are ``keys`` long."""

    start: int
    count: int
    length: int
    key_start: int
    keys: int

    @property
    def stop(self) -> int:
        return self.start + self.count * self.length

    @property
    def key_stop(self) -> int:
        return self.key_start + self.count * self.keys


def runs(lengths: Sequence[int], keys: Sequence[int] | None = None) -> tuple[Run, ...]:
    """The maximal runs of neighbours that are equally long, in queries and (for cross-attention) in keys."""
    keys = lengths if keys is None else keys
    found: list[Run] = []
    start = key_start = first = 0
    for at in range(1, len(lengths) + 1):
        if at < len(lengths) and lengths[at] == lengths[first] and keys[at] == keys[first]:
            continue
        run = Run(start, at - first, lengths[first], key_start, keys[first])
        found.append(run)
        start, key_start, first = run.stop, run.key_stop, at
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Layout:
    """What attention must know of a flat row: its runs for self-attention, and for cross-attention where there is one.

    ``positions`` (int64 ``[T]``) count from 0 in every example.
    """

    own: tuple[Run, ...]
    positions: Tensor
    cross: tuple[Run, ...] = ()
    memo: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def plan(self, cross: bool, heads: int) -> Plan:
        """The groups in which attention works, kept for the layers to come."""
        at = ("plan", cross, heads)
        if at not in self.memo:
            parts = self.cross if cross else self.own
            lengths = [run.length for run in parts for _ in range(run.count)]
            keys = [run.keys for run in parts for _ in range(run.count)]
            self.memo[at] = plan(lengths, keys, heads, self.positions.device)
        found: Plan = self.memo[at]
        return found

    def bounds(self, cross: bool) -> tuple[Tensor, Tensor]:
        """Where the queries, and where the keys, of each example begin: int64 ``[B + 1]`` each, on the processor."""
        at = ("bounds", cross)
        if at not in self.memo:
            parts = self.cross if cross else self.own
            lengths = [run.length for run in parts for _ in range(run.count)]
            keys = [run.keys for run in parts for _ in range(run.count)]
            self.memo[at] = tuple(torch.tensor([0, *sizes]).cumsum(0) for sizes in (lengths, keys))
        found: tuple[Tensor, Tensor] = self.memo[at]
        return found

    @property
    def longest(self) -> int:
        return max(run.length for run in self.own)


@dataclass(frozen=True, eq=False)
class Sorted:
    """A flat row with its examples in the order of their lengths, and the way back.

    ``back[t]`` is the sorted place of the caller's token t; None where nothing moved.
    """

    ids: Tensor
    kinds: Tensor | None
    lengths: tuple[int, ...]
    positions: Tensor
    back: Tensor | None
    states: Tensor | None = None

    def restore(self, states: Tensor) -> Tensor:
        """Rows that stand in the sorted order, in the caller's order."""
        return states if self.back is None else states.index_select(0, self.back)


def arrange(flat: Flat, order: Sequence[int]) -> Sorted:
    """Put the examples of a row into ``order``. A few int64 gathers of T entries, against none in every layer."""
    device = flat.ids.device
    lengths = tuple(flat.lengths[index] for index in order)
    sizes = torch.tensor(lengths)
    starts = torch.cumsum(sizes, 0) - sizes
    place = torch.arange(flat.tokens)
    positions = (place - torch.repeat_interleave(starts, sizes)).to(device)
    if all(a < b for a, b in pairwise(order)):
        return Sorted(flat.ids, flat.kinds, lengths, positions, None, flat.states)
    came = torch.tensor([flat.starts[index] for index in order])
    forward = torch.repeat_interleave(came - starts, sizes) + place
    back = torch.empty_like(forward)
    back[forward] = place
    forward, back = forward.to(device), back.to(device)
    kinds = None if flat.kinds is None else flat.kinds.index_select(0, forward)
    states = None if flat.states is None else flat.states.index_select(0, forward)
    return Sorted(flat.ids.index_select(0, forward), kinds, lengths, positions, back, states)


GRAIN = 32
"""Long rows in bfloat16 are filled up to a multiple of it: a fiftieth more tokens, and some twenty shapes in place of
hundreds."""
FILLED_FROM = 8 * GRAIN
"""Shorter rows stay as they are: filling would add more than an eighth, and they are few."""


def filled(flat: Flat, precision: str) -> Flat:
    """The row with one more example, of repeated tokens, where that makes its length a multiple of ``GRAIN``.

    oneDNN, which has bfloat16's products, compiles and keeps a kernel for every shape of a product. Rows of ever new
    lengths cost a quarter of the time and six megabytes a step that way (docs/log.md). float32's products go elsewhere.
    """
    missing = filling(flat.tokens, precision)
    if not missing:
        return flat
    kinds = None if flat.kinds is None else torch.cat([flat.kinds, flat.kinds[:missing]])
    more = Flat(torch.cat([flat.ids, flat.ids[:missing]]), (*flat.lengths, missing), kinds)
    return more if flat.states is None else more.with_states(torch.cat([flat.states, flat.states[:missing]]))


def filling(tokens: int, precision: str) -> int:
    """How many tokens fill up a row of so many."""
    return -tokens % GRAIN if precision == "bfloat16" and tokens >= FILLED_FROM else 0


CURRENT: ContextVar[Layout | None] = ContextVar("whet_layout", default=None)
"""The layout of the flat call under way, for modules that get no keywords (DeBERTa, BART's positions)."""
