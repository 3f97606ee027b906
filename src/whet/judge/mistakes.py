"""The wrong answers, picked from ``predictions/test.jsonl`` and put in the order in which to read them."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.assemble.answers import RESERVED

SHOWN = 500
"""Most rows on the page: enough to read, and the page stays under about a megabyte."""


@dataclass(frozen=True)
class Mistake:
    """One row: its inputs by column, what is true, what was answered, and how sure the answer was.

    ``target`` is None where the truth is unknown. ``weight`` orders mistakes, worst first.
    """

    row: int
    inputs: dict[str, Any]
    target: Any
    prediction: Any
    sure: float | None
    weight: float


@dataclass(frozen=True)
class Mistakes:
    """The mistakes to be shown, how many there are of how many rows, whether the truth is known, whether answers are
    all numbers, which are far off or near and not wrong."""

    shown: list[Mistake]
    count: int
    rows: int
    known: bool
    far: bool


def mistakes(rows: Sequence[Mapping[str, Any]], most: int = SHOWN) -> Mistakes:
    """The rows answered wrongly, the surest (or farthest off) first; all rows where no truth is known.

    The rows are walked through once and never held together: there may be a million. Until one has a truth they are
    taken as they stand.
    """
    told: dict[str, bool] = {}
    unjudged: list[Mistake] = []
    known, far, count, total = False, True, 0, 0

    def wrong() -> Iterator[Mistake]:
        nonlocal known, far, count, total
        for row in map(_comparable, rows):
            total += 1
            if "target" in row and not known:
                known = True
                told.clear()
            if known and "target" not in row:
                continue
            _tell(told, row)
            if known and not _right(row):
                count += 1
                one = as_mistake(row)
                far = far and is_far(one)
                yield one
            elif not known and len(unjudged) < most:
                unjudged.append(as_mistake(row))

    worst = heapq.nsmallest(most, wrong(), key=lambda one: -one.weight)
    own = [name for name, is_own in told.items() if is_own]
    shown = [
        dataclasses.replace(one, inputs={name: one.inputs[name] for name in own if name in one.inputs})
        for one in (worst if known else unjudged)
    ]
    return Mistakes(shown, count if known else total, total, known, far and known)


def _comparable(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same row, without the target where the answer is a mapping: that measures a text and answers nothing."""
    if not isinstance(row.get("prediction"), Mapping):
        return row
    return {name: value for name, value in row.items() if name != "target"}


def is_far(one: Mistake) -> bool:
    """Whether the answer is a number beside its target: never quite right, so it is far off or near, not wrong."""
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (one.target, one.prediction))


def differences(one: Mistake) -> list[tuple[str, Any, Any]] | None:
    """Word by word what was answered wrongly, where target and answer are lists of the same length.

    Each is (the word itself or its number, target, answer). None where they are not.
    """
    if not (isinstance(one.target, list) and isinstance(one.prediction, list)):
        return None
    if len(one.target) != len(one.prediction) or one.sure is not None:
        return None
    count = len(one.target)
    words = next((v for v in map(_words, one.inputs.values()) if len(v) == count), list(map(str, range(1, count + 1))))
    both = zip(words, one.target, one.prediction, strict=True)
    return [(word, target, given) for word, target, given in both if target != given]


def _words(value: Any) -> list[str]:
    return [str(word) for word in (value if isinstance(value, list) else str(value).split())]


def _tell(told: dict[str, bool], row: Mapping[str, Any]) -> None:
    """Note which columns are the user's own, and which of them only repeat the target, as far as this row shows it."""
    for name in _before_answer(row):
        if not told.get(name):
            told[name] = row.get(name) is not None and not _repeats(row, name)


def _before_answer(row: Mapping[str, Any]) -> list[str]:
    """Own columns stand before whet's answer, what belongs to the answer behind it."""
    names = [name for name in row if name not in RESERVED[:1]]
    ends = [names.index(key) for key in RESERVED[1:] if key in names]
    return names[: min(ends, default=len(names))]


def _repeats(row: Mapping[str, Any], name: str) -> bool:
    target = row.get("target")
    value = row.get(name)
    if isinstance(target, list) and isinstance(value, str):
        return value.split() == [str(part) for part in target]
    return target is not None and (value == target or str(value) == str(target))


def _right(row: Mapping[str, Any]) -> bool:
    target, answer = row["target"], row.get("prediction")
    if isinstance(target, list) and isinstance(answer, list) and row.get("probabilities"):
        return sorted(map(str, target)) == sorted(map(str, answer))
    return bool(target == answer)


def as_mistake(row: Mapping[str, Any]) -> Mistake:
    """A line of ``predictions/test.jsonl`` as a mistake, whether it is one or not."""
    target, answer = row.get("target"), row.get("prediction")
    chances = row.get("probabilities") or {}
    sure: float | None = None
    if isinstance(answer, str):
        sure = chances.get(answer)
    elif isinstance(answer, list) and chances:
        wrong = {str(part) for part in answer} ^ {str(part) for part in target or ()}
        sure = max((abs(chances[label] - 0.5) + 0.5 for label in wrong if label in chances), default=None)
    weight = sure or 0.0
    if isinstance(answer, (int, float)) and isinstance(target, (int, float)):
        weight = abs(float(answer) - float(target))
    elif isinstance(answer, list) and isinstance(target, list) and sure is None:
        weight = float(sum(a != t for a, t in zip(answer, target, strict=False)) + abs(len(answer) - len(target)))
    return Mistake(
        int(row.get("row", 0)), {name: row[name] for name in _before_answer(row)}, target, answer, sure, weight
    )
