"""The search for weak slices in words and as a table: by length, unknown tokens, own columns, words and signs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whet.judge.figures import figure, share
from whet.judge.general import Evidence
from whet.judge.reading import Reading
from whet.judge.slices import Asked, ask, most_groups, weakest
from whet.judge.traits import Group
from whet.judge.words import Words
from whet.tasks.contract import Finding

TABLED = ("length", "unknown", "column")
"""Kinds of groups that are shown whether they are weaker or not; words and signs only where they are."""
MOST_SHOWN = 40
"""Groups in the table."""
OF_ROWS = "row_quality"
"""What groups are told in where no metric is the mean of the rows' quality."""
Score = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Searched:
    """What the search found; ``table`` (``metrics.json``'s ``slices``) is empty where no group is large enough."""

    findings: tuple[Finding, ...] = ()
    table: dict[str, Any] = field(default_factory=dict)


def search(evidence: Evidence, reading: Reading, say: Words) -> Searched:
    """Ask every group of rows, and tell those that are weaker than luck explains."""
    quality = reading.quality
    asked = ask(reading.traits.groups(most_groups(len(quality))), quality, evidence.seed)
    if not asked:
        return Searched()
    found = weakest(asked, quality)
    metric = _told_in(evidence, reading)
    plain = [one for one in asked if len(one.group.conditions) == 1 and one.group.conditions[0].kind in TABLED]
    rest = sorted((one for one in plain if one not in found), key=lambda one: -one.worse)
    shown = [*found, *rest][:MOST_SHOWN]
    score = _scored(metric, evidence, reading)
    groups = [{**_row(one, score), "worse": one in found} for one in shown]
    whole = score(np.ones(len(quality), bool))
    table = {"metric": metric, "value": whole, "asked": len(asked), "rows": len(quality), "groups": groups}
    told = [_finding(one, row, reading, table, say) for one, row in zip(found, groups, strict=False)]
    return Searched(tuple(told) or (_none(table, say),), table)


def _told_in(evidence: Evidence, reading: Reading) -> str:
    """The metric that is the mean of the rows' quality, which is what was asked, or that mean by itself.

    A correlation, an F1 over all words or a macro F1 may well be higher where rows are answered worse.
    """
    values = evidence.scores.at(reading.places).values()
    mean = abs(float(np.nanmean(reading.quality)))
    return next((name for name in (evidence.metric, *values) if math.isclose(abs(values[name]), mean)), OF_ROWS)


def _scored(metric: str, evidence: Evidence, reading: Reading) -> Score:
    """What a group of rows scores in this metric."""
    if metric == OF_ROWS:
        return lambda member: float(np.nanmean(reading.quality[member]))
    scores = evidence.scores.only(metric)
    return lambda member: scores.at(reading.places[member]).values()[metric]


def _row(one: Asked, score: Score) -> dict[str, Any]:
    """A group as plain values: its score, that of all other rows searched, and the adjusted p."""
    return {
        "conditions": [condition.as_dict() for condition in one.group.conditions],
        "rows": one.group.rows,
        "value": score(one.group.member),
        "rest": score(~one.group.member),
        "p": one.p,
    }


def _finding(one: Asked, row: dict[str, Any], reading: Reading, table: dict[str, Any], say: Words) -> Finding:
    """A weak group with its rows, the worst answered first."""
    inside = np.flatnonzero(one.group.member)
    worst = inside[np.argsort(reading.quality[inside], kind="stable")]
    text = say(
        "slice_worse",
        where=where(one.group, say),
        metric=say.metric(table["metric"]),
        value=figure(row["value"]),
        rest=figure(row["rest"]),
        rows=figure(row["rows"]),
        others=figure(table["rows"] - row["rows"]),
        p=figure(row["p"]),
        asked=figure(table["asked"]),
    )
    evidence = {**row, "metric": table["metric"], "asked": table["asked"]}
    return Finding("slice", text, tuple(reading.numbers[worst].tolist()), evidence)


def _none(table: dict[str, Any], say: Words) -> Finding:
    fill = {"asked": figure(table["asked"]), "rows": figure(table["rows"])}
    evidence = {name: table[name] for name in ("metric", "asked", "rows")}
    return Finding("slice", say("slice_none", **fill), evidence=evidence)


def where(group: Group, say: Words) -> str:
    """The rows of a group in words."""
    return say("slice_and").join(condition_words(vars(one), say) for one in group.conditions)


def condition_words(condition: Mapping[str, Any], say: Words) -> str:
    """One condition in words, from plain values, as findings.json and metrics.json have them."""
    kind, name, value = (condition.get(key) for key in ("kind", "name", "value"))
    low, high = condition.get("low") or 0.0, condition.get("high") or 0.0
    if kind == "column":
        key = "column_range" if value is None else "column_value" if value else "column_empty"
        return say(f"slice_{key}", name=name, value=value, low=_end(low), high=_end(high))
    if kind == "unknown":
        key = "slice_unknown" if low else "slice_unknown_to" if high else "slice_no_unknown"
        return say(key, low=share(low), high=share(high))
    if kind == "length":
        return say("slice_length", low=figure(int(low)), high=figure(int(high)))
    return say("slice_word", value=value) if kind == "word" else say(f"slice_sign_{name}")


def _end(value: float | str) -> str:
    """An end of a column's range; a whole number as it may stand in the file, for it may be a year."""
    if isinstance(value, float):
        return str(int(value)).replace("-", "−") if value.is_integer() else figure(value)
    return value.removesuffix(" 00:00:00")
