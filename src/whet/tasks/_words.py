"""Words: how a free text falls into them, which tokens stand for which, and windows made of whole words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.core.errors import DataError, UsageError
from whet.tasks._cutting import OVERLAP, tokenize
from whet.tasks.contract import Limits

_SPACELESS = (
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3134F),
)
"""Kana and Chinese characters: written without spaces, so each is a word, as in tagged corpora."""
_JOINER = "\u200d"


def _kind(char: str) -> str:
    if char.isspace():
        return "space"
    code = ord(char)
    if any(low <= code <= high for low, high in _SPACELESS):
        return "single"
    if char == _JOINER or 0x1F3FB <= code <= 0x1F3FF or 0xFE00 <= code <= 0xFE0F:
        return "extender"
    return "letter" if char == "_" or unicodedata.category(char)[0] in "LNM" else "mark"


def words_in(text: str) -> list[tuple[int, int]]:
    """Where the words of a free text stand: half-open ranges of characters.

    Words end at white space; punctuation at their edges stands alone, punctuation inside (``3.5``, ``it's``,
    ``a@b.org``) stays, and so does a leading ``@`` or ``#``. Chinese characters and emoji stand alone; a
    joined emoji is one word.
    """
    kinds = [_kind(char) for char in text]
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        start, kind = at, kinds[at]
        at += 1
        if kind == "space":
            continue
        if kind == "letter" or (text[start] in "@#" and at < len(text) and kinds[at] == "letter"):
            while at < len(text):
                if kinds[at] in ("letter", "extender"):
                    at += 1
                elif kinds[at] == "mark" and kinds[at - 1] != "mark" and _goes_on(kinds, at):
                    at = _goes_on(kinds, at)
                else:
                    break
        else:
            while at < len(text) and (kinds[at] == "extender" or text[at - 1] == _JOINER):
                at += 1
        found.append((start, at))
    return found


def _goes_on(kinds: Sequence[str], at: int, most: int = 3) -> int:
    """Where letters go on after at most three marks (``://``), or 0 where they do not."""
    for ahead in range(at, min(at + most + 1, len(kinds))):
        if kinds[ahead] == "letter":
            return ahead
        if kinds[ahead] != "mark":
            return 0
    return 0


@dataclass(frozen=True)
class Window:
    """What the model sees of a sentence.

    ``words`` are the words in it, ``first`` the place of each one's first token in ``ids``; ``owned`` says
    which of them are answered here: every word in exactly one window, the one that shows most around it.
    """

    ids: tuple[int, ...]
    words: tuple[int, ...]
    first: tuple[int, ...]
    owned: tuple[bool, ...]
    cut: int


def fit_words(tokenizer: Any, words: Sequence[str], limits: Limits, row: int) -> list[Window]:
    """The windows of a sentence. Raises DataError with the row's number under ``refuse``."""
    pieces, leads, before, after = _pieces(tokenizer, words)
    room = limits.max_tokens - len(before) - len(after)
    if room < 2:
        cure = "raise encode.max_tokens"
        raise UsageError(f"max_tokens={limits.max_tokens} leaves no room for words", cure=cure)
    if limits.long_text == "refuse" and sum(map(len, pieces)) > room:
        raise DataError(
            f"the sentence has {sum(map(len, pieces))} tokens, the limit leaves {room}",
            f"row {row}",
            "split it, raise encode.max_tokens, or set encode.long_text=windows",
        )
    total = sum(map(len, pieces))
    pieces = [piece[:room] for piece in pieces]
    leads = [min(lead, room - 1) for lead in leads]
    groups = _groups([len(piece) for piece in pieces], room, limits)
    owners = _owners(groups, len(words))
    lost = total - sum(len(pieces[word]) for word in {word for group in groups for word in group})
    found = []
    for number, group in enumerate(groups):
        starts = np.cumsum([len(before)] + [len(pieces[word]) for word in group])[:-1]
        ids = [*before, *(token for word in group for token in pieces[word]), *after]
        first = tuple(int(start) + leads[word] for start, word in zip(starts, group, strict=True))
        owned = tuple(owners[word] == number for word in group)
        found.append(Window(tuple(ids), tuple(group), first, owned, lost if number == 0 else 0))
    return found


def _pieces(tokenizer: Any, words: Sequence[str]) -> tuple[list[list[int]], list[int], list[int], list[int]]:
    """Each word's tokens and where its first own one stands among them; the special tokens before and after.

    The words are tokenized as one text with spaces between, so that no tokenizer needs to know of words. A
    token belongs to the word that holds its last character; one of white space alone leads the next word
    without being its first. A word of which nothing is left (a control character) is the unknown token.
    """
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    whole = tokenize(tokenizer, (" ".join(words),))
    inside = [i for i, source in enumerate(whole.sources) if source is not None]
    bounds = (inside[0], inside[-1] + 1) if inside else (1, 1)
    pieces: list[list[int]] = [[] for _ in words]
    leads: list[int | None] = [None] * len(words)
    for i in inside:
        start, end = whole.offsets[i]
        last = max(start, end - 1)
        blank = last in ends or end == start
        word = min(int(np.searchsorted(ends, last, side="right")), len(words) - 1)
        if not blank and leads[word] is None:
            leads[word] = len(pieces[word])
        pieces[word].append(whole.ids[i])
    unknown = next((i for i in (tokenizer.unk_token_id, tokenizer.eos_token_id) if i is not None), 0)
    pieces = [piece or [unknown] for piece in pieces]
    return pieces, [lead or 0 for lead in leads], whole.ids[: bounds[0]], whole.ids[bounds[1] :]


def _groups(sizes: Sequence[int], room: int, limits: Limits) -> list[list[int]]:
    """The words of each window; neighbours share about a quarter."""
    everything = list(range(len(sizes)))
    if sum(sizes) <= room:
        return [everything]
    if limits.long_text == "head_tail":
        head = _fill(sizes, everything, room // 4)
        tail = _fill(sizes, everything[::-1], room - sum(sizes[word] for word in head))
        return [sorted({*head, *tail})]
    groups = [_fill(sizes, everything, room)]
    while limits.long_text == "windows" and groups[-1][-1] < len(sizes) - 1:
        last = groups[-1]
        shared = _fill(sizes, last[:0:-1], room // OVERLAP)
        start = min([*shared, last[-1] + 1])
        following = _fill(sizes, everything[start:], room)
        if following[-1] <= last[-1]:  # a very long word: nothing shared, so that the windows move on
            following = _fill(sizes, everything[last[-1] + 1 :], room)
        groups.append(following)
    return groups


def _fill(sizes: Sequence[int], words: Sequence[int], room: int) -> list[int]:
    taken: list[int] = []
    for word in words:
        if sizes[word] > room:
            break
        room -= sizes[word]
        taken.append(word)
    return taken


def _owners(groups: Sequence[Sequence[int]], count: int) -> list[int]:
    """For each word the window that shows most on its poorer side; the sentence's own ends hide nothing."""
    best = [(-1.0, 0)] * count
    for number, group in enumerate(groups):
        for word in group:
            left = float("inf") if group[0] == 0 else word - group[0]
            right = float("inf") if group[-1] == count - 1 else group[-1] - word
            if min(left, right) > best[word][0]:
                best[word] = (min(left, right), number)
    return [number for _, number in best]
