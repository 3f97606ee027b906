"""Answered texts as numbers: what scores and remarks are made of, read in one walk, for there may be a million."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.tasks._targets import number_of, set_of
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class Answers:
    """What truth and answers are, row by row; ``labels`` are the model's, and after them those that only rows have.

    ``rows`` are the rows' numbers. ``true`` and ``given`` are class numbers
    [rows]; with several labels whether a row has each, bool [rows, labels]; on a scale the numbers themselves.
    ``sure``, the probability of each given answer, and ``logits`` [rows, K] are None where an answer has none.
    """

    rows: np.ndarray
    labels: tuple[str, ...]
    true: np.ndarray
    given: np.ndarray
    sure: np.ndarray | None
    logits: np.ndarray | None


class _Side:
    """One side of the pairs under way, truth or answers: flat numbers, and how many each row has."""

    def __init__(self) -> None:
        self.values, self.sizes = array("d"), array("q")

    def add(self, numbers: Sequence[float]) -> None:
        self.values.extend(numbers)
        self.sizes.append(len(numbers))

    def column(self, schema: Schema, labels: Sequence[str], place: Mapping[str, int]) -> np.ndarray:
        """By row: numbers on a scale, else ``place``'s numbers as those of ``labels``, one a row or as a table."""
        if schema.kind == "regression":
            return np.array(self.values)
        number = {label: k for k, label in enumerate(labels)}
        found = np.array([number[label] for label in place], np.int64)[np.array(self.values).astype(np.int64)]
        if schema.kind != "multi":
            return np.asarray(found)
        table = np.zeros((len(self.sizes), len(labels)), bool)
        table[np.repeat(np.arange(len(self.sizes)), np.array(self.sizes)), found] = True
        return table


def read(pairs: Iterable[Pair], schema: Schema) -> Answers:
    """Walk through the pairs once and keep nothing of them but numbers."""
    rows, sure, logits = array("q"), array("d"), array("d")
    true, given = _Side(), _Side()
    place = {label: number for number, label in enumerate(schema.labels)}
    with_logits = True
    for pair in pairs:
        example, prediction = pair.example, pair.prediction
        rows.append(example.row)
        if schema.kind == "regression":
            true.add([number_of(example)])
            given.add([float(prediction.answer)])
        else:
            answer = tuple(prediction.answer) if schema.kind == "multi" else prediction.answer
            true.add([place.setdefault(label, len(place)) for label in set_of(example.target)])
            given.add([place.setdefault(label, len(place)) for label in set_of(answer)])
        chance = (prediction.probabilities or {}).get(str(prediction.answer))
        if chance is not None:
            sure.append(chance)
        with_logits = with_logits and prediction.raw is not None
        if with_logits:
            logits.extend(prediction.raw)
    labels = (*schema.labels, *sorted(set(place) - set(schema.labels)))
    return Answers(
        np.array(rows),
        labels,
        true.column(schema, labels, place),
        given.column(schema, labels, place),
        np.array(sure) if len(sure) == len(rows) else None,
        np.array(logits).reshape(len(rows), -1) if rows and with_logits else None,
    )
