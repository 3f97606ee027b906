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
from whet.tasks._answers import Answers, read
from whet.tasks.contract import Finding, Pair, Schema

FEWEST = 5
"""Fewest rows of a class, or of a slice, of which something is said."""


def findings(pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
    """Strengths, weaknesses, confusions, slices, calibration, likely label errors, as the rows show them."""
    if not pairs:
        return []
    answers = read(pairs, schema)
    if schema.kind == "regression":
        return _on_scale(answers)
    length = by_length(answers.rows, answers.lengths, answers.right)
    if schema.kind == "multi":
        table = multilabel.per_class(multilabel.counts(answers.true, answers.given), answers.labels)
        return [*best_and_worst(table, "label"), *length]
    matrix = classification.confusion(answers.true, answers.given, len(answers.labels))
    return [
        *best_and_worst(classification.per_class(matrix, answers.labels), "class"),
        *_confusions(answers, matrix),
        *length,
        *_calibration(answers),
        *_confident_errors(answers, pairs),
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


def _confusions(answers: Answers, matrix: np.ndarray) -> list[Finding]:
    labels = answers.labels
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    found = []
    for flat in np.argsort(-wrong, axis=None, kind="stable")[:3]:
        true, given = divmod(int(flat), len(labels))
        count, support = int(wrong[true, given]), int(matrix[true].sum())
        if count < 2:
            break
        rows = answers.rows[(answers.true == true) & (answers.given == given)]
        text = (
            f"{count} of {support} rows labelled '{labels[true]}' were answered '{labels[given]}' "
            f"({count / support:.0%})."
        )
        evidence = {"true": labels[true], "answered": labels[given], "count": count, "support": support}
        found.append(Finding("confusion", text, tuple(rows.tolist()), evidence))
    return found


def by_length(rows: np.ndarray, lengths: np.ndarray, right: np.ndarray) -> list[Finding]:
    """Whether the longest third of the texts, by their characters, is answered better or worse than the rest."""
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
    evidence = {"characters": bound, "accuracy": there, "accuracy_of_others": rest, "rows": int(long.sum())}
    return [Finding("slice", text, tuple(rows[long & ~right].tolist()), evidence)]


def _calibration(answers: Answers) -> list[Finding]:
    sure, right = answers.sure, answers.right
    if sure is None or len(sure) < 4 * FEWEST:
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


def _confident_errors(answers: Answers, pairs: Sequence[Pair], most: int = 5) -> list[Finding]:
    sure = answers.sure
    if sure is None:
        return []
    wrong = np.flatnonzero(~answers.right & (sure >= 0.9))
    shown = [(pairs[i], float(sure[i])) for i in wrong[np.argsort(-sure[wrong], kind="stable")][:most].tolist()]
    return [
        Finding(
            "label_error",
            f"Row {pair.example.row} is labelled '{pair.example.target}', yet "
            f"'{pair.prediction.answer}' was answered with {chance:.3f}: look at its label.",
            (pair.example.row,),
            {
                "text": pair.example.inputs[0],
                "true": pair.example.target,
                "answered": pair.prediction.answer,
                "confidence": chance,
            },
        )
        for pair, chance in shown
    ]


def _on_scale(answers: Answers) -> list[Finding]:
    true, error = answers.true, answers.given - answers.true
    order = np.argsort(true, kind="stable")
    found = []
    if len(true) >= 3 * FEWEST:
        thirds = list(np.array_split(order, 3))
        misses = [float(np.abs(error[part]).mean()) for part in thirds]
        best, worst = int(np.argmin(misses)), int(np.argmax(misses))
        found += [
            _third("strength", true, error, thirds[best]),
            _third("weakness", true, error, thirds[worst]),
        ]
    far = np.argsort(-np.abs(error), kind="stable")[: min(5, len(true) // 10)]
    if len(far):
        rows = tuple(answers.rows[far].tolist())
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
