"""Tables by class, read off targets and answers: how well each label is found, and which ones clash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from whet.metrics import classification, entities, multilabel
from whet.tasks.contract import Pair, Schema


def class_table(pairs: Sequence[Pair], schema: Schema) -> list[dict[str, Any]]:
    """One mapping a class with label, precision, recall, f1, support (how many there are) and predicted.

    One label a row is counted by row, several by row and label, tags by entity (as conlleval counts) where
    they look like ``B-PER``, else by word. Empty where the targets are no labels.
    """
    if _single(pairs, schema):
        matrix, labels = _matrix([(p.example.target, p.prediction.answer) for p in pairs], schema)
        return [asdict(row) for row in classification.per_class(matrix, labels)]
    if not _sequences(pairs, schema):
        return []
    if _aligned(pairs) and _marked(_words(pairs)):
        return _entity_table(pairs)
    if _aligned(pairs) and not _chosen_freely(pairs, schema):
        words = [both for p in pairs for both in zip(p.example.target, p.prediction.answer, strict=True)]
        matrix, labels = _matrix(words, schema)
        return [asdict(row) for row in classification.per_class(matrix, labels)]
    return _set_table(pairs, schema)


def confusion_table(pairs: Sequence[Pair], schema: Schema) -> dict[str, Any] | None:
    """``labels`` and ``counts`` (truth in rows, answers in columns) of one label a row; None for all else."""
    if not _single(pairs, schema):
        return None
    matrix, labels = _matrix([(p.example.target, p.prediction.answer) for p in pairs], schema)
    return {"labels": labels, "counts": matrix.tolist()}


def _single(pairs: Sequence[Pair], schema: Schema) -> bool:
    answers = [value for p in pairs for value in (p.example.target, p.prediction.answer)]
    return bool(schema.labels) and bool(answers) and all(isinstance(value, str) for value in answers)


def _sequences(pairs: Sequence[Pair], schema: Schema) -> bool:
    answers = [value for p in pairs for value in (p.example.target, p.prediction.answer)]
    if not schema.labels or not answers or not all(isinstance(value, (list, tuple)) for value in answers):
        return False
    return all(isinstance(word, str) for value in answers for word in value)


def _words(pairs: Sequence[Pair]) -> set[str]:
    return {word for p in pairs for word in (*p.example.target, *p.prediction.answer)}


def _aligned(pairs: Sequence[Pair]) -> bool:
    return all(len(p.example.target) == len(p.prediction.answer) for p in pairs)


def _chosen_freely(pairs: Sequence[Pair], schema: Schema) -> bool:
    """Whether an answer is a set of labels, each with its own probability, and not a label for each word."""
    return all(set(schema.labels) <= set(p.prediction.probabilities or ()) for p in pairs)


def _marked(words: set[str]) -> bool:
    """Whether these are marks with types, such as B-PER, and not labels that happen to be called B."""
    types = words - {"O"}
    return bool(types) and all("-" in word and entities.is_tag(word) for word in types)


def _matrix(both: Sequence[tuple[str, str]], schema: Schema) -> tuple[np.ndarray, list[str]]:
    seen = {label for pair in both for label in pair}
    labels = [*schema.labels, *sorted(seen - set(schema.labels))]
    place = {label: k for k, label in enumerate(labels)}
    true = np.array([place[truth] for truth, _ in both])
    given = np.array([place[answer] for _, answer in both])
    return classification.confusion(true, given, len(labels)), labels


def _set_table(pairs: Sequence[Pair], schema: Schema) -> list[dict[str, Any]]:
    labels = [*schema.labels, *sorted(_words(pairs) - set(schema.labels))]
    true = np.array([[label in p.example.target for label in labels] for p in pairs])
    given = np.array([[label in p.prediction.answer for label in labels] for p in pairs])
    return [asdict(row) for row in multilabel.per_class(multilabel.counts(true, given), labels)]


def _entity_table(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    found = [(entities.spans(p.example.target), entities.spans(p.prediction.answer)) for p in pairs]
    types = sorted({span.type for true, given in found for span in (*true, *given)})
    table = np.zeros((len(types), 3), np.int64)
    for pair in pairs:
        table += entities.count(pair.example.target, pair.prediction.answer, types)
    return [
        {
            "label": name,
            "precision": entities.precision(table[k : k + 1]),
            "recall": entities.recall(table[k : k + 1]),
            "f1": entities.f1(table[k : k + 1]),
            "support": int(table[k, 2]),
            "predicted": int(table[k, 1]),
        }
        for k, name in enumerate(types)
    ]
