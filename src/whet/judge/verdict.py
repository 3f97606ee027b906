"""The first thing on the page: is the model good, said in two sentences and shown on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.judge.charts import Mark, whiskers
from whet.judge.facts import ReportFacts
from whet.judge.figures import figure, share
from whet.judge.markup import number, safe, table
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER, better


def verdict_of(facts: ReportFacts, other: str) -> str | None:
    """``better``, ``worse`` or ``undecided`` against ``baseline`` or ``untuned``; None where there is none.

    The paired test's word, which stands in the findings, goes before what the interval alone would say.
    """
    metric = facts.metric
    theirs = (facts.metrics.get(other) or {}).get(metric)
    if metric is None or not isinstance(theirs, (int, float)):
        return None
    for finding in facts.findings:
        evidence = finding.get("evidence") or {}
        if evidence.get("against") == other and evidence.get("metric") == metric:
            return str(evidence["verdict"])
    ours = facts.metrics["test"][metric]
    if ours.get("low") is None or ours.get("high") is None or ours["low"] <= theirs <= ours["high"]:
        return "undecided"
    return "better" if better(metric, ours["value"], theirs) else "worse"


def sentences(facts: ReportFacts, say: Words) -> tuple[str, str]:
    """The verdict in two plain sentences: the score with its interval, and what it beats."""
    metric = facts.metric
    if metric is None:
        return say("nothing_measured"), ""
    ours = facts.metrics["test"][metric]
    key = "reached_lower" if metric in LOWER_IS_BETTER else "reached"
    rows = facts.test_rows
    first = say(
        key,
        metric=say.metric(metric),
        value=figure(ours["value"]),
        low=figure(ours.get("low")),
        high=figure(ours.get("high")),
        confidence=share(facts.confidence),
        rows=say("some_rows", rows=figure(rows)) if rows else say("the_rows"),
    )
    parts = []
    for other in ("baseline", "untuned"):
        verdict = verdict_of(facts, other)
        if verdict:
            theirs = figure(facts.metrics[other][metric])
            parts.append(say(f"is_{verdict}", other=say(f"other_{other}"), theirs=theirs))
    return first, say("that_is", what=say("and").join(parts)) if parts else say("nothing_to_compare")


def verdict(facts: ReportFacts, say: Words) -> str:
    """The card at the top: a word, two sentences, and the scores on one axis."""
    first, second = sentences(facts, say)
    against = verdict_of(facts, "baseline")
    before = verdict_of(facts, "untuned")
    gain = {"undecided": "no_gain", "worse": "harm"}.get(before or "") if against == "better" else None
    badge = say(f"badge_{gain or against}") if against else ""
    against = {"no_gain": "undecided", "harm": "worse"}.get(gain or "", against)
    word = f'<p class="badge {against}">{safe(badge)}</p>' if badge else ""
    return (
        f'<section id="verdict" class="{against or ""}">'
        f'<div>{word}<p class="verdict">{safe(first)}{say("between")}{safe(second)}</p></div>'
        f'<div class="chart">{_axis(facts, say)}</div></section>'
    )


def scores(facts: ReportFacts, say: Words) -> str:
    """Every metric: test with its interval, validation, baseline, untuned."""
    metrics = facts.metrics
    columns = [name for name in ("validation", "baseline", "untuned") if metrics.get(name)]
    head = [
        say("metric"),
        say("test"),
        say("interval", confidence=share(facts.confidence)),
        *map(say, columns),
    ]
    rows = []
    for name, value in (metrics.get("test") or {}).items():
        title = f"<strong><code>{safe(name)}</code></strong>" if name == facts.metric else f"<code>{safe(name)}</code>"
        cells = [title, number(value["value"], f"test.{name}.value"), _interval(value, f"test.{name}")]
        cells += [_cell(metrics[column].get(name), f"{column}.{name}") for column in columns]
        rows.append(cells)
    return table(head, rows, "scores", range(1, len(head))) if rows else ""


def _cell(value: Any, of: str) -> str:
    if isinstance(value, Mapping):
        return f"{number(value.get('value'), of + '.value')} <small>{_interval(value, of)}</small>"
    return number(value, of)


def _interval(value: Mapping[str, Any], of: str) -> str:
    return f"{number(value.get('low'), of + '.low')} … {number(value.get('high'), of + '.high')}"


def _axis(facts: ReportFacts, say: Words) -> str:
    metric = facts.metric
    if metric is None:
        return ""
    ours = facts.metrics["test"][metric]
    if not isinstance(ours["value"], (int, float)):
        return ""
    marks = [Mark(say("this_model"), ours["value"], ours.get("low"), ours.get("high"), "a")]
    for other in ("untuned", "baseline"):
        theirs = (facts.metrics.get(other) or {}).get(metric)
        if isinstance(theirs, (int, float)):
            marks.append(Mark(say(other), theirs))
    direction = say("lower_better" if metric in LOWER_IS_BETTER else "higher_better", metric=say.metric(metric))
    return whiskers(say("axis_chart", metric=say.metric(metric)), marks, direction)
