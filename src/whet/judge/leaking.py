"""The score without the test rows that stand in training too: on those it measures memory, not skill."""

from __future__ import annotations

from collections.abc import Sequence

from whet.judge.figures import figure
from whet.judge.options import EvaluateOptions
from whet.judge.words import Words
from whet.metrics.scores import Interval
from whet.tasks.contract import Finding, Pair, Schema, Task


def without_leaks(
    task: Task, schema: Schema, test: Sequence[Pair], leaking: Sequence[int], options: EvaluateOptions, seed: int
) -> dict[str, Interval]:
    """Every metric with its interval on the test rows that training did not see; nothing where all are seen or none."""
    seen = set(leaking)
    fresh = [pair for place, pair in enumerate(test) if place not in seen] if seen else []
    return task.score(fresh, schema).intervals(options.confidence, seed=seed) if fresh else {}


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
