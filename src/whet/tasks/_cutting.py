"""Texts to tokens within a limit: cut at the end, in the middle, or into windows.

The tokenizer adds its special tokens once to the whole, and only content tokens are ever removed; so no
family's template is rebuilt here. Spans are in characters of the longer text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, ModelError, UsageError
from whet.tasks.contract import Limits

OVERLAP = 4
"""Neighbouring windows share a quarter of a window (1/4): what stands at one edge has context in another."""


@dataclass(frozen=True)
class Piece:
    """What the model sees of a text: token ids, token types where there are any, and its place there."""

    ids: tuple[int, ...]
    kinds: tuple[int, ...] | None
    span: tuple[int, int]
    cut: int


@dataclass(frozen=True)
class Tokens:
    """A whole input as tokens: which text each comes from (None: special), and where it stands there."""

    ids: list[int]
    kinds: list[int] | None
    sources: list[int | None]
    offsets: list[tuple[int, int]]


def tokenize(tokenizer: Any, texts: tuple[str, ...], specials: bool = True) -> Tokens:
    """The tokens of one text or a pair. Raises ModelError where the tokenizer knows no offsets."""
    if not tokenizer.is_fast:
        raise ModelError(
            "the tokenizer cannot say which characters its tokens stand for",
            type(tokenizer).__name__,
            "use a model with a tokenizer.json",
        )
    found = tokenizer(*texts, add_special_tokens=specials, truncation=False, return_offsets_mapping=True, verbose=False)
    kinds = found.get("token_type_ids")
    return Tokens(found["input_ids"], kinds, found.encodings[0].sequence_ids, found["offset_mapping"])


def fit(tokenizer: Any, texts: tuple[str, ...], limits: Limits, row: int) -> list[Piece]:
    """The pieces of an input: one where it fits or is cut, several under ``windows``.

    In a pair the longer text is cut first, and the shorter one keeps up to half the room. ``head_tail`` keeps
    a quarter from the beginning and the rest from the end (Sun et al. 2019 found 128 + 382 best). Raises
    DataError with the row's number under ``refuse``.
    """
    whole = tokenize(tokenizer, texts)
    places = [[i for i, source in enumerate(whole.sources) if source == which] for which in range(len(texts))]
    room = limits.max_tokens - (len(whole.ids) - sum(len(place) for place in places))
    if room < 2 * len(texts):
        raise UsageError(f"max_tokens={limits.max_tokens} leaves no room for text", cure="raise encode.max_tokens")
    longest = max(range(len(texts)), key=lambda which: len(places[which]))
    if sum(len(place) for place in places) <= room:
        return [_piece(whole, range(len(whole.ids)), longest, 0)]
    if limits.long_text == "refuse":
        raise DataError(
            f"the text has {len(whole.ids)} tokens, the limit is {limits.max_tokens}",
            f"row {row}",
            "shorten it, raise encode.max_tokens, or set encode.long_text=head_tail or windows",
        )
    shares = _shares([len(place) for place in places], room)
    kept = [_cut(place, share, limits) for place, share in zip(places, shares, strict=True)]
    special = [i for i, source in enumerate(whole.sources) if source is None]
    others = special + [i for which, place in enumerate(kept) if which != longest for i in place]
    if limits.long_text != "windows":
        lost = sum(len(place) for place in places) - sum(len(place) for place in kept)
        return [_piece(whole, sorted(others + kept[longest]), longest, lost)]
    lost = sum(len(places[w]) - len(kept[w]) for w in range(len(texts)) if w != longest)
    size, place = shares[longest], places[longest]
    return [
        _piece(whole, sorted(others + place[first : first + size]), longest, lost if first == 0 else 0)
        for first in window_starts(len(place), size)
    ]


def window_starts(length: int, size: int) -> list[int]:
    """Where windows of ``size`` begin, a quarter shared, to cover ``length``; the last ends at its end."""
    stride = max(1, size - size // OVERLAP)
    starts = list(range(0, max(1, length - size), stride))
    return [*starts, length - size] if starts[-1] + size < length else starts


def _shares(lengths: list[int], room: int) -> list[int]:
    if len(lengths) == 1:
        return [room]
    short = min(min(lengths), room // 2)
    first = short if lengths[0] <= lengths[1] else room - short
    return [first, room - first]


def _cut(place: list[int], share: int, limits: Limits) -> list[int]:
    if len(place) <= share:
        return place
    if limits.long_text == "head_tail":
        head = share // 4
        return place[:head] + place[len(place) - (share - head) :]
    return place[:share]


def _piece(whole: Tokens, keep: Any, longest: int, cut: int) -> Piece:
    inside = [whole.offsets[i] for i in keep if whole.sources[i] == longest]
    span = (inside[0][0], inside[-1][1]) if inside else (0, 0)
    kinds = tuple(whole.kinds[i] for i in keep) if whole.kinds and any(whole.kinds) else None
    return Piece(tuple(whole.ids[i] for i in keep), kinds, span, cut)
