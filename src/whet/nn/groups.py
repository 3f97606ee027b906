"""A flat row as a few padded groups of like length: which place of which group holds which token.

Shape legend: T tokens, H heads; a group has n examples, l query and m key places; S places in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SHARE, SLACK = 0.75, 8
"""An example joins a group where it has this share of the longest's length, or lacks at most so many tokens."""


@dataclass(frozen=True)
class Group:
    """``count`` neighbouring examples of ``length`` query and ``keys`` key places each, with their first places."""

    first: int
    count: int
    length: int
    key_first: int
    keys: int


@dataclass(frozen=True, eq=False)
class Side:
    """Where the places of one side (queries or keys) are: ``rows`` [S * H] of [T * H], and the way ``back`` [T * H].

    Places beyond an example's end repeat its last token; ``real`` [S] says which places are none of those, and is
    None where all are real.
    """

    rows: Tensor
    back: Tensor
    real: Tensor | None


@dataclass(frozen=True, eq=False)
class Plan:
    """The groups of a layout, and the places of both sides (one and the same for self-attention)."""

    groups: tuple[Group, ...]
    queries: Side
    keys: Side


def plan(lengths: Sequence[int], keys: Sequence[int], heads: int, device: torch.device) -> Plan:
    """Group neighbours of like length; examples come sorted by length, so groups are few."""
    groups: list[Group] = []
    start = 0
    for at in range(1, len(lengths) + 1):
        if at < len(lengths) and _alike(lengths[start : at + 1]) and _alike(keys[start : at + 1]):
            continue
        last = groups[-1] if groups else Group(0, 0, 0, 0, 0)
        first, key_first = last.first + last.count * last.length, last.key_first + last.count * last.keys
        groups.append(Group(first, at - start, max(lengths[start:at]), key_first, max(keys[start:at])))
        start = at
    counts = [group.count for group in groups]
    mine = _side(lengths, counts, [group.length for group in groups], heads, device)
    if tuple(lengths) == tuple(keys):
        return Plan(tuple(groups), mine, mine)
    return Plan(tuple(groups), mine, _side(keys, counts, [group.keys for group in groups], heads, device))


def _alike(lengths: Sequence[int]) -> bool:
    longest, shortest = max(lengths), min(lengths)
    return shortest >= SHARE * longest or longest - shortest <= SLACK


def _side(lengths: Sequence[int], counts: list[int], widths: list[int], heads: int, device: torch.device) -> Side:
    sizes = torch.tensor(lengths)
    starts = torch.cumsum(sizes, 0) - sizes
    head = torch.arange(heads)
    tokens, rows, real, at, first = int(sizes.sum()), [], [], 0, 0
    back = torch.empty(tokens, heads, dtype=torch.int64)
    for count, width in zip(counts, widths, strict=True):
        place = torch.arange(width)
        size_n, start_n = sizes[at : at + count, None], starts[at : at + count, None]
        token_nl = start_n + torch.minimum(place, size_n - 1)
        inside_nl = place < size_n
        rows.append((token_nl[:, None, :] * heads + head[:, None]).flatten())
        real.append(inside_nl.flatten())
        slot_nhl = first * heads + torch.arange(count * heads * width).view(count, heads, width)
        back[token_nl[inside_nl]] = slot_nhl.transpose(1, 2)[inside_nl]
        at, first = at + count, first + count * width
    inside = torch.cat(real)
    return Side(
        torch.cat(rows).to(device), back.flatten().to(device), None if bool(inside.all()) else inside.to(device)
    )
