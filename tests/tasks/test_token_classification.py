"""Tags: windows over long sentences, chains that the scheme allows, free texts with their places."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tasks import tiny_models
from whet.core.errors import DataError
from whet.metrics import entities
from whet.metrics.calibration import softmax
from whet.prepare.batch import collate
from whet.tasks._tags import best_chain, rules, scheme
from whet.tasks._words import fit_words, words_in
from whet.tasks.contract import Example, Limits, Pair, Part, Prediction, Schema, Split
from whet.tasks.token_classification import TokenClassification

ROOMY = Limits(64, "windows")
LABELS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
SCHEMA = Schema("bio", LABELS)
WORDS = ["Ann", "internationalization", "met", "李", "雷", "in", "Llanfairpwllgwyngyll", "😀", "3.5%", "cafés"]


def example(words, tags=None, number=1):
    return TokenClassification().parse({"tokens": list(words), "tags": None if tags is None else list(tags)}, number)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=60), st.integers(5, 40))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_over_any_windows_each_word_is_answered_once(words, most):
    windows = fit_words(tiny_models.tokenizer(), words, Limits(most, "windows"), 1)
    owned = [w for window in windows for w, own in zip(window.words, window.owned, strict=True) if own]
    assert sorted(owned) == list(range(len(words)))
    for window in windows:
        assert len(window.ids) <= most
        assert all(0 < place < len(window.ids) - 1 for place in window.first)
        assert list(window.words) == list(range(window.words[0], window.words[-1] + 1))


def test_a_word_is_answered_where_most_stands_around_it():
    windows = fit_words(tiny_models.tokenizer(), [str(i) for i in range(10)] * 5, Limits(22, "windows"), 1)
    assert len(windows) == 3
    one, two = windows[0], windows[1]
    shared = sorted(set(one.words) & set(two.words))
    assert len(shared) == 5
    first = [dict(zip(one.words, one.owned, strict=True))[word] for word in shared]
    assert first == [True, True, True, False, False]


def test_the_first_token_of_a_word_carries_its_tag():
    task, words = TokenClassification(), ["Ann", "unbelievably", "cafés"]
    (feature,) = task.encode(example(words, ["B-PER", "O", "B-LOC"]), 0, tiny_models.tokenizer(), ROOMY, SCHEMA)
    whole = tiny_models.tokenizer()(words, is_split_into_words=True)
    assert list(feature.ids) == whole["input_ids"]
    assert feature.target["at"] == [whole.word_ids().index(word) for word in range(3)]
    assert feature.target["labels"] == [3, 0, 1]
    assert task.describe(feature) == feature.target["at"]


def test_the_loss_and_the_scores_loss_are_torchs_over_first_tokens():
    task = TokenClassification()
    rows = [example(["Ann", "unbelievably", "ran"], ["B-PER", "O", "O"]), example(["Bo"], ["B-MISC"], 2)]
    features = tiny_models.encoded(task, rows, SCHEMA, ROOMY)
    model = tiny_models.engine(task.head(SCHEMA))
    assert [feature.supervised for feature in features] == [3, 0]
    assert task.describe(features[1]) == []
    with torch.inference_mode():
        ours = float(task.loss(model, collate(features), SCHEMA))
        logits = model.tokens(collate(features).flat)
    wanted = float(F.cross_entropy(logits[features[0].target["at"]], torch.tensor([3, 0, 0]), reduction="sum"))
    assert ours == pytest.approx(wanted, rel=1e-6)
    answers = tiny_models.answers(task, model, features, SCHEMA)
    values = task.score([Pair(*both) for both in zip(rows, answers, strict=True)], SCHEMA).values()
    assert values["loss"] == pytest.approx(wanted / 3, rel=1e-5)


def test_words_cut_away_are_said_outside_and_have_no_loss():
    task = TokenClassification()
    words = [str(i) for i in range(30)]
    row = example(words, ["B-PER"] * 30)
    (feature,) = features = task.encode(row, 0, tiny_models.tokenizer(), Limits(12, "head"), SCHEMA)
    assert feature.cut == 20 and feature.supervised == 10
    (answer,) = tiny_models.answers(task, tiny_models.engine(task.head(SCHEMA)), features, SCHEMA)
    assert len(answer.answer) == 30 and answer.answer[10:] == ["O"] * 20
    assert np.isnan(answer.raw[10:]).all() and np.isfinite(answer.raw[:10]).all()
    assert np.isfinite(task.score([Pair(row, answer)], SCHEMA).values()["loss"])


def test_long_sentences_are_scored_whole():
    """The oracle's logits through real windows give back every tag, in place."""
    task = TokenClassification()
    tags = (["B-PER", "I-PER", "O", "B-LOC", "O"] * 12)[:57]
    row = example([WORDS[i % len(WORDS)] for i in range(57)], tags)
    features = task.encode(row, 0, tiny_models.tokenizer(), Limits(16, "windows"), SCHEMA)
    assert len(features) > 5 and sum(feature.supervised for feature in features) == 57
    parts = [Part(0, f.part, {**f.target, "logits": np.eye(5)[f.target["labels"]] * 9}, f.span) for f in features]
    answer = task.gather(parts, SCHEMA)
    assert answer.answer == tags
    assert task.score([Pair(row, answer)], SCHEMA).values()["f1"] == 1
    assert [e["words"] for e in answer.details["entities"]][:2] == [[0, 2], [3, 4]]


def test_chains_are_valid_unless_asked_otherwise():
    logits = np.array([[0.0, 0, 0, 0, 5], [0, 0, 4.0, 0, 3]])
    raw = {"at": [1, 2], "words": [0, 1], "count": 2, "places": [], "labels": [0, 0], "logits": logits}
    free = TokenClassification(chains="any").gather([Part(0, 0, raw)], SCHEMA)
    assert free.answer == ["I-PER", "I-LOC"]
    valid = TokenClassification().gather([Part(0, 0, raw)], SCHEMA).answer
    assert all(not tag.startswith("I-") or (at and valid[at - 1][1:] == tag[1:]) for at, tag in enumerate(valid))


@given(st.integers(0, 10_000), st.sampled_from(["bio", "closed"]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_best_chain_is_the_best_of_all_that_are_allowed(seed, kind):
    labels = LABELS if kind == "bio" else ("O", "B-X", "I-X", "E-X", "S-X")
    scores = np.random.default_rng(seed).normal(0, 2, (4, len(labels)))
    penalties = rules(labels, kind)
    first, follows, last = penalties

    def total(chain):
        steps = sum(follows[a, b] for a, b in itertools.pairwise(chain))
        return first[chain[0]] + steps + last[chain[-1]] + sum(scores[at, k] for at, k in enumerate(chain))

    found = best_chain(scores, penalties)
    assert tuple(found) == max(itertools.product(range(len(labels)), repeat=4), key=total)
    tags = [labels[k] for k in found]
    for at, tag in enumerate(tags):
        before = tags[at - 1] if at else "O"
        assert tag[0] not in "IE" or (before[0] in "BI" and before[1:] == tag[1:])


def test_the_scheme_is_read_off_the_tags():
    assert scheme([["B-X", "I-X", "O"]]) == "bio"
    assert scheme([["I-X", "I-X", "O", "I-Y", "B-Y"]]) == "iob1"
    assert scheme([["B-X", "E-X", "S-Y"]]) == "closed" and scheme([["B-X", "M-X", "E-X"]]) == "closed"
    assert scheme([["NOUN", "VERB"]]) == scheme([["O", "O"]]) == "words"
    assert rules(("O", "B-X"), "iob1") is None


def test_a_slip_among_marked_tags_is_refused_by_row_and_does_not_change_the_scheme():
    task = TokenClassification()
    rows = [example(["Ann", "met", "Bo"], ["B-PER", "O", "B-PER"], k) for k in range(1, 10)]
    for slip in ("0", "PER", "X-PER"):
        with pytest.raises(DataError, match=rf"row 10: the tag '{slip}' of word 2") as refused:
            task.learn([*rows, example(["Ann", "met", "Bo"], ["B-PER", slip, "O"], 10)])
        assert "B-PER" in refused.value.faults[0].cure
    assert task.learn(rows).kind == "bio"
    marked = [example(["B", "a", "c"], ["NOUN", "B-X", "VERB"])]
    assert task.learn(marked).kind == "words"  # most have no mark, so that is the scheme


@pytest.mark.parametrize(
    ("kind", "labels", "best"),
    [
        ("bio", ("O", "B-LOC", "I-LOC", "I-PER"), ["I-PER", "I-PER", "O"]),
        ("bio", ("O", "B-LOC", "I-LOC", "I-PER"), ["B-LOC", "I-PER", "I-PER"]),
        ("closed", ("O", "B-X", "E-X", "S-X", "I-PER"), ["I-PER", "I-PER", "O"]),
        ("closed", ("O", "B-X", "E-X", "S-X", "I-PER", "E-PER"), ["I-PER", "I-PER", "E-PER"]),
        ("closed", ("O", "B-X", "E-X", "B-PER"), ["O", "O", "B-PER"]),
    ],
)
def test_a_type_that_nothing_begins_or_ends_can_be_answered_all_the_same(kind, labels, best):
    scores = np.array([[5.0 if label == wanted else 0.0 for label in labels] for wanted in best])
    assert [labels[k] for k in best_chain(scores, rules(labels, kind))] == best


def test_a_type_that_something_begins_still_needs_its_beginning():
    labels = ("O", "B-PER", "I-PER", "I-LOC")
    first, follows, _ = rules(labels, "bio")
    assert first[2] < 0 == first[3]
    assert follows[0, 2] < 0 and follows[3, 2] < 0 == follows[1, 2]


def test_parts_of_speech_are_scored_by_word():
    task = TokenClassification()
    rows = [example(["I", "ran"], ["PRON", "VERB"]), example(["Run"], ["VERB"], 2)]
    schema = task.learn(rows)
    assert schema.kind == "words" and task.metric(schema) == "accuracy"
    pairs = [Pair(rows[0], Prediction(["PRON", "VERB"])), Pair(rows[1], Prediction(["PRON"]))]
    values = task.score(pairs, schema).values()
    assert values == {"accuracy": pytest.approx(2 / 3), "f1_macro": pytest.approx(2 / 3)}


def test_a_free_text_gives_entities_with_their_places():
    text = "Zoë  met 李雷 in New York😀."
    task = TokenClassification()
    row = task.parse({"tokens": text}, 1)
    assert list(row.inputs) == ["Zoë", "met", "李", "雷", "in", "New", "York", "😀", "."]
    assert [text[a:b] for a, b in row.places] == list(row.inputs)
    (feature,) = task.encode(row, 0, tiny_models.tokenizer(), ROOMY, SCHEMA)
    logits = np.eye(5)[[3, 0, 3, 4, 0, 1, 2, 0, 0]] * 20
    answer = task.gather([Part(0, 0, {**feature.target, "logits": logits}, feature.span)], SCHEMA)
    found = answer.details["entities"]
    assert [entity["text"] for entity in found] == ["Zoë", "李雷", "New York"]
    assert [text[entity["start"] : entity["end"]] for entity in found] == ["Zoë", "李雷", "New York"]
    assert all(entity["score"] > 0.99 for entity in found)


@given(st.text(alphabet=st.sampled_from("ab1 .,'@#-_\t李😀👍🏽\u200d/é"), max_size=30))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_words_of_a_text_lose_no_character(text):
    places = words_in(text)
    assert all(start < end for start, end in places)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(places))
    inside = {i for start, end in places for i in range(start, end)}
    assert {i for i, char in enumerate(text) if not char.isspace()} <= inside


def test_rows_that_make_no_sense_are_refused_by_number():
    task = TokenClassification()
    with pytest.raises(DataError, match=r"row 9: 2 words have 1 tags"):
        task.parse({"tokens": ["a", "b"], "tags": ["O"]}, 9)
    with pytest.raises(DataError, match=r"row 9: word 2 is empty"):
        task.parse({"tokens": ["a", " "], "tags": ["O", "O"]}, 9)
    with pytest.raises(DataError, match=r"row 9"):
        task.parse({"tokens": [], "tags": []}, 9)
    with pytest.raises(DataError, match=r"row 3: the sentence has no tags"):
        task.learn([example(["a"], ["O"]), example(["b"], None, 3)])


def test_the_baseline_gives_every_word_the_most_frequent_tag():
    task = TokenClassification()
    rows = [example(["a", "b", "c"], ["O", "O", "B-PER"]), example(["d"], ["B-LOC"], 2)]
    split = Split("train", tuple(rows))
    found = task.baseline(split, split, SCHEMA)
    assert [one.answer for one in found] == [["O"] * 3, ["O"]]
    values = task.score([Pair(*both) for both in zip(rows, found, strict=True)], SCHEMA).values()
    assert values["f1"] == 0 and values["accuracy"] == 0.5
    assert values["loss"] == pytest.approx(-np.log([3 / 9, 3 / 9, 2 / 9, 2 / 9]).mean())
    assert entities.spans(found[0].answer) == []


def test_the_temperature_is_fitted_on_words_and_moves_no_tag():
    task, random = TokenClassification(), np.random.default_rng(0)
    schema = Schema("spans", ("B-PER", "I-PER", "O"))
    pairs, parts = [], []
    for number in range(150):
        logits = random.normal(0, 4, (8, 3))
        chances = softmax(logits / 2.5)
        tags = [schema.labels[k] for k in (random.random((8, 1)) > chances.cumsum(1)).sum(1)]
        raw = {"count": 9, "words": list(range(8)), "places": [], "logits": logits}  # a ninth word was cut away
        parts.append(Part(number, 0, raw))
        example = Example(number, ("w",) * 9, (*tags, "O"))
        pairs.append(Pair(example, task.gather(parts[-1:], schema)))
    tuned = task.tune(pairs, schema)
    assert tuned.temperature == pytest.approx(2.5, rel=0.15)
    warm = [task.gather([part], tuned) for part in parts]
    assert [one.answer for one in warm] == [pair.prediction.answer for pair in pairs]
    sure = [
        np.mean([e["score"] for one in answers for e in one.details["entities"]])
        for answers in (warm, [p.prediction for p in pairs])
    ]
    assert sure[0] < sure[1] - 0.05
    assert task.tune([], schema).temperature is None
