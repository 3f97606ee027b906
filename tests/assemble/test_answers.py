"""Answered rows as other programs read them."""

import json

import numpy as np

from judge.made_facts import SCHEMA
from whet.assemble.answers import as_row, of_row
from whet.judge.held_out import HeldOut
from whet.judge.mistakes import differences, mistakes
from whet.judge.reading import read as read_held
from whet.tasks.contract import Example, Pair, Prediction, Schema


def read(pairs, schema):
    return read_held(HeldOut(pairs), schema, lambda pair: 1.0)


def test_a_row_holds_the_users_columns_then_truth_and_answer():
    pair = Pair(Example(17, ("good",), "positive"), Prediction("negative", {"negative": 0.9, "positive": 0.1}))
    row = as_row(17, {"id": 5, "review": "good"}, pair)
    assert list(row) == ["row", "id", "review", "target", "prediction", "probabilities"]
    assert row == {
        "row": 17,
        "id": 5,
        "review": "good",
        "target": "positive",
        "prediction": "negative",
        "probabilities": {"negative": 0.9, "positive": 0.1},
    }


def test_own_columns_of_our_names_get_a_prefix_and_lose_nothing():
    given = {
        "row": "r",
        "target": 1,
        "prediction": "p",
        "probabilities": "q",
        "input_row": "mine",
        "text": "t",
    }
    row = as_row(1, given, Prediction("a"))
    assert row["row"] == 1
    assert row["prediction"] == "a"
    assert row["input_row"] == "mine"
    assert row["input_input_row"] == "r"
    assert (row["input_target"], row["input_prediction"], row["input_probabilities"]) == (1, "p", "q")
    assert "target" not in row
    assert "probabilities" not in row


def test_the_likeliest_labels_come_first_where_only_some_are_asked_for():
    row = as_row(1, {}, Prediction("b", {"a": 0.2, "b": 0.5, "c": 0.3}), top=2)
    assert list(row["probabilities"].items()) == [("b", 0.5), ("c", 0.3)]


def test_answers_of_every_shape_survive_strict_json():
    answers = (
        Prediction(["x", "y"], {"x": np.float64(0.7)}),
        Prediction(("B-PER", "O"), None, None, {"entities": [{"score": np.float32(0.5)}]}),
        Prediction(2.5),
        Prediction({"perplexity": float("inf")}),
    )
    for answer in answers:
        row = as_row(np.int64(3), {"text": "😀", "n": np.float64("nan")}, answer)
        assert json.loads(json.dumps(row, allow_nan=False, ensure_ascii=False)) == row
    assert as_row(1, {"entities": "mine"}, answers[1])["entities"] == "mine"
    assert as_row(1, {}, answers[1])["entities"] == [{"score": 0.5}]


def test_a_number_read_as_text_is_a_number_beside_a_number():
    assert as_row(1, {}, Pair(Example(1, ("a",), "3.5"), Prediction(3.1)))["target"] == 3.5
    assert as_row(1, {}, Pair(Example(1, ("a",), "3.5"), Prediction("3.5")))["target"] == "3.5"


def pair(target, answer, probabilities=None):
    return Pair(Example(1, ("a",), target), Prediction(answer, probabilities))


def test_single_labels_make_a_table_and_a_matrix():
    pairs = [pair("negative", "negative"), pair("negative", "positive"), pair("new", "neutral")]
    found = read(pairs, SCHEMA)
    table = {row["label"]: row for row in found.classes}
    assert table["negative"]["recall"] == 0.5
    assert table["new"]["support"] == 1
    assert found.confusion["counts"][0] == [1, 0, 1, 0]


def test_tags_are_counted_by_entity_sets_by_label_and_words_by_word():
    tags = Schema("spans", ("B-PER", "I-PER", "O"))
    found = read([pair(("B-PER", "I-PER", "O"), ["B-PER", "O", "O"])], tags)
    assert [(row["label"], row["support"], row["predicted"], row["f1"]) for row in found.classes] == [
        ("PER", 1, 1, 0.0)
    ]
    assert found.confusion == {"of": "entities", "labels": ["PER", "O"], "counts": [[1, 0], [0, 0]]}
    chances = {"a": 0.9, "b": 0.2, "c": 0.8}
    sets = read([pair(("a", "b"), ["a", "c"], chances)], Schema("multi", ("a", "b", "c"))).classes
    assert [row["f1"] for row in sets] == [1.0, 0.0, 0.0]
    words = read([pair(("N", "V", "N"), ["N", "N", "N"])], Schema("words", ("N", "V")))
    assert [(row["support"], row["predicted"]) for row in words.classes] == [(2, 3), (1, 0)]
    assert words.confusion == {"of": "words", "labels": ["N", "V"], "counts": [[2, 0], [1, 0]]}
    assert read([pair(("a",), ["a"], chances)], Schema("multi", ("a", "b", "c"))).confusion is None


def test_entities_meet_whom_they_share_most_words_with():
    tags = Schema("spans", ("B-PER", "I-PER", "B-LOC", "I-LOC", "O"))
    true = ("B-PER", "I-PER", "O", "B-LOC", "O", "B-LOC", "O", "O")
    said = ["B-LOC", "B-PER", "O", "O", "O", "B-PER", "O", "B-PER"]  # one of its type among two, missed, taken, made up
    found = read([pair(true, said)], tags).confusion
    assert found["labels"] == ["LOC", "PER", "O"]
    assert found["counts"] == [[0, 1, 1], [0, 1, 0], [0, 1, 0]]


def test_answers_that_are_no_labels_have_no_table():
    for one, schema in (
        (pair(1.5, 2.5), Schema("regression")),
        (pair(None, {"loss": 2}), Schema()),
        (pair("a b", "c"), Schema()),
    ):
        found = read([one], schema)
        assert (found.classes, found.confusion, found.calibration) == ((), None, None)


def test_calibration_counts_answers_or_every_label_of_a_set():
    sure = [pair("negative", "negative", {"negative": 0.75, "positive": 0.25})] * 3
    off = [pair("positive", "negative", {"negative": 0.75, "positive": 0.25})]
    found = read([*sure, *off], SCHEMA).calibration
    assert found["ece"] == 0.0
    assert found["bins"] == [{"low": 0.7, "high": 0.8, "rows": 4, "confidence": 0.75, "accuracy": 0.75}]
    many = read([pair(("a",), ["a"], {"a": 1.0, "b": 0.0})], Schema("multi", ("a", "b"))).calibration
    assert sum(one["rows"] for one in many["bins"]) == 2
    assert many["ece"] == 0.0


def test_mistakes_come_surest_first_and_sets_have_no_order():
    rows = [
        {"row": 1, "text": "a", "target": "x", "prediction": "y", "probabilities": {"x": 0.4, "y": 0.6}},
        {"row": 2, "text": "b", "target": "x", "prediction": "x", "probabilities": {"x": 0.9, "y": 0.1}},
        {"row": 3, "text": "c", "target": "x", "prediction": "y", "probabilities": {"x": 0.1, "y": 0.9}},
    ]
    assert [one.row for one in mistakes(rows).shown] == [3, 1]
    sets = {"row": 1, "target": ["a", "b"], "prediction": ["b", "a"], "probabilities": {"a": 0.9, "b": 0.8}}
    assert mistakes([sets]).shown == []
    far = [{"row": k, "target": 1.0, "prediction": 1.0 + k} for k in range(4)]
    assert [one.row for one in mistakes(far).shown] == [3, 2, 1]


def test_differing_words_are_named():
    row = {
        "row": 1,
        "tokens": ["Ada", "in", "Rome"],
        "tags": "B-PER O B-LOC",
        "target": ["B-PER", "O", "B-LOC"],
        "prediction": ["O", "O", "B-LOC"],
        "entities": [],
    }
    (one,) = mistakes([row]).shown
    assert one.inputs == {"tokens": ["Ada", "in", "Rome"]}
    assert differences(one) == [("Ada", "B-PER", "O")]


def test_rows_without_truth_stand_in_their_order():
    rows = [{"row": k, "text": "t", "prediction": {"loss": k}} for k in (1, 2)]
    assert [one.row for one in mistakes(rows).shown] == [1, 2]


def test_an_answer_comes_back_from_its_line_whatever_the_users_columns_are_called():
    """Columns called as details were once taken for the answer's own, and the details themselves not read."""
    given = Prediction({"perplexity": 3.5}, {"a": 1.0}, None, {"seen": 2, "cut": 7})
    own = {"seen": "yes", "prediction": 5, "more": 1, "prediction_cut": 0}
    back = of_row(json.loads(json.dumps(as_row(3, own, given))))
    assert (back.answer, back.probabilities, back.details) == (given.answer, given.probabilities, given.details)
    assert of_row(as_row(3, own, Prediction("a"))).details == {}
