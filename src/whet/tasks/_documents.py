"""Documents to blocks: how a long document is cut so that every token of it is predicted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.core import draws
from whet.core.errors import DataError, UsageError
from whet.tasks._cutting import Tokens, tokenize
from whet.tasks.contract import Limits


@dataclass(frozen=True)
class Block:
    """A stretch of a document as the model sees it: tokens ``first`` to ``last`` (half-open) are asked for."""

    ids: tuple[int, ...]
    first: int
    last: int
    span: tuple[int, int]
    cut: int


def causal_blocks(tokenizer: Any, text: str, end: int | None, limits: Limits, overlap: int, row: int) -> list[Block]:
    """Blocks for predicting next tokens: the document between its begin and end tokens, where there are any.

    A block repeats ``overlap`` tokens of the one before; they are seen, not predicted again. The very first
    token of a document has nothing before it and is not predicted.
    """
    whole = tokenize(tokenizer, (text,), specials=False)
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = [*begin, *whole.ids, *([] if end is None else [end])]
    ranges, cut = _ranges(len(ids), limits.max_tokens, overlap, limits, row)
    return [
        Block(
            tuple(ids[start:stop]),
            overlap if part and ranges[part - 1][1] > start else 1,
            stop - start,
            _characters(whole, start - len(begin), stop - len(begin)),
            0 if part else cut,
        )
        for part, (start, stop) in enumerate(ranges)
    ]


def masked_blocks(tokenizer: Any, text: str, limits: Limits, row: int) -> list[Block]:
    """Blocks for predicting hidden tokens, each between the tokenizer's special tokens, none repeated."""
    whole = tokenize(tokenizer, (text,))
    inside = [i for i, source in enumerate(whole.sources) if source is not None]
    begin, end = (inside[0], inside[-1] + 1) if inside else (1, 1)
    before, after = whole.ids[:begin], whole.ids[end:]
    size = limits.max_tokens - len(before) - len(after)
    ranges, cut = _ranges(end - begin, size, 0, limits, row)
    return [
        Block(
            (*before, *whole.ids[begin + start : begin + stop], *after),
            len(before),
            len(before) + stop - start,
            _characters(whole, begin + start, begin + stop),
            0 if part else cut,
        )
        for part, (start, stop) in enumerate(ranges)
    ]


def _ranges(count: int, size: int, overlap: int, limits: Limits, row: int) -> tuple[list[tuple[int, int]], int]:
    """Which tokens each block holds, and how many none does; ``head_tail``: the first and the last block."""
    if size <= overlap:
        raise UsageError(f"max_tokens={limits.max_tokens} leaves no room for text", cure="raise encode.max_tokens")
    starts = list(range(0, max(1, count - overlap), size - overlap))
    if len(starts) > 1 and limits.long_text == "refuse":
        raise DataError(
            f"the document has {count} tokens, the limit is {limits.max_tokens}",
            f"row {row}",
            "split it, raise encode.max_tokens, or set encode.long_text=windows",
        )
    if limits.long_text == "head":
        starts = starts[:1]
    elif limits.long_text == "head_tail":
        starts = sorted({starts[0], starts[-1]})
    ranges = [(start, min(start + size, count)) for start in starts]
    return ranges, count - len({i for start, stop in ranges for i in range(start, stop)})


def _characters(whole: Tokens, start: int, stop: int) -> tuple[int, int]:
    inside = whole.offsets[max(0, start) : max(0, stop)]
    return (inside[0][0], inside[-1][1]) if inside else (0, 0)


@dataclass(frozen=True)
class Hidden:
    """A masked block: its tokens after hiding, and which of them must be told, with what they were."""

    ids: tuple[int, ...]
    places: tuple[int, ...]
    truth: tuple[int, ...]


def hidden_count(tokens: int, share: float) -> int:
    """How many of a block's tokens are hidden: always the same number, at least one."""
    return min(tokens, max(1, round(share * tokens)))


def hide(ids: Sequence[int], target: Sequence[int], share: float, seed: int | None) -> Hidden:
    """Hide a share of a block's tokens: of ten, eight become the mask, one a random one, one stays (BERT).

    ``target`` is (mask token, vocabulary size, first, last). Without a seed the block's own tokens are the
    seed, so a document is measured alike wherever it stands.
    """
    mask, vocabulary, first, last = target
    random = draws.generator(0, "mask", *ids) if seed is None else np.random.default_rng(seed)
    count = hidden_count(last - first, share)
    places = sorted(int(i) + first for i in random.permutation(last - first)[:count])
    fate, other = random.random(count), random.integers(0, vocabulary, count)
    shown = list(ids)
    for place, chance, token in zip(places, fate, other, strict=True):
        if chance < 0.9:
            shown[place] = mask if chance < 0.8 else int(token)
    return Hidden(tuple(shown), tuple(places), tuple(ids[place] for place in places))
