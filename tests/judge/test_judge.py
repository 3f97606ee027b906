"""The judgement: intervals, the paired comparison, slices, and findings that carry their numbers."""

import json

import numpy as np
import pytest

from judge.made_facts import SCHEMA, Sorting, answered, split
from whet.assemble.answers import as_row
from whet.core import draws
from whet.core.errors import DataError, UsageError
from whet.core.rundir import plain
from whet.judge.card import card
from whet.judge.facts import ReportFacts
from whet.judge.figures import figure, share
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge, main_metric
from whet.judge.options import EvaluateOptions
from whet.judge.paired import difference, rows_to_decide
from whet.judge.report import render
from whet.judge.spoken import shapes, spoken
from whet.judge.words import Words
from whet.metrics.scores import Interval, Scores, better
from whet.tasks.contract import TASKS, Example, Finding, Pair, Prediction, Schema, Split

CHANCES = {"a": {"a": 0.9, "b": 0.1}, "b": {"a": 0.1, "b": 0.9}}


def judged(test, untuned=None, validation=(), **options):
    train = split("train", answered(200, 1.0, 1))
    return judge(Sorting(), SCHEMA, train, validation, HeldOut(test), untuned, EvaluateOptions(**options), 7)


def mean_of(values):
    return Scores({"right": np.asarray(values, float)}, {"accuracy": lambda got: got["right"].mean()})


def test_metrics_are_what_the_task_scored_and_survive_strict_json():
    test = answered(150, 0.8, 2)
    found = judged(test, untuned=answered(150, 0.0, 2), validation=answered(50, 0.8, 3))
    exact = Sorting().score(test, SCHEMA).values()
    metrics = found.as_metrics()
    assert {name: part["value"] for name, part in metrics["test"].items()} == exact
    assert all(part["low"] <= part["value"] <= part["high"] for part in metrics["test"].values())
    assert set(metrics) == {"metric", "interval", "test", "validation", "baseline", "untuned", "calibration", "slices"}
    assert metrics["interval"] == {"method": "percentile bootstrap over rows", "confidence": 0.95, "draws": 1000}
    assert set(metrics["validation"]) == set(metrics["baseline"]) == set(metrics["untuned"]) == set(exact)
    assert metrics["calibration"]["temperature"] == SCHEMA.temperature
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    assert json.loads(json.dumps(found.as_findings(), allow_nan=False))


def test_a_good_model_is_said_to_be_better_and_a_bad_one_is_below_the_baseline():
    good, bad = judged(answered(150, 0.9, 2)), judged(wrong_answers(150))
    assert not good.below_baseline
    assert bad.below_baseline
    assert good.findings[0].kind == "strength"
    assert good.findings[0].evidence["verdict"] == "better"
    assert bad.findings[0].kind == "weakness"
    assert bad.findings[0].evidence["verdict"] == "worse"


def wrong_answers(rows):
    other = {"negative": "neutral", "neutral": "positive", "positive": "negative"}
    return [
        Pair(p.example, Prediction(other[p.example.target], p.prediction.probabilities)) for p in answered(rows, 1.0, 2)
    ]


def test_what_cannot_be_told_apart_is_said_so_with_the_rows_that_would_decide():
    train = split("train", answered(200, 1.0, 1))
    trivial = Sorting().baseline(train, split("test", answered(40, 0.5, 2)), SCHEMA)[0]
    test = [Pair(p.example, trivial) for p in answered(40, 0.5, 2)]
    test[0] = Pair(test[0].example, Prediction(test[0].example.target, {}))
    found = judged(test)
    assert found.findings[0].evidence["verdict"] == "undecided"
    assert "not distinguishable" in found.findings[0].text


def test_equal_to_the_baseline_is_not_below_it():
    train = split("train", answered(200, 1.0, 1))
    rows = answered(60, 0.5, 2)
    same = Sorting().baseline(train, split("test", rows), SCHEMA)
    found = judged([Pair(p.example, q) for p, q in zip(rows, same, strict=True)])
    assert not found.below_baseline


def test_the_metric_is_checked_with_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'f1_macro'"):
        judged(answered(60, 0.8, 2), metric="f1_makro")
    assert judged(answered(60, 0.8, 2), metric="f1_macro").metric == "f1_macro"
    train = split("train", answered(90, 1.0, 1))
    assert main_metric(Sorting(), SCHEMA, train, EvaluateOptions()) == "accuracy"
    with pytest.raises(UsageError, match="accuracy"):
        main_metric(Sorting(), SCHEMA, train, EvaluateOptions(metric="acuracy"))


def test_no_test_rows_are_refused():
    with pytest.raises(DataError, match="no test row"):
        judged([])


def test_without_training_rows_the_baseline_learns_from_the_test_rows():
    test = answered(90, 0.8, 2)
    found = judge(Sorting(), SCHEMA, None, (), HeldOut(test), None, EvaluateOptions(), 1)
    most = max(sum(p.example.target == label for p in test) for label in SCHEMA.labels)
    assert found.baseline["accuracy"] == most / len(test)
    assert found.validation == {}
    assert found.untuned is None


def test_pairing_decides_where_single_intervals_overlap():
    random = draws.generator(5, "rows")
    theirs = (random.random(400) < 0.7).astype(float)
    ours = theirs.copy()
    ours[np.flatnonzero(theirs == 0)[:14]] = 1.0
    gap = difference(mean_of(ours), mean_of(theirs), "accuracy", 0.95, 1)
    alone = [mean_of(values).intervals(0.95, seed=1)["accuracy"] for values in (ours, theirs)]
    assert gap.value == pytest.approx(14 / 400)
    assert gap.low > 0
    assert alone[0].low < alone[1].high
    with pytest.raises(ValueError, match="same rows"):
        difference(mean_of(ours), mean_of(theirs[:-1]), "accuracy", 0.95, 1)


def test_a_paired_interval_covers_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(100):
        random = draws.generator(seed, "truth")
        ours, theirs = random.random(120) < 0.8, random.random(120) < 0.7
        gap = difference(mean_of(ours), mean_of(theirs), "accuracy", 0.9, seed, draws_count=300)
        held += gap.low <= 0.1 <= gap.high
    assert 82 <= held <= 97


def test_rows_to_decide_follow_the_square_root():
    assert rows_to_decide(100, Interval(0.05, -0.05, 0.15)) == 400
    assert rows_to_decide(100, Interval(0.0, -0.1, 0.1)) is None
    assert rows_to_decide(100, Interval(0.1, -0.001, 0.1)) is None  # as many rows as there are would show it


def test_weak_long_inputs_are_named_with_their_numbers():
    pairs = []
    for k in range(120):
        right = k <= 80 or k % 2 == 0
        label = "negative" if k % 3 else "positive"
        answer = label if right else "neutral"
        pairs.append(Pair(Example(k + 1, ("x" * (10 + k),), label), Prediction(answer)))
    found = [f for f in judged(pairs).findings if f.kind == "slice"]
    assert [one["kind"] for one in found[0].evidence["conditions"]] == ["length"]
    assert "0.500" in found[0].text and found[0].evidence["value"] == 0.5
    assert set(found[0].rows[:20]) == {k + 1 for k in range(81, 120, 2)}  # the wrong ones first


def test_slices_of_numbers_are_told_by_their_distance_and_not_by_a_correlation():
    """Far off, yet in perfect order: the correlation there is higher than elsewhere."""
    task = TASKS["text-classification"](kind="regression")
    random, examples, answers = draws.generator(4, "scale"), [], []
    for k in range(1, 121):
        far = k % 3 == 0
        example = task.parse({"text": "long " * 9 if far else "short", "label": 0.5 + float(random.integers(20))}, k)
        examples.append(example)
        answers.append(float(example.target) + (8 if far else float(random.normal())))
    schema, train = task.learn(examples), Split("train", tuple(examples))
    pairs = [Pair(e, Prediction(a, None, (0.0,))) for e, a in zip(examples, answers, strict=True)]
    found = judge(task, schema, train, (), HeldOut(pairs), None, EvaluateOptions(), 1)
    assert found.metric == "spearman" and found.slices["metric"] == "mae"
    worst = found.slices["groups"][0]
    assert worst["worse"] and worst["value"] == pytest.approx(8.0) and worst["rest"] < 1.5


def test_slices_of_tagged_sentences_are_told_by_the_mean_over_sentences():
    """Rows that are worse by themselves had a higher F1 over all words together, where sentences differ in length."""
    task, schema = TASKS["token-classification"](), Schema("spans", ("B-X", "O"))
    pairs = []
    for k in range(1, 181):
        weak = k % 2 == 0
        count = (12 if k % 4 else 1) if weak else 2  # weak: half are long and right, half have one entity, missed
        tags = ("B-X",) * count
        given = ["O"] * count if weak and not k % 4 else list(tags)
        given[0] = "O" if not weak and k % 10 == 1 else given[0]
        pairs.append(Pair(Example(k, ("weak" if weak else "well",) * count, tags), Prediction(given)))
    train, held = Split("train", tuple(p.example for p in pairs)), HeldOut(pairs)
    found = judge(task, schema, train, (), held, None, EvaluateOptions(), 1)
    assert found.slices["metric"] == "row_quality"
    worse = [one for one in found.slices["groups"] if one["worse"]]
    assert worse and all(one["value"] < one["rest"] for one in worse)
    (whole,) = {round((one["rows"] * one["value"] + (180 - one["rows"]) * one["rest"]) / 180, 9) for one in worse}
    assert found.slices["value"] == pytest.approx(whole)
    facts = ReportFacts("tags", found.as_metrics(), found.as_findings())
    assert f"the score of all rows, {figure(whole)}" in render(facts)
    told = [f.text for f in found.findings if f.kind == "slice"]
    assert told and all("mean row quality" in text for text in told)


@pytest.mark.parametrize("rows", [1, 4, 19])
def test_of_few_rows_no_finding_calls_the_model_better_or_worse(rows):
    for test in (answered(rows, 1.0, 2), wrong_answers(rows)):
        found = judged(test, untuned=answered(rows, 0.0, 2)).findings[:2]
        assert [f.evidence["verdict"] for f in found] == ["undecided"] * 2
        for finding in found:
            assert f"too few test rows ({rows})" in finding.text
            assert "rows_to_decide" not in finding.evidence


def test_answers_without_probabilities_have_no_calibration():
    bare = [Pair(p.example, Prediction(p.prediction.answer)) for p in answered(40, 0.8, 2)]
    assert "calibration" not in judged(bare).as_metrics()
    assert judged(bare).as_metrics()["untuned"] is None


def test_numbers_are_compared_with_a_constant_by_their_distance():
    task = TASKS["text-classification"](kind="regression")
    examples = tuple(task.parse({"text": f"t{k}", "label": k / 4}, k) for k in range(1, 41))
    schema = task.learn(examples)
    near = [Pair(e, Prediction(float(e.target) + 0.1 * (-1) ** e.row, None, (0.0,))) for e in examples]
    found = judge(task, schema, Split("train", examples), (), HeldOut(near), None, EvaluateOptions(), 1)
    assert found.metric == "spearman" and np.isnan(found.baseline["spearman"])
    first = found.findings[0]
    assert first.evidence["metric"] == "mse" and first.evidence["verdict"] == "better"
    assert "mean squared error 0.010 against" in first.text


def test_numbers_farther_off_than_a_constant_are_below_the_baseline():
    task = TASKS["text-classification"](kind="regression")
    examples = tuple(task.parse({"text": f"t{k}", "label": k / 4}, k) for k in range(1, 41))
    schema = task.learn(examples)
    turned = [Pair(e, Prediction(10 - float(e.target), None, (0.0,))) for e in examples]
    found = judge(task, schema, Split("train", examples), (), HeldOut(turned), None, EvaluateOptions(), 1)
    assert np.isnan(found.baseline["spearman"]) and found.findings[0].evidence["verdict"] == "worse"
    assert found.below_baseline


def test_an_interval_without_width_says_what_it_leaves_open():
    """Clopper and Pearson's bound: 40 of 40 leave a true share of 0.9119 possible."""
    (found,) = [f for f in judged(answered(40, 1.0, 2)).findings if f.evidence.get("half_width") == 0]
    assert found.kind == "next" and found.evidence["other"] == pytest.approx(1 - 0.9119, abs=1e-4)
    assert "Each of 40 test rows" in found.text and "8.8\u00a0%" in found.text


def widths(task, schema, pairs, **options):
    """What is said of the interval's width, with what it says."""
    examples = tuple(pair.example for pair in pairs)
    found = judge(task, schema, Split("train", examples), (), HeldOut(pairs), None, EvaluateOptions(**options), 1)
    return [one.evidence for one in found.findings if "half_width" in one.evidence]


def test_a_score_without_width_says_nothing_of_rows_that_differ():
    """Matthews' correlation of one answer for all is 0 in every draw, whatever the rows are."""
    task, schema = TASKS["text-classification"](), Schema("single", ("a", "b"))
    pairs = [Pair(Example(k, ("t",), "ab"[k % 2]), Prediction("a", {"a": 0.6, "b": 0.4})) for k in range(40)]
    assert widths(task, schema, pairs, metric="matthews") == []
    tagging, tags = TASKS["token-classification"](), Schema("spans", ("O", "B-PER"))
    found = [("B-PER", "O") if k % 2 else ("O", "O") for k in range(60)]  # every second sentence has nothing to find
    pairs = [Pair(Example(k, ("Ada", "ran"), tags), Prediction(list(tags))) for k, tags in enumerate(found)]
    (said,) = widths(tagging, tags, pairs)
    assert (said["half_width"], said["rows"]) == (0.0, 30)


def test_what_wrong_labels_hide_is_told_of_the_accuracy_itself():
    """Rows with a label that the model never learnt are wrong answers too, though nobody can doubt them."""
    task, schema = TASKS["text-classification"](), Schema("single", ("a", "b"))
    pairs = [Pair(Example(k, ("t",), "ab"[k % 2]), Prediction("ab"[k % 2], CHANCES["ab"[k % 2]])) for k in range(60)]
    pairs += [Pair(Example(60, ("t",), "a"), Prediction("b", CHANCES["b"]))]
    pairs += [Pair(Example(61 + k, ("t",), "never learnt"), Prediction("a", CHANCES["a"])) for k in range(19)]
    examples = tuple(pair.example for pair in pairs[:60])
    found = judge(task, schema, Split("train", examples), (), HeldOut(pairs), None, EvaluateOptions(), 1)
    (step,) = [one.evidence for one in found.findings if one.evidence.get("file") == "relabel.jsonl"]
    assert step["accuracy"] == found.test["accuracy"].value == 60 / 80
    assert step["accuracy_at_most"] == 61 / 80


def test_of_few_answers_nothing_is_said_about_their_probabilities():
    sure = {"negative": 0.9, "neutral": 0.05, "positive": 0.05}
    wrong = [Pair(Example(k, ("t",), "positive"), Prediction("negative", sure)) for k in range(20)]
    kinds = [{finding.kind for finding in judged(wrong[:rows]).findings} for rows in (19, 20)]
    assert ["calibration" in kind for kind in kinds] == [False, True]


def test_an_unsure_model_is_said_to_be_so_by_its_confidence_and_its_right_answers():
    test = answered(150, 0.9, 2, sure=0.5)
    sure = np.mean([p.prediction.probabilities[p.prediction.answer] for p in test])
    right = np.mean([p.prediction.answer == p.example.target for p in test])
    found = next(f for f in judged(test).findings if f.kind == "calibration")
    assert f"mean confidence is {share(sure)}, its share of right answers {share(right)}" in found.text
    assert found.evidence["lean"] == pytest.approx(sure - right)


def test_probabilities_of_few_answers_are_not_called_off_where_luck_explains_it():
    random, said, bar = draws.generator(5, "honest"), 0, 0
    for k in range(20):
        pairs = []
        for n, p in enumerate(0.5 + 0.5 * random.random(64)):
            truth = "positive" if random.random() < p else "negative"
            answer = Prediction("positive", {"positive": float(p), "negative": float(1 - p), "neutral": 0.0})
            pairs.append(Pair(Example(n, ("t",), truth), answer))
        found = judge(Sorting(), SCHEMA, split("train", pairs), (), HeldOut(pairs), None, EvaluateOptions(), k)
        told = [one.evidence["ece"] for one in found.findings if one.kind == "calibration"]
        said, bar = said + any(ece >= 0.05 for ece in told), bar + (found.calibration["ece"] >= 0.05)
    assert said <= 4 < bar  # the bar alone called these models off


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("chance", "key"), [(0.4, "over"), (0.05, "under"), (0.2, "good")])
def test_of_several_labels_a_row_it_is_the_labels_that_are_there_or_not(chance, key, language):
    task, schema = TASKS["text-classification"](kind="multi"), Schema("multi", ("x", "y"), thresholds=(0.5, 0.5))
    pairs = [
        Pair(Example(k, ("t",), ("x",) * (k % 5 < 2)), Prediction([], {"x": 2 * chance, "y": 0.0})) for k in range(60)
    ]
    train, options = Split("train", tuple(pair.example for pair in pairs)), EvaluateOptions(language=language)
    found = judge(task, schema, train, (), HeldOut(pairs), None, options, 1)
    (said,) = [one.text for one in found.findings if one.kind == "calibration"]
    ece = figure(found.calibration["ece"])
    assert said == Words(language)(f"calibration_{key}_labels", sure=share(chance), right=share(0.2), ece=ece)
    facts = ReportFacts("sets", found.as_metrics(), found.as_findings(), language=language)
    assert Words(language)("calibration_lead_labels") in render(facts)


def test_a_task_that_speaks_of_calibration_is_not_repeated():
    class Telling(Sorting):
        def findings(self, pairs, schema):
            return [Finding("calibration", "Own.")]

    train = split("train", answered(90, 1.0, 1))
    found = judge(Telling(), SCHEMA, train, (), HeldOut(answered(90, 0.8, 2)), None, EvaluateOptions(), 1)
    assert [f.text for f in found.findings if f.kind == "calibration"] == ["Own."]


def test_chinese_findings_hold_the_same_evidence():
    test = answered(150, 0.8, 2)
    english, chinese = judged(test), judged(test, language="zh")
    assert [f.evidence for f in english.findings] == [f.evidence for f in chinese.findings]
    assert all(any("一" <= c <= "鿿" for c in f.text) for f in chinese.findings if f.kind != "confusion")


def test_every_shape_of_a_tasks_finding_can_be_said_in_chinese():
    assert len(shapes()) > 8
    for shape in shapes():
        evidence = dict.fromkeys(shape["needs"], 0.5)
        found = spoken([Finding(shape["kinds"][0], "English", (3,), evidence)], "zh")[0]
        assert found.text != "English"
        assert "{" not in found.text
        assert found.evidence == evidence


def test_real_tasks_speak_chinese():
    task = TASKS["text-classification"]()
    found = spoken(task.findings(answered(200, 0.7, 2, sure=0.99), SCHEMA), "zh")
    assert found
    for finding in found:
        assert any("一" <= c <= "鿿" for c in finding.text), finding
    kept = Finding("strength", "Something new.", evidence={"new": 1})
    assert spoken([kept], "zh") == [kept]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", TASKS.names())
def test_every_task_is_judged_reported_and_carded(name, language):
    task, sample = TASKS[name].sample()
    examples = tuple(task.parse(row, k) for k, row in enumerate(sample.rows, start=1))
    schema = task.learn(examples)
    pairs = [Pair(e, Prediction(answer)) for e, answer in zip(examples, sample.right, strict=True)]
    worse = [Pair(e, Prediction(answer)) for e, answer in zip(examples, sample.wrong, strict=True)]
    options = EvaluateOptions(language=language)
    found = judge(task, schema, Split("train", examples), pairs, HeldOut(pairs), worse, options, 1)
    assert better(found.metric, found.test[found.metric].value, found.untuned[found.metric])
    rows = [as_row(p.example.row, row, p) for row, p in zip(sample.rows, pairs, strict=True)]
    metrics = json.loads(json.dumps(plain(found.as_metrics()), allow_nan=False))
    facts = ReportFacts(
        name,
        metrics,
        found.as_findings(),
        errors=rows,
        classes=found.classes,
        confusion=found.confusion,
        language=language,
    )
    assert found.metric in render(facts)
    assert f"| `{found.metric}`" in card(facts)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_score_without_the_rows_that_training_saw(language):
    train, pairs = split("train", answered(200, 1.0, 1)), answered(150, 0.8, 2)
    wrong = [place for place, pair in enumerate(pairs) if pair.prediction.answer != pair.example.target]
    asked = (Sorting(), SCHEMA, train, [])
    found = judge(*asked, HeldOut(pairs, leaking=wrong), None, EvaluateOptions(language=language), 0)
    assert found.without_leaks["accuracy"].value == 1.0 > found.test["accuracy"].value
    assert found.as_metrics()["without_leaks"]["accuracy"]["value"] == 1.0
    (said,) = [one for one in found.findings if one.kind == "leak"]
    assert f"{len(wrong)} of 150" in said.text or f"150 行测试数据中有 {len(wrong)} 行" in said.text
    assert said.evidence["without"] == 1.0
    assert said.rows == tuple(pairs[place].example.row for place in wrong[:20])
    plain = judge(*asked, HeldOut(pairs), None, EvaluateOptions(), 0)
    assert "without_leaks" not in plain.as_metrics() and not any(one.kind == "leak" for one in plain.findings)
