"""Findings that hold for every task: against the baseline, against the model untrained, and what probabilities are
worth."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from whet.judge.figures import figure, share, signed
from whet.judge.paired import FEWEST_ROWS, compared_in, difference, rows_to_decide
from whet.judge.reading import Reading
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER, Interval, Scores
from whet.tasks.contract import Finding

GOOD_ECE = 0.05
"""The ECE below which probabilities can be believed, however many answers there are."""


@dataclass(frozen=True)
class Evidence:
    """What the findings rest on: scores on the same rows, trained, trivial and untrained."""

    scores: Scores
    baseline: Scores
    untuned: Scores | None
    interval: Interval
    metric: str
    confidence: float
    seed: int


def general_findings(evidence: Evidence, reading: Reading, told: Collection[str], say: Words) -> list[Finding]:
    """Every general finding, in words; ``told`` are the kinds that the task itself has spoken of already."""
    found = [_against("baseline", evidence.baseline, evidence, say)]
    if evidence.untuned is not None:
        found.append(_against("untuned", evidence.untuned, evidence, say))
    if reading.calibration and "calibration" not in told:
        found += _calibration(reading.calibration, say)
    return found


def _against(name: str, other: Scores, evidence: Evidence, say: Words) -> Finding:
    """Better, worse or not distinguishable, by the paired interval of the difference; of few rows nothing is said.

    Where the leading metric has no value on one side, the two are compared in another.
    """
    ours, theirs, rows = evidence.scores.values(), other.values(), len(other)
    metric = compared_in(evidence.metric, ours, theirs) or evidence.metric
    gap = difference(evidence.scores, other, metric, evidence.confidence, evidence.seed)
    verdict = _verdict(gap, metric, rows)
    facts = {
        "against": name,
        "metric": metric,
        "other": theirs[metric],
        "difference": asdict(gap),
        "verdict": verdict,
        "rows": rows,
    }
    fill = {
        "metric": say.metric(metric),
        "ours": figure(ours[metric]),
        "theirs": figure(theirs[metric]),
        "gap": signed(gap.value),
        "low": signed(gap.low),
        "high": signed(gap.high),
        "other": say(f"other_{name}"),
        "confidence": share(evidence.confidence),
        "rows": figure(rows),
        "fewest": figure(FEWEST_ROWS),
    }
    if math.isnan(gap.value):
        return Finding("weakness", say("against_undefined", **fill), evidence=facts)
    if rows < FEWEST_ROWS:
        return Finding("weakness", say("against_few", **fill), evidence=facts)
    text = say(f"against_{verdict}", **fill)
    needed = rows_to_decide(rows, gap) if verdict == "undecided" else None
    if needed is not None:
        facts["rows_to_decide"] = needed
        text += say("against_rows", needed=figure(needed), **fill)
    return Finding("strength" if verdict == "better" else "weakness", text, evidence=facts)


def _verdict(gap: Interval, metric: str, rows: int) -> str:
    sign = -1 if metric in LOWER_IS_BETTER else 1
    if rows >= FEWEST_ROWS and min(sign * gap.low, sign * gap.high) > 0:
        return "better"
    return "worse" if rows >= FEWEST_ROWS and max(sign * gap.low, sign * gap.high) < 0 else "undecided"


def _calibration(calibration: Mapping[str, Any], say: Words) -> list[Finding]:
    """What the probabilities are worth; nothing where so few answers may be off so far by luck."""
    ece, bins = calibration["ece"], calibration["bins"]
    total = sum(one["rows"] for one in bins)
    if total < FEWEST_ROWS:
        return []
    sure, right = (sum(one["rows"] * one[name] for one in bins) / total for name in ("confidence", "accuracy"))
    lean = sure - right
    side = "over" if lean > 0.02 else "under" if lean < -0.02 else "even"
    by_chance = calibration.get("by_chance", 0.0)
    if GOOD_ECE <= ece <= by_chance:
        return []
    name = "good" if ece < GOOD_ECE else side
    of_labels = "_labels" if "by_label" in calibration and name != "even" else ""
    text = say(f"calibration_{name}{of_labels}", ece=figure(ece), sure=share(sure), right=share(right))
    facts = {"ece": ece, "by_chance": by_chance, "lean": lean}
    if "ece_before" in calibration:
        facts |= {"ece_before": calibration["ece_before"], "temperature": calibration["temperature"]}
        before, temperature = figure(calibration["ece_before"]), figure(calibration["temperature"])
        text += say("calibration_before", before=before, temperature=temperature)
    return [Finding("calibration", text, evidence=facts)]
