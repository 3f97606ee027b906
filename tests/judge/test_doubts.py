"""Labels to look at: planted ones are found with a stated precision and recall, in the order of their doubtfulness."""

from __future__ import annotations

import json

import numpy as np
import pytest

from judge.made_facts import SCHEMA, Sorting, answered, split
from whet.core import draws
from whet.core.rundir import plain
from whet.judge.clashes import clashes
from whet.judge.doubts import Doubting
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge
from whet.judge.labels_section import relabel_row
from whet.judge.options import EvaluateOptions
from whet.judge.reliability import Deciding
from whet.measures.contract import METRICS
from whet.metrics.calibration import ece, sigmoid, softmax
from whet.tasks.contract import Example, Pair, Prediction, Schema

TAGS = ("O", "B-PER", "B-LOC")


def doubts(pairs, schema=SCHEMA, **others):
    found = Doubting(schema)
    for name, rows in {"test": pairs, **others}.items():
        for place, pair in enumerate(rows):
            found.add(name, place, pair)
    return found.doubts()


def one(row, target, chances):
    return Pair(Example(row, (f"text {row}",), target), Prediction(max(chances, key=chances.get), chances))


def calibrated(rows, labels, sharpness, seed):
    """Rows whose probabilities are the truth about them: the label is drawn from them."""
    random = draws.generator(seed, "calibrated")
    chances = softmax(sharpness * random.normal(size=(rows, len(labels))))
    drawn = (chances.cumsum(1) > random.random((rows, 1))).argmax(1)
    return [one(k + 1, labels[drawn[k]], dict(zip(labels, map(float, chances[k]), strict=True))) for k in range(rows)]


@pytest.mark.parametrize(("labels", "precise", "complete"), [("ab", 0.55, 0.7), ("abcde", 0.55, 0.7)])
def test_of_five_percent_turned_labels_most_are_found(labels, precise, complete):
    """A model that is right in about 93 of 100 rows and knows how sure it is. What it does not find lies where it is
    itself unsure, and what it lists wrongly are its own errors."""
    rows = calibrated(4000, tuple(labels), 8.0 if len(labels) == 2 else 7.0, 1)
    random = draws.generator(2, "turned")
    turned = set(random.choice(4000, 200, replace=False).tolist())
    others = {label: labels[(k + 1) % len(labels)] for k, label in enumerate(labels)}
    rows = [
        Pair(Example(p.example.row, p.example.inputs, others[p.example.target]), p.prediction) if k in turned else p
        for k, p in enumerate(rows)
    ]
    found = doubts(rows, Schema("single", tuple(labels)))
    hits = [doubt.place in turned for doubt in found.found]
    assert np.mean(hits) > precise
    assert sum(hits) / 200 > complete
    assert np.mean(hits[: len(hits) // 2]) > np.mean(hits)  # the order is worth something
    clean = doubts(calibrated(4000, tuple(labels), 8.0, 1), Schema("single", tuple(labels)))
    assert len(clean.found) < len(found.found) / 2


def test_thresholds_are_the_mean_self_confidence_of_those_who_carry_the_label():
    rows = [one(k, "a", {"a": 0.9, "b": 0.1}) for k in range(1, 6)] + [one(6, "a", {"a": 0.4, "b": 0.6})]
    rows += [one(k, "b", {"a": 0.3, "b": 0.7}) for k in range(7, 12)] + [one(12, "b", {"a": 0.85, "b": 0.15})]
    found = doubts(rows, Schema("single", ("a", "b")))
    assert found.thresholds == {"a": pytest.approx(4.9 / 6), "b": pytest.approx(3.65 / 6)}
    assert [(d.row, d.given, d.suggested, d.confidence) for d in found.found] == [(12, "b", "a", 0.85)]
    assert found.found[0].margin == pytest.approx(-0.7)
    assert (found.asked, found.wrong) == ({"test": 12}, {"test": 2})
    assert [d.row for d in found.surest] == [12, 6]


def test_validation_rows_are_looked_at_too_and_stand_in_one_order():
    sure = [one(k, "a", {"a": 0.8, "b": 0.2}) for k in range(1, 9)] + [
        one(k, "b", {"a": 0.2, "b": 0.8}) for k in range(9, 17)
    ]
    test, validation = [*sure, one(17, "a", {"a": 0.1, "b": 0.9})], [one(3, "b", {"a": 0.95, "b": 0.05})]
    found = doubts(test, Schema("single", ("a", "b")), validation=validation)
    assert [(d.split, d.row, d.place) for d in found.found] == [("validation", 3, 0), ("test", 17, 16)]


def test_each_label_of_a_set_is_asked_by_itself():
    schema = Schema("multi", ("x", "y"))
    rows = [Pair(Example(k, ("t",), ("x",)), Prediction(["x"], {"x": 0.9, "y": 0.1})) for k in range(1, 9)]
    rows.append(Pair(Example(9, ("t",), ()), Prediction(["x"], {"x": 0.95, "y": 0.05})))
    (found,) = doubts(rows, schema).found
    assert (found.row, found.given, found.suggested) == (9, "not x", "x")


def tagged(row, target, sure, answer=None):
    logits = np.log([[0.02, 0.02, 0.02]] * 2)
    answer = answer or list(target)
    for word, (tag, chance) in enumerate(zip(answer, sure, strict=True)):
        logits[word] = np.log((1 - chance) / 2)
        logits[word, TAGS.index(tag)] = np.log(chance)
    return Pair(Example(row, ("Ada", "ran"), target), Prediction(answer, None, logits, {"entities": []}))


def test_words_are_doubted_one_by_one():
    rows = [tagged(k, ("B-PER", "O"), (0.8, 0.99)) for k in range(1, 9)]
    rows += [tagged(9, ("O", "O"), (0.9, 0.99), ["B-PER", "O"]), tagged(10, ("O", "O"), (0.5, 0.99), ["B-PER", "O"])]
    (found,) = doubts(rows, Schema("spans", TAGS)).found
    assert (found.row, found.word, found.given, found.suggested) == (9, 0, "O", "B-PER")
    assert relabel_row(found, {"tokens": ["Ada", "ran"]}) == {
        "split": "test",
        "row": 9,
        "given": "O",
        "suggested": "B-PER",
        "confidence": pytest.approx(0.9),
        "margin": pytest.approx(0.05 - 0.9),
        "word": 0,
        "tokens": ["Ada", "ran"],
    }


def test_far_targets_are_listed_by_their_robust_distance():
    random = draws.generator(1, "numbers")
    rows = [
        Pair(Example(k, ("t",), str(k % 5)), Prediction(k % 5 + float(random.normal()) / 5, None, (0.0,)))
        for k in range(1, 101)
    ]
    rows[40] = Pair(Example(41, ("t",), "9"), rows[40].prediction)
    (found,) = doubts(rows, Schema("regression", scale=(2.0, 1.0))).found
    assert found.row == 41 and found.z > 20 and found.given == 9.0
    assert found.confidence is None and "confidence" not in found.as_dict()


def test_answers_without_probabilities_are_not_doubted():
    assert doubts([Pair(Example(1, ("t",), "a"), Prediction("b"))]).found == ()
    told = {"log_likelihood": -1.0, "tokens": 1}
    assert doubts([Pair(Example(1, ("t",), "a"), Prediction(told, None, (1.0, 1)))]).asked == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_findings_name_the_rows_with_their_splits_and_the_next_step(language):
    test, validation = answered(150, 0.8, 2, sure=0.95), answered(60, 0.8, 3, sure=0.95)
    found = judge(
        Sorting(), SCHEMA, split("train", test), validation, HeldOut(test), None, EvaluateOptions(language=language), 1
    )
    listed = json.loads(json.dumps(plain(found.as_findings()), allow_nan=False))
    (label,) = [one for one in listed if one["kind"] == "label_error"]
    assert {row["split"] for row in label["rows"]} == {"test", "validation"}
    assert [(row["split"], row["row"]) for row in label["rows"]] == [(d.split, d.row) for d in found.doubts]
    assert label["evidence"]["count"] == len(found.doubts)
    assert {"given", "suggested", "confidence"} <= set(label["evidence"]["doubts"][0])
    (sure,) = [one for one in listed if "errors" in one["evidence"]]
    assert sure["kind"] == "weakness" and all(one["confidence"] >= 0.9 for one in sure["evidence"]["errors"])
    assert sure["evidence"]["wrong"] == sum(p.prediction.answer != p.example.target for p in test)
    (step,) = [one for one in listed if one["evidence"].get("file") == "relabel.jsonl"]
    assert step["kind"] == "next" and step["evidence"]["labels"] == len(found.doubts)
    shown = sum(d.split == "test" for d in found.doubts)
    assert step["evidence"]["accuracy_at_most"] == pytest.approx(found.test["accuracy"].value + shown / 150)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_that_does_not_know_the_task_doubts_no_label(language):
    test = answered(150, 0.0, 2, sure=0.95)
    options = EvaluateOptions(language=language)
    found = judge(Sorting(), SCHEMA, split("train", test), answered(60, 0.0, 3), HeldOut(test), None, options, 1)
    assert found.findings[0].evidence["verdict"] != "better" and found.doubts == ()
    (label,) = [one for one in found.findings if one.kind == "label_error"]
    assert label.rows == () and label.evidence == {"count": 0, "asked": 210}
    (sure,) = [one for one in found.findings if "errors" in one.evidence]
    assert "labels_doubted" not in sure.evidence
    assert not any("relabel.jsonl" in one.text for one in found.findings)


def test_in_a_cross_validation_the_test_rows_are_all_rows():
    test = answered(150, 0.8, 2, sure=0.95)
    held = HeldOut(test, homes=[k % 3 for k in range(150)])
    found = judge(Sorting(), SCHEMA, split("train", test), test[:60], held, None, EvaluateOptions(), 1)
    assert {doubt.split for doubt in found.doubts} == {"test"}


def test_in_a_cross_validation_no_one_temperature_was_in_the_answers():
    """The models of the folds had their own, so that of the model which ships cannot be taken out of them."""
    test, none = answered(150, 0.8, 2), EvaluateOptions()
    whole = judge(Sorting(), SCHEMA, split("train", test), [], HeldOut(test), None, none, 1).calibration
    held = HeldOut(test, homes=[k % 3 for k in range(150)])
    folded = judge(Sorting(), SCHEMA, split("train", test), [], held, None, none, 1).calibration
    assert set(whole) - set(folded) == {"ece_before"}
    assert folded["temperature"] == SCHEMA.temperature


def matrix(*rows):
    return {"of": "rows", "labels": list("abcd")[: len(rows)], "counts": [list(row) for row in rows]}


def test_classes_that_a_coin_would_tell_apart_clash():
    (found,) = clashes(matrix((30, 28, 1, 0), (25, 29, 0, 2), (1, 0, 60, 3), (0, 1, 4, 55)))
    assert (found.first, found.second, found.first_as_second, found.second_as_first) == ("a", "b", 28, 25)
    assert found.told_apart == pytest.approx((30 / 58 + 29 / 54) / 2)
    assert found.accuracy_merged - found.accuracy == pytest.approx(53 / 239)
    assert clashes(matrix((50, 9, 0), (8, 50, 0), (0, 0, 60))) == []  # told apart well, if not always
    assert clashes(matrix((3, 3, 0), (3, 3, 0), (0, 0, 60))) == []  # too few rows
    assert clashes(matrix((50, 40), (40, 50))) == []  # nothing is left after merging two of two
    assert clashes(None) == []
    half_seen = matrix((50, 9, 40), (8, 50, 45), (40, 40, 0))
    assert [one.second for one in clashes(half_seen)] == ["c", "c"]
    assert clashes({**half_seen, "of": "entities"}) == []  # the last is no type: these were not seen at all


@pytest.mark.parametrize(
    ("classes", "rows", "right"), [(4, 40, (0.75, 0.75)), (40, 12, (0.9, 0.6))], ids=["even", "uneven, few rows"]
)
def test_classes_that_are_told_apart_halfway_clash_seldom(classes, rows, right):
    """On the border itself: one alarm in twenty matrices at most, however many pairs there are and whichever of them
    are mixed up."""
    alarms = 0
    for seed in range(300):
        random = draws.generator(seed, "border")
        counts = np.zeros((classes, classes), int)
        for i in range(0, classes, 2):
            for k, other, share in ((i, i + 1, right[0]), (i + 1, i, right[1])):
                counts[k, k] = random.binomial(rows, share)
                counts[k, other] = rows - counts[k, k]
        alarms += bool(clashes({"of": "rows", "labels": list(map(str, range(classes))), "counts": counts.tolist()}))
    assert alarms <= 25


def test_what_the_temperature_did_is_measured():
    """Probabilities before it are those of the logits themselves, got back from those after it."""
    random = draws.generator(4, "logits")
    logits, temperature = 3 * random.normal(size=(300, 3)), 2.5
    cold, warm = softmax(logits), softmax(logits / temperature)
    targets = (warm.cumsum(1) > random.random((300, 1))).argmax(1)
    schema = Schema("single", ("a", "b", "c"), temperature=temperature)
    found = Deciding(schema)
    for k in range(300):
        found.add(one(k + 1, "abc"[targets[k]], dict(zip("abc", map(float, warm[k]), strict=True))))
    told = found.calibration()
    right = warm.argmax(1) == targets
    assert told["ece_before"] == pytest.approx(ece(cold.max(1), right))
    assert told["ece"] == pytest.approx(ece(warm.max(1), right)) and told["ece"] < told["ece_before"]
    assert told["brier"] == pytest.approx(((warm - np.eye(3)[targets]) ** 2).sum(1).mean())


def test_what_the_temperature_did_to_the_labels_of_a_set_is_measured():
    random = draws.generator(4, "logits")
    logits, temperature = 4 * random.normal(size=(300, 2)), 2.5
    warm = sigmoid(logits, temperature)
    there = random.random((300, 2)) < warm
    found = Deciding(Schema("multi", ("x", "y"), temperature=temperature))
    for k in range(300):
        target = tuple(name for name, is_in in zip("xy", there[k], strict=True) if is_in)
        found.add(Pair(Example(k, ("t",), target), Prediction([], dict(zip("xy", map(float, warm[k]), strict=True)))))
    told = found.calibration()
    assert told["ece_before"] == pytest.approx(ece(sigmoid(logits).ravel(), there.ravel()))
    assert told["ece"] < told["ece_before"]


@pytest.mark.parametrize("labels", ["ab", "abc"])
def test_the_brier_score_of_the_calibration_is_that_of_the_shelf(labels):
    schema, rows = Schema("single", tuple(labels)), calibrated(50, tuple(labels), 2.0, 1)
    rows.append(Pair(Example(51, ("t",), "never learnt"), rows[0].prediction))
    found, brier = Deciding(schema), METRICS["brier"]()
    for row in rows:
        found.add(row)
    assert found.calibration()["brier"] == pytest.approx(brier.measure(brier.columns(rows, schema)))


def test_labels_of_a_set_are_measured_each_and_entities_by_their_score():
    found = Deciding(Schema("multi", ("x", "y")))
    for k in range(10):
        found.add(Pair(Example(k, ("t",), ("x",)), Prediction(["x"], {"x": 1.0, "y": 0.5})))
    assert [(each["label"], each["ece"]) for each in found.calibration()["by_label"]] == [("y", 0.5), ("x", 0.0)]
    found = Deciding(Schema("spans", TAGS))
    told = {
        "entities": [{"type": "PER", "words": [0, 1], "score": 0.75}, {"type": "LOC", "words": [1, 2], "score": 0.75}]
    }
    found.add(
        Pair(Example(1, ("Ada", "ran"), ("B-PER", "O")), Prediction(["B-PER", "B-LOC"], None, np.zeros((2, 3)), told))
    )
    assert found.calibration()["bins"][0]["accuracy"] == 0.5
    assert found.calibration()["ece"] == 0.25
