"""Whether more training rows would help: what the last doubling of them gained, in words and as a section."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from whet.judge.charts import Line, lines
from whet.judge.facts import ReportFacts
from whet.judge.figures import duration, figure, share, signed
from whet.judge.markup import number, safe, section, table
from whet.judge.options import EvaluateOptions
from whet.judge.paired import FEWEST_ROWS, difference
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER, Scores
from whet.tasks.contract import Finding


def finding(
    answered: Sequence[Scores], points: Sequence[Mapping[str, Any]], metric: str, options: EvaluateOptions, seed: int
) -> Finding:
    """The last doubling's gain with its paired interval over the validation rows; points stand fewest rows first."""
    say = Words(options.language)
    gain = difference(answered[-1], answered[-2], metric, options.confidence, seed)
    low, high = (-gain.high, -gain.low) if metric in LOWER_IS_BETTER else (gain.low, gain.high)
    rows = len(answered[-1])
    key = (
        "undefined"
        if math.isnan(gain.value)
        else "few"
        if rows < FEWEST_ROWS
        else "helps"
        if low > 0
        else "hurts"
        if high < 0
        else "none"
    )
    text = say(
        f"curve_{key}",
        half=figure(points[-2]["rows"]),
        whole=figure(points[-1]["rows"]),
        metric=say.metric(metric),
        gain=signed(gain.value),
        low=signed(gain.low),
        high=signed(gain.high),
        confidence=share(options.confidence),
        rows=figure(rows),
        fewest=figure(FEWEST_ROWS),
    )
    evidence = {"metric": metric, "gain": gain.value, "low": gain.low, "high": gain.high, "validation_rows": rows}
    return Finding("next", text, (), evidence)


def curve(facts: ReportFacts, say: Words) -> str:
    """The section: the metric over training rows, drawn and as a table."""
    points = facts.metrics.get("curve") or []
    metric = say.metric(facts.metric or "")
    line = Line(metric, [(one["rows"], one["value"]) for one in points], "b", dots=True, best=len(points) - 1)
    drawn = lines(say("curve"), [line], say("curve_rows")) if points else ""
    head = [say("curve_rows"), metric, say("curve_interval"), say("curve_seconds")]
    cells = [
        [
            number(one["rows"], f"curve.{k}.rows"),
            number(one["value"], f"curve.{k}.value"),
            safe(f"{figure(one['low'])} – {figure(one['high'])}"),
            number(one["seconds"], f"curve.{k}.seconds", duration(one["seconds"])),
        ]
        for k, one in enumerate(points)
    ]
    body = f'<div class="chart">{drawn}</div>' + table(head, cells, "", range(4)) if points else ""
    return section("curve", say("curve"), body, say("curve_lead"))
