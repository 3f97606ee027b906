"""Whether the probabilities can be believed, read off the answers alone, whatever the task."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from whet.judge.decisions import decisions
from whet.metrics import entities
from whet.metrics.calibration import ece, luck, reliability
from whet.tasks.contract import Pair, Schema

MOST_LABELS = 200
"""Labels of a set that are told by themselves, those with the largest errors."""


class Deciding:
    """Decisions under way: how sure each was and whether it was right; pairs are added one by one and not kept.

    With one label a row a decision is the given answer; with several, each label of each row is one, and its
    probability that of being there; of tagged sentences it is each entity that was found, where answers tell their
    scores, else each word's tag. Answers of ``one_model`` have its temperature; models of folds each had their own.
    """

    def __init__(self, schema: Schema, one_model: bool = True) -> None:
        self._schema, self._one_model = schema, one_model
        self._sure, self._right, self._before = array("d"), array("d"), array("d")
        self._squares = 0.0
        self._rows = 0
        self._labels: tuple[str, ...] | None = None

    def add(self, pair: Pair) -> None:
        probabilities, target = pair.prediction.probabilities, pair.example.target
        if probabilities:
            if isinstance(target, str):
                self._add_label(probabilities, target, str(pair.prediction.answer))
            elif isinstance(target, (list, tuple, set, frozenset)) and set(target) <= set(probabilities):
                self._add_set(probabilities, set(target))
        elif "entities" in (pair.prediction.details or {}):
            self._add_entities(pair)
        else:
            for one in decisions(pair, self._schema):
                self._sure.append(one.answered_chance)
                self._right.append(one.answered == one.given)

    def _add_label(self, probabilities: Mapping[str, float], target: str, answer: str) -> None:
        given = probabilities.get(answer)
        if given is None:
            return
        self._sure.append(given)
        self._right.append(answer == target)
        chances = np.array(list(probabilities.values()))
        squares = float(chances @ chances) + (1 - 2 * probabilities[target] if target in probabilities else 1)
        self._squares += squares / 2 if len(chances) == 2 else squares
        self._rows += 1
        if self._schema.temperature and self._one_model:  # p before is p after to the power of T, made to sum to 1
            raised = (chances / chances.max()) ** self._schema.temperature
            self._before.append((given / chances.max()) ** self._schema.temperature / float(raised.sum()))

    def _add_set(self, probabilities: Mapping[str, float], target: set[str]) -> None:
        labels = tuple(probabilities)
        self._labels = labels if not self._sure or self._labels == labels else None
        self._sure.extend(probabilities.values())
        self._right.extend(label in target for label in probabilities)
        if self._schema.temperature and self._one_model:  # as of one label a row: there against not there
            there = np.array(list(probabilities.values())) ** self._schema.temperature
            absent = (1 - np.array(list(probabilities.values()))) ** self._schema.temperature
            self._before.extend(there / (there + absent))

    def _add_entities(self, pair: Pair) -> None:
        there = set(entities.spans(pair.example.target or ()))
        for entity in (pair.prediction.details or {})["entities"]:
            start, end = entity["words"]
            self._sure.append(entity["score"])
            self._right.append(entities.Span(start, end, entity["type"]) in there)

    def calibration(self) -> dict[str, Any] | None:
        """``ece``, the model's ``temperature`` (null: none was fitted) and the reliability diagram's ``bins``;
        ``by_chance`` is the error that probabilities which can be believed do not exceed in 95 of 100 cases.

        Where the answers had that temperature, ``ece_before`` is what the error was without it; one label a row has its
        ``brier`` score too (as the shelf's metric of that name), several labels a row the error of each, ``by_label``,
        the largest first. None where answers carry no probabilities.
        """
        if not self._sure:
            return None
        sure, right = np.array(self._sure), np.array(self._right)
        found = {
            "ece": ece(sure, right),
            "by_chance": luck(sure),
            "temperature": self._schema.temperature,
            "bins": [asdict(one) for one in reliability(sure, right, bins=10)],
        }
        if len(self._before) == len(sure):
            found["ece_before"] = ece(np.array(self._before), right)
        if self._rows:
            found["brier"] = self._squares / self._rows
        if self._labels:
            each = (sure.reshape(-1, len(self._labels)).T, right.reshape(-1, len(self._labels)).T)
            rows = [(-ece(s, r), n) for n, s, r in zip(self._labels, *each, strict=True)]
            rows.sort(key=lambda one: one[0])
            found["by_label"] = [{"label": name, "ece": -error} for error, name in rows[:MOST_LABELS]]
        return found
