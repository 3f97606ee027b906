"""The error analysis of classified texts: sentences with the numbers and rows behind them.

A sentence is said only where its numbers carry it: a class needs five rows, a slice a difference beyond two
standard errors; a report full of accidents teaches nobody anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from whet.metrics import calibration, classification, multilabel
from whet.metrics.classification import ClassRow
from whet.tasks._judging import confidences, known_labels, places
from whet.tasks._targets import carried, number_of
from whet.tasks.contract import Finding, Pair, Schema

FEWEST = 5
"""Fewest rows of a class, or of a slice, of which something is said."""


def findings(pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
    """Strengths, weaknesses, confusions, slices, calibration, likely label errors, as the rows show them."""
    if not pairs:
        return []
    if schema.kind == "regression":
        return _on_scale(pairs)
    labels = known_labels(pairs, schema)
    if schema.kind == "multi":
        true = carried([pair.example.target for pair in pairs], labels)
        given = carried([tuple(pair.prediction.answer) for pair in pairs], labels)
        table = multilabel.per_class(multilabel.counts(true, given), labels)
        return [*best_and_worst(table, "label"), *by_length(pairs, (true == given).all(1))]
    answers = places(pairs, labels)
    matrix = classification.confusion(*answers, len(labels))
    right = answers[0] == answers[1]
    return [
        *best_and_worst(classification.per_class(matrix, labels), "class"),
        *_confusions(pairs, matrix, answers, labels),
        *by_length(pairs, right),
        *_calibration(pairs, right),
        *_confident_errors(pairs, right),
    ]


def best_and_worst(table: Sequence[ClassRow], noun: str) -> list[Finding]:
    """The class found best and the one found worst, of those with enough rows."""
    known = sorted((row for row in table if row.support >= FEWEST), key=lambda row: row.f1)
    if len(known) < 2 or known[0].f1 == known[-1].f1:
        return []
    return [
        _about(known[-1], "strength", f"The {noun} found best is"),
        _about(known[0], "weakness", f"The {noun} found worst is"),
    ]


def _about(row: ClassRow, kind: Literal["strength", "weakness"], opening: str) -> Finding:
    text = (
        f"{opening} '{row.label}': F1 {row.f1:.3f}, precision {row.precision:.3f}, "
        f"recall {row.recall:.3f} on {row.support} of its own."
    )
    evidence = {
        "label": row.label,
        "f1": row.f1,
        "precision": row.precision,
        "recall": row.recall,
        "support": row.support,
    }
    return Finding(kind, text, (), evidence)


def _confusions(
    pairs: Sequence[Pair],
    matrix: np.ndarray,
    answers: tuple[np.ndarray, np.ndarray],
    labels: Sequence[str],
) -> list[Finding]:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    found = []
    for flat in np.argsort(-wrong, axis=None, kind="stable")[:3]:
        true, given = divmod(int(flat), len(labels))
        count, support = int(wrong[true, given]), int(matrix[true].sum())
        if count < 2:
            break
        rows = [p.example.row for p, t, a in zip(pairs, *answers, strict=True) if (t, a) == (true, given)]
        text = (
            f"{count} of {support} rows labelled '{labels[true]}' were answered '{labels[given]}' "
            f"({count / support:.0%})."
        )
        evidence = {"true": labels[true], "answered": labels[given], "count": count, "support": support}
        found.append(Finding("confusion", text, tuple(rows), evidence))
    return found


def by_length(pairs: Sequence[Pair], right: np.ndarray) -> list[Finding]:
    """Whether the longest third of the texts is answered better or worse than the rest."""
    lengths = np.array([sum(map(len, pair.example.inputs)) for pair in pairs])
    bound = int(np.quantile(lengths, 2 / 3))
    long = lengths > bound
    if min(long.sum(), (~long).sum()) < FEWEST:
        return []
    there, rest = float(right[long].mean()), float(right[~long].mean())
    pooled = float(right.mean())
    error = math.sqrt(pooled * (1 - pooled) * (1 / long.sum() + 1 / (~long).sum()))
    if abs(there - rest) <= 2 * error:
        return []
    text = (
        f"Texts of more than {bound} characters are answered {'better' if there > rest else 'worse'}: "
        f"{there:.3f} right of {int(long.sum())}, against {rest:.3f} of the {int((~long).sum())} others."
    )
    rows = tuple(pair.example.row for pair, far, ok in zip(pairs, long, right, strict=True) if far and not ok)
    evidence = {"characters": bound, "accuracy": there, "accuracy_of_others": rest, "rows": int(long.sum())}
    return [Finding("slice", text, rows, evidence)]


def _calibration(pairs: Sequence[Pair], right: np.ndarray) -> list[Finding]:
    sure = confidences(pairs)
    if sure is None or len(pairs) < 4 * FEWEST:
        return []
    error, mean, accuracy = calibration.ece(sure, right), float(sure.mean()), float(right.mean())
    side = "overconfident" if mean > accuracy else "underconfident"
    text = (
        f"Mean confidence is {mean:.3f} where {accuracy:.3f} of the answers are right "
        f"({side}; expected calibration error {error:.3f})."
    )
    bins = [vars(part) for part in calibration.reliability(sure, right)]
    evidence = {"ece": error, "confidence": mean, "accuracy": accuracy, "bins": bins}
    return [Finding("calibration", text, (), evidence)]


def _confident_errors(pairs: Sequence[Pair], right: np.ndarray, most: int = 5) -> list[Finding]:
    sure = confidences(pairs)
    if sure is None:
        return []
    wrong = [i for i in np.argsort(-sure, kind="stable") if not right[i] and sure[i] >= 0.9][:most]
    return [
        Finding(
            "label_error",
            f"Row {pairs[i].example.row} is labelled '{pairs[i].example.target}', yet "
            f"'{pairs[i].prediction.answer}' was answered with {sure[i]:.3f}: look at its label.",
            (pairs[i].example.row,),
            {
                "text": pairs[i].example.inputs[0],
                "true": pairs[i].example.target,
                "answered": pairs[i].prediction.answer,
                "confidence": float(sure[i]),
            },
        )
        for i in wrong
    ]


def _on_scale(pairs: Sequence[Pair]) -> list[Finding]:
    true = np.array([number_of(pair.example) for pair in pairs])
    error = np.array([float(pair.prediction.answer) for pair in pairs]) - true
    order = np.argsort(true, kind="stable")
    found = []
    if len(pairs) >= 3 * FEWEST:
        thirds = list(np.array_split(order, 3))
        misses = [float(np.abs(error[part]).mean()) for part in thirds]
        best, worst = int(np.argmin(misses)), int(np.argmax(misses))
        found += [
            _third("strength", true, error, thirds[best]),
            _third("weakness", true, error, thirds[worst]),
        ]
    far = np.argsort(-np.abs(error), kind="stable")[: min(5, len(pairs) // 10)]
    if len(far):
        rows = tuple(pairs[i].example.row for i in far)
        most = float(np.abs(error[far[0]]))
        text = f"The {len(far)} answers farthest off miss by up to {most:.3g}: look at their targets."
        found.append(Finding("label_error", text, rows, {"errors": [float(error[i]) for i in far]}))
    return found


def _third(kind: Literal["strength", "weakness"], true: np.ndarray, error: np.ndarray, part: np.ndarray) -> Finding:
    low, high = float(true[part].min()), float(true[part].max())
    miss, bias = float(np.abs(error[part]).mean()), float(error[part].mean())
    text = (
        f"Targets of {low:.3g} to {high:.3g} are met {'best' if kind == 'strength' else 'worst'}: "
        f"mean distance {miss:.3g}, mean error {bias:+.3g}, {len(part)} rows."
    )
    return Finding(kind, text, (), {"low": low, "high": high, "mae": miss, "bias": bias})
