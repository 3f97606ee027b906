"""Findings that hold for every task: against the baseline, against the model untrained, by length."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from whet.judge.figures import figure, share, signed
from whet.judge.options import EvaluateOptions
from whet.judge.paired import FEWEST_ROWS, compared_in, difference, rounded_up, rows_to_decide, slices
from whet.judge.reading import Reading
from whet.judge.words import Words
from whet.metrics.scores import LOWER_IS_BETTER, Interval, Scores
from whet.tasks.contract import Finding

SMALLEST_SLICE = 20
"""Rows below which a group's score says little."""


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


def general_findings(
    evidence: Evidence,
    reading: Reading,
    told: Collection[str],
    language: str = EvaluateOptions.language,
) -> list[Finding]:
    """Every general finding, in words; ``told`` are the kinds that the task itself has spoken of already."""
    say = Words(language)
    found = [_against("baseline", evidence.baseline, evidence, say)]
    if evidence.untuned is not None:
        found.append(_against("untuned", evidence.untuned, evidence, say))
    rows = len(reading.lengths)
    if reading.calibration and "calibration" not in told:
        found.append(_calibration(reading.calibration, rows, say))
    if "slice" not in told:
        found += _by_length(evidence, reading.lengths, say)
    found += _width(evidence, rows, say)
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


def _calibration(calibration: Mapping[str, Any], rows: int, say: Words) -> Finding:
    ece, bins = calibration["ece"], calibration["bins"]
    total = sum(one["rows"] for one in bins)
    lean = sum(one["rows"] * (one["confidence"] - one["accuracy"]) for one in bins) / total
    side = "over" if lean > 0.02 else "under" if lean < -0.02 else "even"
    key = "calibration_good" if ece < 0.05 else f"calibration_{side}"
    text = say(key, ece=figure(ece), lean=share(abs(lean)), rows=figure(rows))
    return Finding("calibration", text, evidence={"ece": ece, "lean": lean})


def _by_length(evidence: Evidence, lengths: np.ndarray, say: Words) -> list[Finding]:
    """The shortest, middle and longest third of the inputs, counted in characters."""
    if len(lengths) < 3 * SMALLEST_SLICE:
        return []
    lower, upper = np.quantile(lengths, [1 / 3, 2 / 3])
    thirds = {
        "short": lengths <= lower,
        "middle": (lengths > lower) & (lengths <= upper),
        "long": lengths > upper,
    }
    groups = {name: np.flatnonzero(inside) for name, inside in thirds.items()}
    groups = {name: rows for name, rows in groups.items() if SMALLEST_SLICE <= len(rows) < len(lengths)}
    if len(groups) < 2:
        return []
    found = slices(evidence.scores, groups, evidence.metric, evidence.seed)
    table = [
        {
            "slice": s.name,
            "rows": len(s.rows),
            "characters": _range(lengths[s.rows]),
            "value": s.value,
            "p": s.p,
        }
        for s in found
    ]
    facts = {"by": "length", "metric": evidence.metric, "slices": table}
    each = say("comma").join(
        say("slice_each", name=say(s.name), value=figure(s.value), longest=figure(int(lengths[s.rows].max())))
        for s in found
    )
    worse = [s for s in found if s.worse]
    if not worse:
        return [Finding("slice", say("slice_none", metric=say.metric(evidence.metric), each=each), evidence=facts)]
    texts = []
    for s in worse:
        low, high = _range(lengths[s.rows])
        text = say(
            "slice_worse",
            name=say(s.name),
            low=figure(low),
            high=figure(high),
            metric=say.metric(evidence.metric),
            value=figure(s.value),
            rest=figure(s.rest),
            rows=figure(len(s.rows)),
            p=figure(s.p),
            asked=figure(len(found)),
        )
        texts.append(Finding("slice", text, evidence={**facts, "worse": s.name}))
    return texts


def _range(lengths: np.ndarray) -> tuple[int, int]:
    return int(lengths.min()), int(lengths.max())


def _width(evidence: Evidence, rows: int, say: Words) -> list[Finding]:
    """How well the score is known, and how many rows would tell it to a hundredth."""
    half = (evidence.interval.high - evidence.interval.low) / 2
    if not math.isfinite(half) or half <= 0:
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
