"""What an answer decides, and how sure it was: one label a row, each label of a set, each word's tag.

Read off the answers' own shape, so that every task whose answers look like one of these is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.metrics.calibration import softmax
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True, slots=True)
class Decision:
    """One label given and one answered, with the probability of each.

    ``unit`` is what was labelled where it is not the whole row: the number of a word.
    """

    given: str
    answered: str
    given_chance: float
    answered_chance: float
    unit: int | None = None


def decisions(pair: Pair, schema: Schema) -> Iterator[Decision]:
    """The decisions of one answered row; none where it has no probabilities, or a target that the model never learnt.

    Probabilities are those of the answer, after temperature.
    """
    target, answer, chances = pair.example.target, pair.prediction.answer, pair.prediction.probabilities
    if chances and isinstance(target, str) and isinstance(answer, str):
        if target in chances and answer in chances:
            yield Decision(target, answer, chances[target], chances[answer])
    elif chances and _is_set(target) and _is_set(answer):
        if set(target) <= set(chances):
            yield from _of_set(set(target), set(answer), chances)
    elif _is_set(target) and _is_set(answer):
        yield from _of_words(target, answer, pair.prediction.raw, schema)


def _is_set(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset))


def _of_set(target: Set[str], answer: Set[str], chances: Mapping[str, float]) -> Iterator[Decision]:
    for label, chance in chances.items():
        there, said = label in target, label in answer
        own, other = (chance if is_there else 1 - chance for is_there in (there, said))
        yield Decision(_signed(label, there), _signed(label, said), own, other)


def _signed(label: str, there: bool) -> str:
    return label if there else f"not {label}"


def _of_words(target: Sequence[str], answer: Sequence[str], raw: Any, schema: Schema) -> Iterator[Decision]:
    if raw is None or np.shape(raw) != (len(target), len(schema.labels)) or len(answer) != len(target):
        return
    place = {label: k for k, label in enumerate(schema.labels)}
    chances_wk = softmax(np.asarray(raw, np.float64), schema.temperature)
    for word, (given, answered) in enumerate(zip(target, answer, strict=True)):
        if given in place and answered in place and not np.isnan(chances_wk[word, 0]):
            own, other = float(chances_wk[word, place[given]]), float(chances_wk[word, place[answered]])
            yield Decision(given, answered, own, other, unit=word)
