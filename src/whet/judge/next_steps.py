"""What to do next: labels to look at, classes to merge, rows to add to the test set; each with its numbers."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from whet.judge.clashes import Clash, clashes
from whet.judge.doubts import by_split
from whet.judge.figures import figure, share
from whet.judge.general import Evidence
from whet.judge.paired import rounded_up
from whet.judge.reading import Reading
from whet.judge.words import Words
from whet.metrics.classification import accuracy
from whet.metrics.scores import LOWER_IS_BETTER
from whet.tasks.contract import Finding

MOST_PAIRS = 3
"""Pairs of classes that are proposed for merging, the surest first."""


def next_steps(evidence: Evidence, reading: Reading, training_rows: int | None, say: Words) -> list[Finding]:
    """Every step that this run's own numbers carry; ``training_rows`` is None where nothing was trained on."""
    merging = [_merge(clash, say) for clash in clashes(reading.confusion)[:MOST_PAIRS]]
    return [*_relabel(reading, training_rows, say), *merging, *_width(evidence, reading, say)]


def _relabel(reading: Reading, training_rows: int | None, say: Words) -> list[Finding]:
    """How many labels to look at, where there are more, and the most that wrong ones can hide."""
    doubts = reading.doubts
    if not doubts.found:
        return []
    asked = sum(doubts.asked.values())
    wrong = len(doubts.found) / asked
    facts: dict[str, Any] = {"labels": len(doubts.found), "asked": asked, "share": wrong, "file": "relabel.jsonl"}
    fill = {"count": figure(len(doubts.found)), "share": share(wrong), "asked": figure(asked)}
    text = say("relabel", **fill)
    if training_rows is not None:
        facts["training_rows"] = training_rows
        text += say("relabel_training", rows=figure(training_rows))
    if reading.confusion is not None and reading.confusion["of"] != "entities":
        counts = np.asarray(reading.confusion["counts"])
        now = accuracy(counts)
        then = now + by_split(doubts.found).get("test", 0) / int(counts.sum())
        facts |= {"accuracy": now, "accuracy_at_most": then}
        text += say("relabel_gain", now=figure(now), then=figure(then))
    return [Finding("next", text, evidence=facts)]


def _merge(clash: Clash, say: Words) -> Finding:
    fill: dict[str, str] = {
        name: figure(value) if isinstance(value, (int, float)) else value for name, value in asdict(clash).items()
    }
    measure = "share_typed" if clash.of == "entities" else "metric_accuracy"
    text = say("merge", **fill, units=say(f"units_{clash.of}"), measure=say(measure))
    return Finding("next", text, evidence=asdict(clash))


def _no_width(rows: int, confidence: float, say: Words) -> list[Finding]:
    """A bootstrap of equal rows knows nothing; Clopper and Pearson's bound (1934) says what so many leave open."""
    other = 1 - ((1 - confidence) / 2) ** (1 / rows)
    fill = {"rows": figure(rows), "other": share(other), "confidence": share(confidence)}
    return [Finding("next", say("width_none", **fill), evidence={"half_width": 0.0, "rows": rows, "other": other})]


def _width(evidence: Evidence, reading: Reading, say: Words) -> list[Finding]:
    """How well the score is known, and how many rows would tell it to a hundredth.

    Where a score has no width though rows differ (Matthews' of one answer for all is 0 in every draw), nothing is said.
    """
    half, rows = (evidence.interval.high - evidence.interval.low) / 2, len(evidence.scores)
    if half == 0:
        known = reading.quality[~np.isnan(reading.quality)]
        return _no_width(len(known), evidence.confidence, say) if len(known) and np.ptp(known) == 0 else []
    if not math.isfinite(half):
        return []
    facts: dict[str, Any] = {"half_width": half, "rows": rows}
    fill = {"metric": say.metric(evidence.metric), "half": figure(half), "rows": figure(rows)}
    if evidence.metric in LOWER_IS_BETTER:
        return [Finding("next", say("width_halve", needed=figure(4 * rows), **fill), evidence=facts)]
    if half <= 0.01:
        return []
    needed = rounded_up(rows * (half / 0.01) ** 2)
    facts["rows_for_a_hundredth"] = needed
    return [Finding("next", say("width", needed=figure(needed), **fill), evidence=facts)]
