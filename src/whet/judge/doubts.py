"""Labels of held-out rows that are probably wrong: confident learning, and for numbers the residuals.

A label is doubted where the model answers another one at least as surely as it answers that one on average on the rows
that carry it (the thresholds of Northcutt, Jiang and Chuang 2021), by probabilities of a model that never learnt from
the row. The most doubtful stand first: those whose given label has least of the probability that the other has.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whet.judge.decisions import decisions
from whet.tasks.contract import Pair, Schema

FEWEST = 5
"""Rows of a label from which on its mean self-confidence is taken for a threshold."""
MOST = 20_000
"""Doubts and surest errors that are kept, the surest ones."""
FAR = 3.5
"""A robust z from which on a residual is an outlier (Iglewicz and Hoaglin 1993)."""
USUAL = 1.4826
"""The standard deviation of normal numbers by their median absolute deviation."""


@dataclass(frozen=True)
class Doubt:
    """A label to look at. ``place`` is the row's in its split from 0, ``row`` its number in the file.

    ``confidence`` is the suggestion's probability, ``margin`` the given label's less that; of a number ``z``, its
    residual in robust deviations, is there instead. ``word`` is the tagged word's number from 0.
    """

    split: str
    place: int
    row: int
    given: Any
    suggested: Any
    confidence: float | None = None
    margin: float | None = None
    z: float | None = None
    word: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """As evidence: only what is there; the place stays inside."""
        return {name: value for name, value in vars(self).items() if value is not None and name != "place"}


@dataclass(frozen=True)
class Doubts:
    """The labels to look at, most doubtful first; ``asked`` and ``wrong`` count labels and other answers by split.

    ``thresholds`` are the mean self-confidence by label, ``surest`` the surest wrong answers of all, doubted or not.
    """

    found: tuple[Doubt, ...] = ()
    surest: tuple[Doubt, ...] = ()
    asked: Mapping[str, int] = field(default_factory=dict)
    wrong: Mapping[str, int] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)


class Doubting:
    """Doubts under way: pairs are added one by one, and only other answers than the label are kept."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._wrong: dict[str, int] = {}
        self._others: list[tuple[float, int, Doubt]] = []
        self._numbers = array("d")
        self._where: list[tuple[str, array[int], array[int]]] = []

    def add(self, split: str, place: int, pair: Pair) -> None:
        number = _number(pair)
        if number is not None:
            self._add_number(split, place, pair.example.row, number)
            return
        for one in decisions(pair, self._schema):
            self._sums[one.given] = self._sums.get(one.given, 0.0) + one.given_chance
            self._counts[one.given] = self._counts.get(one.given, 0) + 1
            self._asked[split] = self._asked.get(split, 0) + 1
            if one.answered != one.given:
                self._wrong[split] = self._wrong.get(split, 0) + 1
                margin = one.given_chance - one.answered_chance
                sure = one.answered_chance
                doubt = Doubt(split, place, pair.example.row, one.given, one.answered, sure, margin, word=one.unit)
                entry = (-margin, -sum(self._wrong.values()), doubt)  # the number settles ties before the doubt
                (heapq.heappush if len(self._others) < MOST else heapq.heappushpop)(self._others, entry)

    def _add_number(self, split: str, place: int, row: int, both: tuple[float, float]) -> None:
        self._asked[split] = self._asked.get(split, 0) + 1
        if not self._where or self._where[-1][0] != split:
            self._where.append((split, array("q"), array("q")))
        self._where[-1][1].append(place)
        self._where[-1][2].append(row)
        self._numbers.extend(both)

    def doubts(self) -> Doubts:
        """What is left to look at, once every row was added."""
        if self._numbers:
            return Doubts(self._far(), asked=self._asked)
        known = {label: self._sums[label] / count for label, count in self._counts.items() if count >= FEWEST}
        ordered = [doubt for _, _, doubt in sorted(self._others, key=lambda one: (-one[0], -one[1]))]
        found = tuple(d for d in ordered if (d.confidence or 0.0) >= known.get(d.suggested, np.inf))
        surest = tuple(sorted(ordered, key=lambda doubt: -(doubt.confidence or 0.0)))
        return Doubts(found, surest, self._asked, self._wrong, known)

    def _far(self) -> tuple[Doubt, ...]:
        """Targets farther from the answer than answers usually are, the farthest first."""
        target, answer = np.array(self._numbers).reshape(-1, 2).T
        residual = target - answer
        middle = np.median(residual)
        usual = USUAL * float(np.median(np.abs(residual - middle)))
        if not usual or len(residual) < 4 * FEWEST:
            return ()
        z = (residual - middle) / usual
        splits = [split for split, places, _ in self._where for _ in places]
        places = np.concatenate([np.array(part) for _, part, _ in self._where])
        rows = np.concatenate([np.array(part) for _, _, part in self._where])
        far = [k for k in np.argsort(-np.abs(z), kind="stable")[:MOST].tolist() if abs(z[k]) >= FAR]
        return tuple(
            Doubt(splits[k], int(places[k]), int(rows[k]), float(target[k]), float(answer[k]), z=float(z[k]))
            for k in far
        )


def _number(pair: Pair) -> tuple[float, float] | None:
    """Target and answer where both are numbers; a target may still be written as text."""
    answer, target = pair.prediction.answer, pair.example.target
    if isinstance(answer, bool) or not isinstance(answer, (int, float)) or isinstance(target, (list, tuple)):
        return None
    try:
        return float(target), float(answer)
    except (TypeError, ValueError):
        return None


def by_split(doubts: Sequence[Doubt]) -> dict[str, int]:
    """How many of the doubts stand in each split."""
    found: dict[str, int] = {}
    for doubt in doubts:
        found[doubt.split] = found.get(doubt.split, 0) + 1
    return found
