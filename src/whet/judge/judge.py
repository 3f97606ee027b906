"""How good the model is on rows it never saw, beside a trivial predictor and beside itself untrained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, zip_longest
from typing import Any

from whet.core.errors import DataError, UsageError, nearest
from whet.judge.doubts import Doubt
from whet.judge.folding import between, by_fold
from whet.judge.general import Evidence, general_findings
from whet.judge.held_out import HeldOut
from whet.judge.label_findings import label_findings
from whet.judge.leaking import finding as leak
from whet.judge.leaking import without_leaks
from whet.judge.next_steps import next_steps
from whet.judge.options import EvaluateOptions
from whet.judge.paired import compared_in
from whet.judge.reading import read
from whet.judge.slice_findings import search
from whet.judge.spoken import spoken
from whet.judge.words import Words
from whet.measures.contract import METRICS, chosen, score
from whet.metrics.scores import DRAWS, Interval, Scores, better
from whet.prepare.kept import Lazy
from whet.tasks.contract import Finding, Pair, Schema, Split, Task

MOST_ROWS = 1000
"""Rows that are named for one finding: enough to look at; of a million rows half a million may be wrong."""


@dataclass(frozen=True)
class Judgement:
    """What was measured, under the names of ``metrics.json``; ``metric`` is the one that leads.

    ``classes`` (one mapping a class) and ``confusion`` (``labels`` and ``counts``, truth in rows) are empty
    where the answers are not labels. ``below_baseline`` compares point values in the leading metric, or where that has
    none, as a constant's correlation, in a distance: exit code 5 rests on it. ``without_leaks`` is empty where no test
    row stands in training, ``folds`` except after a cross-validation. ``slices`` are the groups of rows that were
    asked, ``doubts`` the labels to look at.
    """

    metric: str
    test: dict[str, Interval]
    validation: dict[str, Interval]
    baseline: dict[str, float]
    untuned: dict[str, float] | None
    calibration: dict[str, Any] | None
    findings: tuple[Finding, ...]
    below_baseline: bool
    classes: tuple[dict[str, Any], ...] = ()
    confusion: dict[str, Any] | None = None
    without_leaks: dict[str, Interval] = field(default_factory=dict)
    folds: tuple[dict[str, float], ...] = ()
    confidence: float = EvaluateOptions.confidence
    slices: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()

    def as_metrics(self) -> dict[str, Any]:
        """This room's keys of ``metrics.json``: plain values, nothing rounded; answers without probabilities have no
        ``calibration``."""
        return {
            "metric": self.metric,
            "interval": {"method": "percentile bootstrap over rows", "confidence": self.confidence, "draws": DRAWS},
            "test": _plain(self.test),
            "validation": _plain(self.validation),
            "baseline": dict(self.baseline),
            "untuned": None if self.untuned is None else dict(self.untuned),
            **({"calibration": self.calibration} if self.calibration else {}),
            **({"folds": list(self.folds)} if self.folds else {}),
            **({"without_leaks": _plain(self.without_leaks)} if self.without_leaks else {}),
            **({"slices": self.slices} if self.slices else {}),
        }

    def as_findings(self) -> list[dict[str, Any]]:
        """``findings.json``: the findings as data; ``row_count`` tells all rows where not all of them are named."""
        return [
            {
                "kind": finding.kind,
                "text": finding.text,
                "rows": [
                    {"split": own or "test", "row": row}
                    for row, own in islice(zip_longest(finding.rows, finding.splits, fillvalue=""), MOST_ROWS)
                ],
                **({"row_count": len(finding.rows)} if len(finding.rows) > MOST_ROWS else {}),
                "evidence": dict(finding.evidence),
            }
            for finding in self.findings
        ]


def judge(
    task: Task,
    schema: Schema,
    train: Split | None,
    validation: Sequence[Pair],
    held: HeldOut,
    untuned: Sequence[Pair] | None,
    options: EvaluateOptions,
    seed: int,
) -> Judgement:
    """Judge the answers to the test rows: intervals, the baseline, the untrained model, findings.

    ``held`` are the test rows; where some of them stand in training too, the score is given without them as well.
    ``untuned`` are the untrained model's answers to the same rows, None where it could not answer at all. Without
    ``train`` (a finished model on other data) the trivial predictor learns from the test rows themselves, which makes
    it the harder to beat. Labels are looked at on validation rows too, but not in a cross-validation, whose test rows
    are all rows; a model that is not shown to be better than the trivial predictor doubts none. Intervals are
    percentile bootstrap over rows. Raises DataError without test rows, UsageError for a metric that is not computed.
    """
    test = held.pairs
    if not test:
        raise DataError("there is no test row to judge the model by", cure="give a test file or larger split_fractions")
    metrics = chosen(options.metrics, options.metric)
    scores = score(task, test, schema, metrics)
    metric = _checked(options.metric or task.metric(schema), scores)
    trivial = score(task, _answered_trivially(task, schema, train, held), schema, metrics)
    before = score(task, untuned, schema, metrics) if untuned else None
    looked = score(task, validation, schema, metrics) if validation else None
    baseline = trivial.values()
    measured = scores.intervals(options.confidence, seed=seed)
    reading = read(held, schema, lambda pair: task.quality(pair, schema), [] if held.homes else validation, seed)
    own, say = task.findings(test, schema), Words(options.language)
    evidence = Evidence(scores, trivial, before, measured[metric], metric, options.confidence, seed)
    found = general_findings(evidence, reading, {finding.kind for finding in own}, say)
    searched = search(evidence, reading, say)
    knows = found[0].evidence["verdict"] == "better"
    found += [*searched.findings, *label_findings(reading.doubts, knows, say)]
    reading = reading if knows else replace(reading, doubts=replace(reading.doubts, found=()))
    found += next_steps(evidence, reading, len(train.examples) if train and not held.homes else None, say)
    fresh = without_leaks(scores, held.leaking, options, seed)
    leaks = [leak(metric, measured[metric], fresh[metric], test, held.leaking, options.language)] if fresh else []
    folds = by_fold(scores, held.homes)
    spread = [between(metric, folds, options.language)] if folds else []
    return Judgement(
        metric=metric,
        test=measured,
        validation=looked.intervals(options.confidence, seed=seed) if looked else {},
        baseline=baseline,
        untuned=before.values() if before else None,
        calibration=reading.calibration,
        findings=(*leaks, *spread, *found, *spoken(own, options.language)),
        below_baseline=_is_below(metric, scores.values(), baseline),
        classes=reading.classes,
        confusion=reading.confusion,
        without_leaks=fresh,
        folds=tuple(folds),
        confidence=options.confidence,
        slices=searched.table,
        doubts=reading.doubts.found,
    )


def _is_below(metric: str, ours: Mapping[str, float], trivial: Mapping[str, float]) -> bool:
    compared = compared_in(metric, ours, trivial)
    return compared is not None and better(compared, trivial[compared], ours[compared])


def _plain(intervals: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: asdict(interval) for name, interval in intervals.items()}


def main_metric(task: Task, schema: Schema, train: Split, options: EvaluateOptions) -> str:
    """The metric that leads, known before any training; raises UsageError with the nearest name.

    The task's metrics are learnt by scoring the trivial predictor of a few training rows on these, which costs
    nothing.
    """
    few = Split(train.name, train.examples[:64], ())
    pairs = [Pair(e, p) for e, p in zip(few.examples, task.baseline(few, few, schema), strict=True)]
    metrics = chosen(options.metrics, options.metric)
    return _checked(options.metric or task.metric(schema), score(task, pairs, schema, metrics))


def _checked(metric: str, scores: Scores) -> str:
    known: Mapping[str, Any] = scores.measures
    if metric.replace("-", "_") in known:
        return metric.replace("-", "_")  # as the shelf writes it
    if metric not in known:
        raise UsageError(
            f"this task does not compute the metric '{metric}'",
            "evaluate.metric",
            nearest(metric, sorted({*known, *(name.replace("-", "_") for name in METRICS)})),
        )
    return metric


def _answered_trivially(task: Task, schema: Schema, train: Split | None, held: HeldOut) -> Sequence[Pair]:
    """The test rows with the answers of the trivial predictor; rows are made when asked for, as those of ``held``."""
    test = held.pairs
    split = Split(
        "test", Lazy(len(test), lambda start, stop: [pair.example for pair in test[start:stop]]), held.features
    )
    answers = task.baseline(train or split, split, schema)

    def both(start: int, stop: int) -> list[Pair]:
        return [Pair(pair.example, answers[start + k]) for k, pair in enumerate(test[start:stop])]

    return Lazy(len(test), both)
