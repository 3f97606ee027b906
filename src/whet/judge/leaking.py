"""The score without the test rows that stand in training too: on those it measures memory, not skill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.judge.figures import figure
from whet.judge.options import EvaluateOptions
from whet.judge.words import Words
from whet.metrics.scores import Interval, Scores
from whet.tasks.contract import Finding, Pair


def without_leaks(scores: Scores, leaking: Sequence[int], options: EvaluateOptions, seed: int) -> dict[str, Interval]:
    """Every metric with its interval on the test rows that training did not see; nothing where all are seen or none."""
    fresh = np.setdiff1d(np.arange(len(scores)), leaking)
    if not leaking or not len(fresh):
        return {}
    return scores.at(fresh).intervals(options.confidence, seed=seed)


def finding(
    metric: str, every: Interval, fresh: Interval, test: Sequence[Pair], leaking: Sequence[int], language: str
) -> Finding:
    """What the leaking rows do to the score, in words."""
    say = Words(language)
    text = say(
        "leak_scored",
        count=figure(len(leaking)),
        rows=figure(len(test)),
        metric=say.metric(metric),
        fresh=figure(fresh.value),
        every=figure(every.value),
    )
    evidence = {"metric": metric, "with": every.value, "without": fresh.value, "rows": len(leaking)}
    return Finding("leak", text, tuple(test[place].example.row for place in leaking[:20]), evidence)
