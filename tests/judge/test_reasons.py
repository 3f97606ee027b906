"""Why a model is no better than the baseline: each reason is told by its facts, and by no others."""

from __future__ import annotations

import dataclasses

import pytest

from judge.made_facts import SCHEMA, Sorting, answered, sorting_facts, split
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge
from whet.judge.options import EvaluateOptions
from whet.judge.reasons import Training, reasons, with_reasons
from whet.judge.report import render
from whet.judge.words import sentences
from whet.metrics.scores import Interval
from whet.tasks.contract import Pair, Prediction


def lines(losses, rates=None, grad_norm=1.0, best=()):
    rates = rates or [1e-4 * (1 - k / len(losses)) for k in range(len(losses))]
    steps = [
        {"step": k + 1, "loss": loss, "lr": rate, "grad_norm": grad_norm}
        for k, (loss, rate) in enumerate(zip(losses, rates, strict=True))
    ]
    return [*steps, *({"step": 1, "validation_accuracy": 0.5, "best": one} for one in best)]


FALLING = [1.0 - 0.7 * k / 199 for k in range(200)]
FLAT = [0.7] * 200
CHECK = {
    "splits": {
        "train": {"rows": 1000, "classes": {"negative": 340, "neutral": 330, "positive": 330}},
        "test": {"rows": 150, "classes": {"negative": 50, "neutral": 50, "positive": 50}},
    }
}
FINE = Training(lines(FALLING), CHECK, rate=1e-4, usual_rate=1e-4)


def bad(validation=None):
    """A judgement below the baseline, whose validation rows were answered with about this accuracy."""
    other = {"negative": "neutral", "neutral": "positive", "positive": "negative"}
    test = [
        Pair(p.example, Prediction(other[p.example.target] if k % 10 else p.example.target, p.prediction.probabilities))
        for k, p in enumerate(answered(150, 1.0, 2))
    ]
    train = split("train", answered(200, 1.0, 1))
    held = answered(150, validation, 5) if validation is not None else []
    return judge(Sorting(), SCHEMA, train, held, HeldOut(test), None, EvaluateOptions(), 1)


BAD = bad()


def train(**facts):
    return {"splits": {**CHECK["splits"], "train": {**CHECK["splits"]["train"], **facts}}}


RISING_RATE = [1e-6 * (k + 1) for k in range(200)]
CASES = {
    "no_gradient": {"log": lines(FLAT, grad_norm=0)},
    "rate_high": {"log": lines(FALLING[::-1])},
    "rate_low": {"log": lines(FLAT), "rate": 1e-6},
    "loss_flat": {"log": lines(FLAT)},
    "warming_up": {"log": lines(FALLING, RISING_RATE)},
    "few_steps": {"log": lines([1.0 - 0.1 * k / 19 for k in range(20)])},
    "unknown": {"unknown": 0.35},
    "still_unknown": {"unknown": 0.35, "extended": True},
    "contradictions": {"check": train(contradictions=40)},
    "cut": {"cut": 0.5},
    "copies": {"check": train(copies=300, near_copies=100)},
    "labels_differ": {"check": train(classes={"negative": 900, "neutral": 50, "positive": 50})},
    "few_rows": {"check": train(rows=60)},
    "frozen": {"moved": 0.0001},
    "best_last": {"log": lines(FALLING, best=(True, False, True))},
}


def names(judgement, training):
    return [reason.name for reason in reasons(judgement, training)]


def test_a_healthy_training_has_no_reason_of_its_own():
    assert names(BAD, FINE) == ["unclear"]
    assert names(BAD, Training()) == ["unclear"]


@pytest.mark.parametrize("name", CASES)
def test_a_reason_is_told_by_its_facts_alone(name):
    assert names(BAD, dataclasses.replace(FINE, **CASES[name])) == [name]


def test_a_rate_far_above_the_strategys_own_is_too_high_even_where_the_loss_is_flat():
    (found,) = reasons(BAD, dataclasses.replace(FINE, log=lines(FLAT), rate=1e-2))
    assert found.name == "rate_high" and found.facts["try_rate"] == 1e-4


def test_a_rate_that_stays_where_its_warm_up_left_it_is_not_rising():
    rates = [1e-6 * min(k + 1, 20) for k in range(200)]
    assert names(BAD, dataclasses.replace(FINE, log=lines(FALLING, rates))) == ["unclear"]


def test_labels_of_few_test_rows_differ_by_luck_and_are_no_reason():
    """20 rows of ten labels that are alike in training: a fourth of them differ in an ordinary draw."""
    alike = {str(k): 100 for k in range(10)}
    drawn = dict(zip(alike, (4, 4, 3, 3, 2, 2, 1, 1, 0, 0), strict=True))
    check = {"splits": {"train": {"rows": 1000, "classes": alike}, "test": {"rows": 20, "classes": drawn}}}
    assert names(BAD, dataclasses.replace(FINE, check=check)) == ["unclear"]
    many = {**check["splits"], "test": {"classes": {label: 50 * count for label, count in drawn.items()}}}
    assert names(BAD, dataclasses.replace(FINE, check={"splits": many})) == ["labels_differ"]


def test_what_was_learnt_by_heart_is_told_from_test_rows_that_differ():
    by_heart, differs = bad(validation=0.0), bad(validation=0.95)
    assert names(by_heart, FINE) == ["by_heart"]
    assert names(differs, FINE) == ["test_differs"]
    assert names(by_heart, dataclasses.replace(FINE, log=lines(FLAT))) == ["loss_flat"]


def test_a_loss_that_fell_from_above_chance_to_chance_has_taught_nothing():
    guessing = dataclasses.replace(bad(validation=0.0), baseline={"accuracy": 0.34, "loss": 1.1})
    fell = lines([2.4 - 1.3 * k / 199 for k in range(200)])
    assert names(guessing, dataclasses.replace(FINE, log=fell)) == ["unclear"]
    assert names(guessing, FINE) == ["by_heart"]
    assert names(guessing, dataclasses.replace(FINE, log=fell[::20])) == ["few_steps"]


def test_one_answer_labels_never_answered_and_luck():
    counts = [[0, 50, 0], [0, 49, 0], [0, 51, 0]]
    one = dataclasses.replace(BAD, confusion={"of": "rows", "labels": ["a", "b", "c"], "counts": counts})
    assert names(one, FINE) == ["one_answer"]
    assert "100\u00a0% of the answers are “b”" in with_reasons(one, FINE, "en").findings[0].text
    never = dataclasses.replace(BAD, classes=({"label": "c", "support": 9, "predicted": 0},))
    assert names(never, FINE) == ["never_answered"]
    told = tuple(
        dataclasses.replace(f, evidence={**f.evidence, "verdict": "undecided"}) if "against" in f.evidence else f
        for f in BAD.findings
    )
    assert names(dataclasses.replace(BAD, findings=told), FINE) == ["luck"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_is_said_with_its_numbers_and_its_cure(language):
    said = set()
    for case in CASES.values():
        found = with_reasons(BAD, dataclasses.replace(FINE, **case), language).findings[0]
        assert found.kind == "weakness" and "{" not in found.text and found.text[-1] in ".。"
        said.add(f"reason_{found.evidence['reason']}")
    others = {
        f"reason_{name}" for name in ("one_answer", "never_answered", "luck", "unclear", "by_heart", "test_differs")
    }
    assert said | others == {key for key in sentences() if key.startswith("reason_")}
    for judgement in (bad(0.0), bad(0.95)):
        assert "{" not in with_reasons(judgement, FINE, language).findings[0].text


def against(**facts):
    """The judgement that is not below the baseline, with other facts of how it stands against it."""
    findings = [
        dataclasses.replace(one, evidence={**one.evidence, **facts}) if one.evidence.get("against") else one
        for one in BAD.findings
    ]
    return dataclasses.replace(BAD, below_baseline=False, findings=tuple(findings))


def test_a_model_above_the_baseline_needs_no_reason():
    good = against(verdict="better")
    assert with_reasons(good, Training(unknown=0.5), "en") is good


def test_a_model_that_cannot_be_told_from_the_baseline_has_its_reasons():
    """One that answers the commonest label alone is exactly as good as the baseline, and not below it."""
    told = with_reasons(against(verdict="undecided"), Training(unknown=0.5), "en")
    assert [one.evidence["reason"] for one in told.findings if "reason" in one.evidence] == ["unknown", "luck"]
    few = against(verdict="undecided", rows=12)
    assert with_reasons(few, Training(unknown=0.5), "en") is few


def test_the_order_is_that_in_which_to_look():
    training = dataclasses.replace(FINE, log=lines(FLAT[:20]), unknown=0.4, check=train(rows=60), moved=0.001)
    assert names(BAD, training) == ["loss_flat", "few_steps", "unknown", "few_rows", "frozen"]


def test_validation_that_is_not_defined_tells_nothing():
    nan = float("nan")
    judged = dataclasses.replace(BAD, validation={"accuracy": Interval(nan, nan, nan)})
    assert names(judged, FINE) == ["unclear"]


def test_the_report_tells_the_reasons_under_the_verdict_and_nowhere_else():
    facts = sorting_facts()
    told = with_reasons(BAD, dataclasses.replace(FINE, unknown=0.35), "en").as_findings()
    page = render(dataclasses.replace(facts, findings=told))
    assert page.count("Likely reason") == 1
    assert page.index('id="verdict"') < page.index("Likely reason") < page.index('id="scores"')
    assert 'id="reasons"' not in render(facts)
