"""What each fold of a cross-validation reached by itself: how much the score hangs on which rows are which."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whet.judge.figures import figure
from whet.judge.words import Words
from whet.tasks.contract import Finding, Pair, Schema, Task


def by_fold(task: Task, schema: Schema, test: Sequence[Pair], homes: Sequence[int]) -> list[dict[str, float]]:
    """Every metric on each fold's rows, and their number; nothing where there are no folds."""
    found = []
    for fold in sorted(set(homes)):
        own = [pair for pair, home in zip(test, homes, strict=True) if home == fold]
        found.append({"rows": len(own), **task.score(own, schema).values()})
    return found


def between(metric: str, folds: Sequence[dict[str, float]], language: str) -> Finding:
    """The worst and the best fold, in words."""
    say = Words(language)
    values = [fold[metric] for fold in folds]
    known = [value for value in values if not math.isnan(value)] or [math.nan]
    text = say(
        "folds_between",
        count=figure(len(folds)),
        metric=say.metric(metric),
        low=figure(min(known)),
        high=figure(max(known)),
        rows=figure(min(int(fold["rows"]) for fold in folds)),
    )
    return Finding("folds", text, (), {"metric": metric, "values": values})
