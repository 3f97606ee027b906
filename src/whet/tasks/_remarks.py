"""The error analysis of classified texts: sentences with the numbers and rows behind them.

A sentence is said only where its numbers carry it: a class needs five rows; a report full of accidents teaches nobody
anything. Slices, calibration and doubtful labels are judged alike for every task, in the room judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from whet.metrics import classification, multilabel
from whet.metrics.classification import ClassRow
from whet.tasks._answers import Answers, read
from whet.tasks.contract import Finding, Pair, Schema

FEWEST = 5
"""Fewest rows of a class of which something is said."""


def findings(pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
    """Strengths, weaknesses and confusions, as the rows show them."""
    if not pairs:
        return []
    answers = read(pairs, schema)
    if schema.kind == "regression":
        return _on_scale(answers)
    if schema.kind == "multi":
        table = multilabel.per_class(multilabel.counts(answers.true, answers.given), answers.labels)
        return best_and_worst(table, "label")
    matrix = classification.confusion(answers.true, answers.given, len(answers.labels))
    return [
        *best_and_worst(classification.per_class(matrix, answers.labels), "class"),
        *_confusions(answers, matrix),
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
            f"({100 * count / support:.0f}\u00a0%)."
        )
        evidence = {"true": labels[true], "answered": labels[given], "count": count, "support": support}
        found.append(Finding("confusion", text, tuple(rows.tolist()), evidence))
    return found


def _on_scale(answers: Answers) -> list[Finding]:
    true, error = answers.true, answers.given - answers.true
    if len(true) < 3 * FEWEST:
        return []
    thirds = list(np.array_split(np.argsort(true, kind="stable"), 3))
    misses = [float(np.abs(error[part]).mean()) for part in thirds]
    best, worst = int(np.argmin(misses)), int(np.argmax(misses))
    return [_third("strength", true, error, thirds[best]), _third("weakness", true, error, thirds[worst])]


def _third(kind: Literal["strength", "weakness"], true: np.ndarray, error: np.ndarray, part: np.ndarray) -> Finding:
    low, high = float(true[part].min()), float(true[part].max())
    miss, bias = float(np.abs(error[part]).mean()), float(error[part].mean())
    text = (
        f"Targets of {low:.3g} to {high:.3g} are met {'best' if kind == 'strength' else 'worst'}: "
        f"mean distance {miss:.3g}, mean error {bias:+.3g}, {len(part)} rows."
    )
    return Finding(kind, text.replace("-", "−"), (), {"low": low, "high": high, "mae": miss, "bias": bias})
