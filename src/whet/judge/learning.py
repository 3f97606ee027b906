"""The learning curve: the lines of ``metrics.jsonl`` as two charts, the loss and the validation metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.judge.charts import Line, lines
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER

MOST_POINTS = 400
"""Points of a drawn line; longer logs are thinned by averaging neighbours."""


def learning_charts(log: Sequence[Mapping[str, Any]], metric: str | None, say: Words) -> list[str]:
    """The charts that the log allows: none where it is empty."""
    log = _in_one_row(log)
    across = "epoch" if all("epoch" in line for line in log if "step" in line) else "step"
    trained = [(float(line[across]), float(line["loss"])) for line in log if _is_number(line.get("loss"))]
    looks = [(float(line[across]), values) for line in log if across in line and (values := validation_of(line))]
    loss = [(x, float(values["loss"])) for x, values in looks if _is_number(values.get("loss"))]
    rows = [Line("", thinned(trained), "a faint"), Line(say("training_loss"), smoothed(trained), "a")]
    if len(loss) > 1:
        rows.append(Line(say("validation_loss"), loss, "b", dots=True))
    charts = [lines(say("loss_chart"), [row for row in rows if row.points], say(across))]
    leading = metric if metric and metric != "loss" else None
    scored = [(x, float(values[leading])) for x, values in looks if leading and _is_number(values.get(leading))]
    if leading and scored:
        sign = -1 if leading in LOWER_IS_BETTER else 1
        best = max(range(len(scored)), key=lambda k: sign * scored[k][1])
        name = say("validation_metric", metric=say.metric(leading))
        charts.append(lines(name, [Line(name, scored, "b", dots=True, best=best)], say(across)))
    return [chart for chart in charts if chart]


def _in_one_row(log: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Stages one after the other: each begins where the one before ended."""
    found: list[Mapping[str, Any]] = []
    start, last, stage = {"step": 0.0, "epoch": 0.0}, {"step": 0.0, "epoch": 0.0}, None
    for line in log:
        if stage is not None and line.get("stage", stage) != stage:
            start = dict(last)
        stage = line.get("stage", stage)
        moved = {key: line[key] + start[key] for key in start if _is_number(line.get(key))}
        last = {**last, **moved}
        found.append({**line, **moved})
    return found


def validation_of(line: Mapping[str, Any]) -> dict[str, float]:
    """The validation scores in one log line: under ``validation``, or as ``validation_<metric>``."""
    nested = line.get("validation")
    if isinstance(nested, Mapping):
        pairs = ((name, v.get("value") if isinstance(v, Mapping) else v) for name, v in nested.items())
        return {name: float(value) for name, value in pairs if value is not None and _is_number(value)}
    prefix = "validation_"
    return {name[len(prefix) :]: v for name, v in line.items() if name.startswith(prefix) and _is_number(v)}


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most so many points, each the mean of its neighbours."""
    if len(points) <= most:
        return list(points)
    width = -(-len(points) // most)
    groups = [points[k : k + width] for k in range(0, len(points), width)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A running mean over a twentieth of the steps, so that single steps do not hide the way."""
    width = max(1, len(points) // 20)
    found, total = [], 0.0
    for k, (x, y) in enumerate(points):
        total += y - (points[k - width][1] if k >= width else 0.0)
        found.append((x, total / min(k + 1, width)))
    return thinned(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
