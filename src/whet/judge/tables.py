"""Tables by class, read off targets and answers: how well each label is found, and which ones clash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any

import numpy as np

from whet.metrics import classification, entities, multilabel
from whet.tasks.contract import Pair, Schema


class Counting:
    """Targets and answers under way: pairs are added one by one, and nothing of them is kept but counts.

    One label a row is counted by row, several by row and label, tags by entity (as conlleval counts) where they look
    like ``B-PER``, else by word. Which of these it is the last pair may decide, so until then all that can be are
    counted.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._single = self._sequences = bool(schema.labels)
        self._aligned = self._freely = self._marked = True
        self._both: Counter[tuple[str, str]] = Counter()
        self._sets = (Counter[str](), Counter[str](), Counter[str]())
        self._spans = (Counter[str](), Counter[str](), Counter[str]())
        self._types: Counter[tuple[str, str]] = Counter()

    def add(self, pair: Pair) -> None:
        target, answer = pair.example.target, pair.prediction.answer
        if self._single:
            self._single = isinstance(target, str) and isinstance(answer, str)
            if self._single:
                self._sequences = False
                self._both[target, answer] += 1
        if self._sequences:
            self._sequences = _is_words(target) and _is_words(answer)
            if self._sequences:
                self._add_words(target, answer, pair.prediction.probabilities or {})

    def _add_words(self, target: Sequence[str], answer: Sequence[str], chances: Mapping[str, float]) -> None:
        carried, given = set(target), set(answer)
        for count, labels in zip(self._sets, (carried & given, given, carried), strict=True):
            count.update(labels)
        self._freely = self._freely and set(self._schema.labels) <= set(chances)
        self._marked = self._marked and all(_is_mark(word) for word in carried | given)
        self._aligned = self._aligned and len(target) == len(answer)
        if self._aligned:
            self._both.update(zip(target, answer, strict=True))
            if self._marked:
                there, found = set(entities.spans(target)), set(entities.spans(answer))
                for count, spans in zip(self._spans, (there & found, found, there), strict=True):
                    count.update(span.type for span in spans)
                self._types.update(entities.met(there, found))

    def classes(self) -> list[dict[str, Any]]:
        """One mapping a class with label, precision, recall, f1, support (how many there are) and predicted.

        Empty where the targets are no labels, or there are none.
        """
        if self._single:
            return self._by_row_or_word() if self._both else []
        if not self._sequences:
            return []
        if self._of_entities():
            return self._by_entity()
        if self._aligned and not self._freely:
            return self._by_row_or_word()
        return self._by_set({label for count in self._sets for label in count})

    def confusion(self) -> dict[str, Any] | None:
        """``labels`` and ``counts`` (truth in rows, answers in columns), and of what they are counts: ``rows`` with one
        label each, ``words``, or ``entities`` with those that they met (``O``: none). None for all else."""
        if self._single and self._both:
            return {"of": "rows", **self._by_label()}
        if not self._sequences or not self._aligned:
            return None
        if self._of_entities():
            types = {kind for met in self._types for kind in met} - {entities.OUTSIDE}
            return {"of": "entities", **_matrix(self._types, [*sorted(types), entities.OUTSIDE])}
        return {"of": "words", **self._by_label()} if self._both and not self._freely else None

    def _of_entities(self) -> bool:
        return self._sequences and self._aligned and self._marked and bool(set().union(*self._sets) - {"O"})

    def _by_label(self) -> dict[str, Any]:
        return _matrix(self._both, self._labels({label for both in self._both for label in both}))

    def _labels(self, seen: Set[str]) -> list[str]:
        return [*self._schema.labels, *sorted(seen - set(self._schema.labels))]

    def _by_row_or_word(self) -> list[dict[str, Any]]:
        found = self._by_label()
        return [asdict(row) for row in classification.per_class(np.array(found["counts"]), found["labels"])]

    def _by_set(self, seen: Set[str]) -> list[dict[str, Any]]:
        labels = self._labels(seen)
        columns = (np.array([count[label] for label in labels]) for count in self._sets)
        return [asdict(row) for row in multilabel.per_class(multilabel.Counts(*columns), labels)]

    def _by_entity(self) -> list[dict[str, Any]]:
        found = []
        for name in sorted(self._spans[1].keys() | self._spans[2].keys()):
            table = np.array([[count[name] for count in self._spans]])
            figures = {
                "precision": entities.precision(table),
                "recall": entities.recall(table),
                "f1": entities.f1(table),
            }
            found.append({"label": name, **figures, "support": int(table[0, 2]), "predicted": int(table[0, 1])})
        return found


def _matrix(both: Mapping[tuple[str, str], int], labels: list[str]) -> dict[str, Any]:
    """``labels``, and ``counts`` with truth in rows and answers in columns."""
    place = {label: k for k, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    for (true, given), count in both.items():
        matrix[place[true], place[given]] = count
    return {"labels": labels, "counts": matrix.tolist()}


def _is_words(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value)


def _is_mark(word: str) -> bool:
    """Whether this is outside, or a mark with a type such as B-PER, and not a label that happens to be called B."""
    return word == "O" or ("-" in word and entities.is_tag(word))
