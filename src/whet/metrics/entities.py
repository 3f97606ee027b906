"""Entities in tagged sentences, counted as the CoNLL evaluation counts them: a span and its type, or nothing.

The tags may be BIO (IOB2), IOB1, BIOES, BMES or BILOU. Rules of ``conlleval`` (Tjong Kim Sang and Buchholz
2000), which seqeval's default mode follows too: an ``I-`` after ``O``, or after another type, begins an
entity; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from whet.metrics.classification import ratio

OUTSIDE = "O"
"""Where there is no entity."""
_ALIKE = {"M": "I", "L": "E", "U": "S"}  # BMES and BILOU say the same in other letters


@dataclass(frozen=True, order=True)
class Span:
    """An entity: words ``start`` to ``end`` (half-open) and its type."""

    start: int
    end: int
    type: str


def _split(tag: str) -> tuple[str, str]:
    mark, _, kind = tag.partition("-")
    if mark not in ("B", "I", "E", "S", *_ALIKE):
        return "O", ""
    return _ALIKE.get(mark, mark), kind


def is_tag(tag: str) -> bool:
    """Whether a word of a tag column is a tag: ``O``, or a mark with a type such as ``B-PER``."""
    return tag == "O" or _split(tag)[0] != "O"


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of one sentence, in order."""
    found: list[Span] = []
    start, before, kind = 0, "O", ""
    for at, tag in enumerate([*tags, "O"]):
        mark, here = _split(tag)
        starts = mark in ("B", "S") or (mark in ("I", "E") and (before in ("O", "E", "S") or here != kind))
        if before != "O" and (starts or mark == "O"):
            found.append(Span(start, at, kind))
        if starts:
            start = at
        before, kind = mark, here
    return found


def met(there: Set[Span], found: Set[Span]) -> list[tuple[str, str]]:
    """Types that meet in one sentence, the true one first: each entity there with the one found that shares most words
    with it (of those the one of its type, then the first), and ``O`` beside what nothing meets."""
    pairs, taken = [], set()
    for own in sorted(there):
        touching = [other for other in found if other.start < own.end and own.start < other.end]
        shared = {other: min(other.end, own.end) - max(other.start, own.start) for other in touching}
        best = min(touching, key=lambda other: (-shared[other], other.type != own.type, other), default=None)
        taken |= set(touching)
        pairs.append((own.type, best.type if best else OUTSIDE))
    return pairs + [(OUTSIDE, other.type) for other in sorted(found - taken)]


def count(true: Sequence[str], predicted: Sequence[str], types: Sequence[str]) -> np.ndarray:
    """Of one sentence: an int array [types, 3] of entities rightly found, found, and there."""
    place = {name: k for k, name in enumerate(types)}
    table = np.zeros((len(types), 3), np.int64)
    there, found = set(spans(true)), set(spans(predicted))
    for column, group in enumerate((there & found, found, there)):
        for span in group:
            table[place[span.type], column] += 1
    return table


def precision(table: np.ndarray) -> float:
    """Of the entities found, the share that is there; ``table`` is the sum of sentences' counts."""
    right, found, _ = table.sum(0)
    return float(ratio(right, found))


def recall(table: np.ndarray) -> float:
    """Of the entities that are there, the share that was found."""
    right, _, there = table.sum(0)
    return float(ratio(right, there))


def f1(table: np.ndarray) -> float:
    """F1 over all entities of all types (micro), the number that CoNLL tables print."""
    right, found, there = table.sum(0)
    return float(ratio(2 * right, found + there))
