"""The first thing on the page: is the model good, said in two sentences and shown on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.judge.charts import Mark, whiskers
from whet.judge.facts import ReportFacts
from whet.judge.figures import figure, share
from whet.judge.findings_section import beside_scores
from whet.judge.markup import number, safe, table
from whet.judge.paired import FEWEST_ROWS, compared_in
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER, better


def verdict_of(facts: ReportFacts, other: str) -> str | None:
    """``better``, ``worse`` or ``undecided`` against ``baseline`` or ``untuned``; None where there is none.

    The paired test's word, which stands in the findings, goes before what the interval alone would say. Of few
    rows neither says anything.
    """
    metric = _compared_in(facts, other)
    if metric is None:
        return None
    for finding in facts.findings:
        evidence = finding.get("evidence") or {}
        if evidence.get("against") == other and evidence.get("metric") == metric:
            return str(evidence["verdict"])
    ours, theirs = facts.metrics["test"][metric], facts.metrics[other][metric]
    if ours.get("low") is None or ours.get("high") is None or ours["low"] <= theirs <= ours["high"] or _few(facts):
        return "undecided"
    return "better" if better(metric, ours["value"], theirs) else "worse"


def _compared_in(facts: ReportFacts, other: str) -> str | None:
    ours = {name: part.get("value") for name, part in (facts.metrics.get("test") or {}).items()}
    return compared_in(facts.metric, ours, facts.metrics.get(other) or {}) if facts.metric else None


def _few(facts: ReportFacts) -> bool:
    return facts.test_rows is not None and facts.test_rows < FEWEST_ROWS


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
        rows=_on_rows(facts, say),
    )
    found = {other: verdict_of(facts, other) for other in ("baseline", "untuned")}
    known = [other for other in found if found[other]]
    fill = {other: {"other": say(f"other_{other}"), "theirs": _theirs(facts, other, say)} for other in known}
    if not fill:
        return first, say("nothing_to_compare")
    if _few(facts):
        others = say("or").join(say("other_one", **one) for one in fill.values())
        return first, say("too_few", rows=figure(rows), fewest=figure(FEWEST_ROWS), others=others)
    return first, say("that_is", what=say("and").join(say(f"is_{found[o]}", **one) for o, one in fill.items()))


def _on_rows(facts: ReportFacts, say: Words) -> str:
    if not facts.test_rows:
        return say("the_rows")
    key = "folded_rows" if facts.folds else "some_rows"
    return say(key, rows=figure(facts.test_rows), folds=figure(facts.folds))


def _theirs(facts: ReportFacts, other: str, say: Words) -> str:
    """What the model is compared with: the other's score; with metric and our score where the leading one has none."""
    metric = _compared_in(facts, other)
    theirs = facts.metrics[other]
    if metric is None or metric == facts.metric:
        return figure(theirs.get(metric))
    ours = facts.metrics["test"][metric]["value"]
    return say("in_metric", metric=say.metric(metric), ours=figure(ours), theirs=figure(theirs[metric]))


def verdict(facts: ReportFacts, say: Words) -> str:
    """The card at the top: a word, two sentences, and the scores on one axis."""
    first, second = sentences(facts, say)
    against = verdict_of(facts, "baseline")
    before = verdict_of(facts, "untuned")
    gain = {"undecided": "no_gain", "worse": "harm"}.get(before or "") if against == "better" else None
    badge = say(f"badge_{'few' if _few(facts) else gain or against}") if against else ""
    against = {"no_gain": "undecided", "harm": "worse"}.get(gain or "", against)
    word = f'<h2 class="badge {against}">{safe(badge)}</h2>' if badge else ""
    return (
        f'<section id="verdict" class="{against or ""}">'
        f'<div>{word}<p class="verdict">{safe(first)}{say("between")}{safe(second)}</p></div>'
        f'<div class="chart">{_axis(facts, say)}</div></section>'
    )


def scores_lead(facts: ReportFacts, say: Words) -> str:
    """What the test rows are to the model, and how the intervals were made.

    That nothing has seen the rows is said only of a run, and only where its check found none of them elsewhere; the
    check compares the rows of one stage.
    """
    checks = (facts.check or {}).get("stages") or [facts.check or {}]
    shared = _test_rows_in(checks[-1])
    if not facts.is_run:
        said = say("scores_lead_other")
    elif facts.folds:
        said = say("scores_lead_folds", folds=figure(facts.folds))
    elif any(shared.values()):
        said = say("scores_lead_shared", **{name: figure(rows) for name, rows in shared.items()})
    else:
        said = say("scores_lead" if len(checks) == 1 else "scores_lead_stages")
    return said + say("between") + say("scores_interval")


def _test_rows_in(check: Mapping[str, Any]) -> dict[str, int]:
    """How many test rows stand, exactly or nearly, among the training and the validation rows."""
    shared = check.get("shared") or {}
    counts = {name: shared.get(f"{name}-test") or {} for name in ("train", "validation")}
    return {name: (found.get("identical") or 0) + (found.get("near") or 0) for name, found in counts.items()}


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
    told = "".join(f"<p>{safe(text)}</p>" for text in beside_scores(facts))
    return table(head, rows, "scores", range(1, len(head))) + told if rows else ""


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
