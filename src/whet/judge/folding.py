"""What each fold of a cross-validation reached by itself: how much the score hangs on which rows are which."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from whet.judge.figures import figure
from whet.judge.words import Words
from whet.metrics.scores import Scores
from whet.tasks.contract import Finding


def by_fold(scores: Scores, homes: Sequence[int]) -> list[dict[str, float]]:
    """Every metric on each fold's rows, and their number; nothing where there are no folds."""
    places = np.asarray(homes)
    own = [np.flatnonzero(places == fold) for fold in sorted(set(homes))]
    return [{"rows": len(rows), **scores.at(rows).values()} for rows in own]


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
