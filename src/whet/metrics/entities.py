"""Entities in tagged sentences, counted as the CoNLL evaluation counts them: a span and its type, or nothing.

The tags may be BIO (IOB2), IOB1, BIOES, BMES or BILOU. Rules of ``conlleval`` (Tjong Kim Sang and Buchholz
2000), which seqeval's default mode follows too: an ``I-`` after ``O``, or after another type, begins an
entity; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.metrics.classification import ratio

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
