"""What rows have in common besides their answers: length, unknown tokens, own columns, words and signs of the text.

Every trait is read off the inputs and the user's columns, never off targets or answers, so that asking whether the
model is weaker where a trait is there is a fair question.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.judge.columns import Column, thirds
from whet.tasks.contract import Pair

FEWEST = 20
"""Rows below which a group's score says little; a group leaves as many outside."""
MOST_WORDS, WORDS_JOINED = 100, 20
"""Most frequent words that are asked alone, and together with another trait."""
MOST_OF_A_ROW = 400
"""Different words of one row that are read."""

UNSEGMENTED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
"""Kana, Chinese characters, Thai: written without spaces between words."""
_BETWEEN = re.compile(f"(?<=[{UNSEGMENTED}]) (?=[{UNSEGMENTED}])")
_PIECES = re.compile(f"[{UNSEGMENTED}]+|[^\\W\\d_{UNSEGMENTED}]+(?:['’][^\\W\\d_{UNSEGMENTED}]+)*")
_IS_UNSEGMENTED = re.compile(f"[{UNSEGMENTED}]")
SIGNS: Mapping[str, re.Pattern[str]] = {
    "digits": re.compile(r"\d"),
    "capitals": re.compile(r"\b[A-Z]{2,}\b"),
    "emoji": re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]"),
    "negation": re.compile(r"(?i)\b(?:not|no|never|none|nothing|nobody|without|cannot)\b|n['’]t\b|[不没無无未非别]"),
    "question": re.compile("[?？]"),
    "exclamation": re.compile("[!！]"),
    "link": re.compile(r"https?://|www\.|(?<!\w)[@#]\w"),
}
"""What a text may have in it, whatever its words; negation in English and Chinese."""


@dataclass(frozen=True)
class Condition:
    """What the rows of a group share. ``kind`` is length, unknown, column, word or sign; ``name`` the column or the
    sign, ``value`` the word or the column's value ("" is an empty cell), ``low`` and ``high`` the ends of a range.
    """

    kind: str
    name: str = ""
    value: str | None = None
    low: float | str | None = None
    high: float | str | None = None

    @property
    def family(self) -> str:
        """Two conditions of one family are not joined: they shut each other out, or say the same twice."""
        return f"{self.kind} {self.name}"

    def as_dict(self) -> dict[str, Any]:
        """As evidence: only what is there; a value of "" is an empty cell's."""
        return {name: cell for name, cell in vars(self).items() if cell or (cell is not None and name != "name")}


@dataclass(frozen=True)
class Group:
    """Rows that one condition, or two together, pick out; ``member`` is bool [rows]."""

    conditions: tuple[Condition, ...]
    member: np.ndarray

    @property
    def rows(self) -> int:
        return int(self.member.sum())


class Traits:
    """Traits under way: rows are added one by one, and nothing of them is kept but numbers and short cells."""

    def __init__(self, roles: Collection[str] = ()) -> None:
        self._roles = set(roles)
        self._lengths, self._signs, self._unknown = array("q"), array("q"), array("d")
        self._numbers: dict[str, int] = {}
        self._words, self._sizes, self._targets = array("i"), array("q"), array("q")
        self._columns: dict[str, Column] = {}

    def add(self, pair: Pair, original: Mapping[str, Any] | None, unknown: float | None) -> None:
        """Read one row; ``original`` are the user's own cells, ``unknown`` the share of its tokens that say nothing."""
        text = _BETWEEN.sub("", " ".join(pair.example.inputs))
        found = {self._numbers.setdefault(word, len(self._numbers)) for word in words(text)[:MOST_OF_A_ROW]}
        self._words.extend(found)
        self._sizes.append(len(found))
        self._signs.append(sum(1 << bit for bit, sign in enumerate(SIGNS.values()) if sign.search(text)))
        if unknown is not None:
            self._unknown.append(unknown)
        for name, value in (original or {}).items():
            if name not in self._roles:
                self._columns.setdefault(str(name), Column(len(self._lengths))).add(len(self._lengths), value)
        self._targets.append(hash(str(pair.example.target)))
        self._lengths.append(sum(map(len, pair.example.inputs)))

    def groups(self, most: int) -> list[Group]:
        """Groups of at least ``FEWEST`` rows that leave as many outside, at most ``most``; no two have the same rows.

        First each trait alone, then two of different families together, the largest such groups first.
        """
        told, words_told = self._plain(), self._by_word()
        kept: dict[bytes, Group] = {}
        _keep(kept, (*told, *words_told), most)
        joined = (_both(a, b) for k, a in enumerate(told) for b in (*told[k + 1 :], *words_told[:WORDS_JOINED]))
        large = sorted((group for group in joined if group is not None), key=lambda group: -group.rows)
        _keep(kept, large, most)
        return list(kept.values())

    def _plain(self) -> list[Group]:
        rows, lengths = len(self._lengths), np.array(self._lengths, np.float64)
        found = [Group((Condition("length", low=low, high=high),), m) for low, high, m in thirds(lengths)]
        if len(self._unknown) == rows:
            found += _of_unknown(np.array(self._unknown))
        for name, column in self._columns.items():
            if column.told(rows, np.array(self._targets)):
                found += [
                    Group((Condition("column", name, part.value, part.low, part.high),), part.member)
                    for part in column.parts(rows, FEWEST)
                ]
        signs = np.array(self._signs)
        found += [Group((Condition("sign", name),), (signs >> bit & 1).astype(bool)) for bit, name in enumerate(SIGNS)]
        return [group for group in found if _is_large(group)]

    def _by_word(self) -> list[Group]:
        rows, numbers = len(self._lengths), np.array(self._words, np.int64)
        owners = np.repeat(np.arange(rows), np.array(self._sizes, np.int64))
        counts = np.bincount(numbers, minlength=len(self._numbers))
        often = [(word, k) for word, k in self._numbers.items() if FEWEST <= counts[k] <= rows - FEWEST]
        often.sort(key=lambda one: (-counts[one[1]], one[0]))
        found = []
        for word, k in often[:MOST_WORDS]:
            member = np.zeros(rows, bool)
            member[owners[numbers == k]] = True
            found.append(Group((Condition("word", value=word),), member))
        return found


def words(text: str) -> list[str]:
    """The different words of a text in their order, small; where none are set apart, pairs of neighbouring
    characters."""
    found: list[str] = []
    for piece in _PIECES.findall(text.casefold()):
        if _IS_UNSEGMENTED.match(piece):
            found += [piece[k : k + 2] for k in range(len(piece) - 1)]
        else:
            found.append(piece)
    return list(dict.fromkeys(found))


def _of_unknown(shares: np.ndarray) -> list[Group]:
    """Rows with unknown tokens against those without; by thirds where most rows have some."""
    there = shares > 0
    found = [(float(shares[m].min()), float(shares[m].max()), m) for m in (~there, there) if m.any()]
    if there.mean() > 0.5:
        found += thirds(shares)
    return [Group((Condition("unknown", low=low, high=high),), member) for low, high, member in found]


def _both(one: Group, other: Group) -> Group | None:
    if one.conditions[0].family == other.conditions[0].family:
        return None
    return Group((*one.conditions, *other.conditions), one.member & other.member)


def _is_large(group: Group) -> bool:
    return FEWEST <= group.rows <= len(group.member) - FEWEST


def _keep(kept: dict[bytes, Group], groups: Iterable[Group] | Sequence[Group], most: int) -> None:
    for group in groups:
        if len(kept) >= most:
            return
        if _is_large(group):
            kept.setdefault(np.packbits(group.member).tobytes(), group)
