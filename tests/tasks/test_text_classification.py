"""The options and variants of text classification, each against numbers worked out beside it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tasks import tiny_models
from whet.core.errors import DataError, UsageError
from whet.metrics import calibration
from whet.metrics.scores import LOWER_IS_BETTER
from whet.prepare.batch import collate
from whet.tasks._targets import set_of
from whet.tasks.contract import Example, Limits, Pair, Part, Prediction, Schema, Split
from whet.tasks.text_classification import TextClassification

ROOMY = Limits(64, "head")
TEXTS = ("a warm film", "cold and long", "very very long and cold it was", "warm")


def parsed(task, labels, texts=TEXTS, **more):
    rows = [{"text": text, "label": label, **more} for text, label in zip(texts, labels, strict=True)]
    return [task.parse(row, number) for number, row in enumerate(rows, 1)]


def learnt(task, labels, **more):
    """A schema, its features and a tiny model over some texts with these labels."""
    examples = parsed(task, labels, **more)
    schema = task.learn(examples)
    return schema, tiny_models.encoded(task, examples, schema, ROOMY), tiny_models.engine(task.head(schema)), examples


def loss_of(task, schema, features, model) -> float:
    with torch.inference_mode():
        return float(task.loss(model, collate(features), schema))


def logits_of(features, model) -> torch.Tensor:
    with torch.inference_mode():
        return model.sequence(collate(features).flat)


def test_one_label_is_torchs_cross_entropy_with_label_smoothing():
    for smoothing in (0.0, 0.2):
        task = TextClassification(label_smoothing=smoothing)
        schema, features, model, _ = learnt(task, "abca")
        wanted = F.cross_entropy(
            logits_of(features, model), torch.tensor([0, 1, 2, 0]), reduction="sum", label_smoothing=smoothing
        )
        assert loss_of(task, schema, features, model) == pytest.approx(float(wanted), rel=1e-6)
        assert sum(feature.supervised for feature in features) == 4
    with pytest.raises(UsageError, match="label_smoothing"):
        TextClassification(label_smoothing=1.0)


def test_smoothing_of_two_sided_losses_spreads_half_of_it():
    task = TextClassification(objective="sigmoid", label_smoothing=0.1)
    schema, features, model, _ = learnt(task, "abba")
    target = torch.tensor([0.05, 0.95, 0.95, 0.05])[:, None]
    wanted = F.binary_cross_entropy_with_logits(logits_of(features, model), target, reduction="sum")
    assert loss_of(task, schema, features, model) == pytest.approx(float(wanted), rel=1e-6)


def test_automatic_class_weights_are_scikit_learns_balanced_ones():
    sklearn = pytest.importorskip("sklearn.utils.class_weight")
    labels = "aaab"
    task = TextClassification(class_weights="auto")
    schema, features, model, _ = learnt(task, labels)
    wanted = sklearn.compute_class_weight("balanced", classes=np.array(["a", "b"]), y=list(labels))
    assert schema.class_weights == pytest.approx(tuple(wanted))
    weight = torch.tensor(wanted, dtype=torch.float32)
    mean = F.cross_entropy(logits_of(features, model), torch.tensor([0, 0, 0, 1]), weight=weight)
    ours = loss_of(task, schema, features, model) / sum(feature.supervised for feature in features)
    assert ours == pytest.approx(float(mean), rel=1e-6)
    roots = TextClassification(class_weights="sqrt").learn(parsed(task, labels)).class_weights
    assert roots == pytest.approx(tuple(np.sqrt(wanted)))
    assert task.metric(schema) == "f1_macro" and TextClassification().metric(schema) == "accuracy"


def test_automatic_weights_of_several_labels_weigh_their_rows_against_the_rest():
    task = TextClassification(class_weights="auto")
    schema, features, model, _ = learnt(task, [["x"], ["x", "y"], ["x"], ["x"]])
    assert schema.kind == "multi" and schema.class_weights == (0.25, 3.0)
    target = torch.tensor([[1.0, 0], [1, 1], [1, 0], [1, 0]])
    each = F.binary_cross_entropy_with_logits(
        logits_of(features, model), target, pos_weight=torch.tensor([0.25, 3.0]), reduction="none"
    )
    assert loss_of(task, schema, features, model) == pytest.approx(float(each.mean(1).sum()), rel=1e-6)


def test_a_weight_column_multiplies_a_rows_loss():
    task = TextClassification()
    examples = [
        task.parse({"text": t, "label": k, "weight": w}, 1)
        for t, k, w in zip(TEXTS, "abab", (1, 2, 0.5, "3"), strict=True)
    ]
    schema = task.learn(examples)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    model = tiny_models.engine(task.head(schema))
    each = F.cross_entropy(logits_of(features, model), torch.tensor([0, 1, 0, 1]), reduction="none")
    wanted = float((each * torch.tensor([1, 2, 0.5, 3])).sum())
    assert loss_of(task, schema, features, model) == pytest.approx(wanted, rel=1e-6)
    assert [feature.supervised for feature in features] == [1, 2, 0.5, 3]
    for wrong in (0, -1, "much", float("inf")):
        with pytest.raises(DataError, match=r"row 7.*weight"):
            task.parse({"text": "a", "label": "b", "weight": wrong}, 7)


def test_one_sigmoid_logit_answers_like_two_softmax_logits():
    task = TextClassification(objective="sigmoid")
    schema, features, model, _ = learnt(task, ["no", "yes", "no", "yes"])
    assert schema.kind == "binary" and task.head(schema).outputs == 1 and task.head(schema).labels == ("yes",)
    answers = tiny_models.answers(task, model, features, schema)
    for answer, logit in zip(answers, logits_of(features, model)[:, 0].tolist(), strict=True):
        chance = 1 / (1 + np.exp(-logit))
        assert answer.probabilities == pytest.approx({"no": 1 - chance, "yes": chance}, rel=1e-5)
        assert answer.answer == ("yes" if logit > 0 else "no")
    with pytest.raises(DataError, match="two labels"):
        task.learn(parsed(task, "abca"))


def test_the_variant_is_read_off_the_rows():
    task = TextClassification()
    assert task.learn(parsed(task, ["a", "b", "a", "b"])).kind == "single"
    assert task.learn(parsed(task, ['["a"]', "b", "[]", '["a", "b"]'])).labels == ("a", "b")
    assert task.learn(parsed(task, [0.5, 1, "2.5", 4])).kind == "regression"
    assert task.learn(parsed(task, [10, 9, 1, 1.0])).labels == ("1", "9", "10")
    many = TextClassification(kind="multi", delimiter=";")
    assert many.learn(parsed(many, ["a; b", "b", "a", "c"])).labels == ("a", "b", "c")
    with pytest.raises(DataError, match="row 31"):
        task.learn(parsed(task, [*[0.5] * 30, "high"], ["t"] * 31))
    with pytest.raises(DataError, match="different labels"):
        task.learn(parsed(task, "aaaa"))


def test_regression_learns_on_its_own_scale_and_answers_on_the_users():
    task = TextClassification()
    schema, features, model, examples = learnt(task, [10.5, 20.5, 30.5, 40.5])
    assert schema.scale == pytest.approx((25.5, np.std([10.5, 20.5, 30.5, 40.5])))
    targets = np.array([feature.target[0] for feature in features])
    assert targets.mean() == pytest.approx(0, abs=1e-9) and targets.std() == pytest.approx(1)
    wanted = ((logits_of(features, model)[:, 0].numpy() - targets) ** 2).sum()
    assert loss_of(task, schema, features, model) == pytest.approx(float(wanted), rel=1e-5)
    answers = tiny_models.answers(task, model, features, schema)
    for answer, raw in zip(answers, logits_of(features, model)[:, 0].tolist(), strict=True):
        assert answer.answer == pytest.approx(raw * schema.scale[1] + 25.5, rel=1e-5)
    pairs = [Pair(*both) for both in zip(examples, answers, strict=True)]
    assert task.score(pairs, schema).values()["loss"] == pytest.approx(float(wanted) / 4, rel=1e-5)
    mean = task.baseline(Split("train", tuple(examples)), Split("test", tuple(examples)), schema)[0]
    assert mean.answer == 25.5 and mean.raw == (0.0,)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (TextClassification(), "abca"),
        (TextClassification(objective="sigmoid"), "abba"),
        (TextClassification(), [["a"], ["a", "b"], [], ["b"]]),
        (TextClassification(), [1.5, 2.5, 0.0, 1.0]),
    ],
    ids=["single", "binary", "multi", "regression"],
)
def test_the_scores_loss_is_the_training_loss_of_a_row(task, labels):
    schema, features, model, examples = learnt(task, labels)
    pairs = [Pair(*both) for both in zip(examples, tiny_models.answers(task, model, features, schema), strict=True)]
    values = task.score(pairs, schema).values()
    assert "loss" in LOWER_IS_BETTER
    assert values["loss"] == pytest.approx(loss_of(task, schema, features, model) / 4, rel=1e-5)
    trivial = task.baseline(Split("train", tuple(examples)), Split("test", tuple(examples)), schema)
    assert np.isfinite(
        task.score([Pair(*both) for both in zip(examples, trivial, strict=True)], schema).values()["loss"]
    )
    bare = [Pair(pair.example, dataclasses.replace(pair.prediction, raw=None)) for pair in pairs]
    assert "loss" not in task.score(bare, schema).values()


def test_a_label_that_training_never_showed_is_a_wrong_answer_without_a_loss():
    task = TextClassification()
    schema, _, model, examples = learnt(task, "abab")
    strange = dataclasses.replace(examples[0], target="c")
    features = tiny_models.encoded(task, [strange, examples[1]], schema, ROOMY)
    assert [feature.supervised for feature in features] == [0.0, 1.0]
    answers = tiny_models.answers(task, model, features, schema)
    scores = task.score([Pair(strange, answers[0]), Pair(examples[1], answers[1])], schema)
    assert scores.values()["accuracy"] in (0.0, 0.5)
    assert scores.values()["loss"] == pytest.approx(loss_of(task, schema, features, model), rel=1e-5)


def test_thresholds_are_tuned_on_validation_and_used():
    task = TextClassification()
    schema = Schema("multi", ("x", "y"))
    chances = np.array([[0.30, 0.9], [0.25, 0.8], [0.10, 0.7], [0.05, 0.2]])
    truth = [("x", "y"), ("x", "y"), (), ()]
    logits = np.log(chances / (1 - chances))

    def answered(under: Schema) -> list[Pair]:
        examples = parsed(task, [list(labels) for labels in truth])
        given = [task.gather([Part(i, 0, row)], under) for i, row in enumerate(logits)]
        return [Pair(*both) for both in zip(examples, given, strict=True)]

    tuned = task.tune(answered(schema), schema)
    warm = calibration.sigmoid(logits, tuned.temperature)
    assert tuned.thresholds == pytest.approx((warm[1:3, 0].mean(), warm[1:3, 1].mean()))
    assert task.score(answered(schema), schema).values()["f1_micro"] < 1
    assert task.score(answered(tuned), tuned).values()["f1_micro"] == 1
    assert task.tune([], schema) == schema


def test_the_temperature_is_fitted_on_validation_and_changes_no_answer():
    task = TextClassification()
    schema = Schema("single", ("a", "b", "c"))
    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (600, 3))
    chances = calibration.softmax(logits / 2.5)
    drawn = (random.random((600, 1)) > chances.cumsum(1)).sum(1)
    examples = parsed(task, ["abc"[k] for k in drawn], ["t"] * 600)

    def answered(under: Schema) -> list[Pair]:
        given = [task.gather([Part(i, 0, row)], under) for i, row in enumerate(logits)]
        return [Pair(*both) for both in zip(examples, given, strict=True)]

    tuned = task.tune(answered(schema), schema)
    assert tuned.temperature == pytest.approx(2.5, rel=0.15)
    before, after = answered(schema), answered(tuned)
    assert [p.prediction.answer for p in before] == [p.prediction.answer for p in after]
    scores = [task.score(pairs, schema).values() for pairs in (before, after)]
    assert scores[1]["ece"] < scores[0]["ece"] / 2
    assert scores[1]["loss"] == scores[0]["loss"]
    for answer in after[:5]:
        assert sum(answer.prediction.probabilities.values()) == pytest.approx(1)


def test_several_labels_have_one_temperature_and_their_thresholds_stand_behind_it():
    task, schema, random = TextClassification(kind="multi"), Schema("multi", ("a", "b", "c")), np.random.default_rng(0)
    logits = random.normal(-1, 4, (400, 3))
    there = random.random((400, 3)) < calibration.sigmoid(logits / 2.5)
    examples = [
        Example(k, ("t",), tuple(n for n, is_in in zip("abc", row, strict=True) if is_in))
        for k, row in enumerate(there)
    ]

    def answered(under: Schema) -> list[Pair]:
        return [Pair(e, task.gather([Part(0, 0, row)], under)) for e, row in zip(examples, logits, strict=True)]

    tuned = task.tune(answered(schema), schema)
    assert tuned.temperature == pytest.approx(2.5, rel=0.15)
    chances = np.array([[p.prediction.probabilities[n] for n in "abc"] for p in answered(tuned)])
    assert chances == pytest.approx(calibration.sigmoid(logits / tuned.temperature))
    plain = dataclasses.replace(
        tuned,
        temperature=None,
        thresholds=tuple(float(calibration.sigmoid(tuned.temperature * np.log(t / (1 - t)))) for t in tuned.thresholds),
    )
    assert [p.prediction.answer for p in answered(plain)] == [p.prediction.answer for p in answered(tuned)]


@pytest.mark.parametrize("wrong", [0, 12, 1])
def test_no_temperature_is_kept_where_validation_cannot_tell_it(wrong):
    """With one wrong row there is an optimum; with all or none there is none, and T=0.05 would make all certain."""
    task, schema = TextClassification(), Schema("single", ("a", "b"))
    examples = parsed(task, ["b" if i < wrong else "a" for i in range(12)], ["t"] * 12)
    pairs = [Pair(e, task.gather([Part(0, 0, np.array([3.0, 0.0]))], schema)) for e in examples]
    tuned = task.tune(pairs, schema)
    assert tuned.temperature == (pytest.approx(3 / np.log(11)) if wrong == 1 else None)


@pytest.mark.parametrize(
    ("task", "labels", "kind"),
    [
        (TextClassification(), "abca", "single"),
        (TextClassification(objective="sigmoid"), "abba", "single"),
        (TextClassification(), ['["a"]', "b, c", "[]", '["a", "b"]'], "multi"),
        (TextClassification(), [0.5, 1, "2.5", 4], "regression"),
        (TextClassification(kind="multi", delimiter=";"), ["a; b", "b", "a", "c"], "multi"),
    ],
)
def test_a_settled_task_names_its_kind_and_reads_the_same_rows_alike(task, labels, kind):
    examples = parsed(task, labels)
    schema = task.learn(examples)
    settled = task.settled(schema)
    assert settled.kind == kind
    again = parsed(settled, labels)
    assert settled.learn(again) == schema
    assert settled.settled(schema) == settled
    if kind == "multi":
        assert [set_of(e.target) for e in again] == [set_of(e.target) for e in examples]
    else:  # splits are drawn by the targets, so they must be the very same
        assert [e.target for e in again] == [e.target for e in examples]


def test_numbers_read_as_a_scale_are_said_aloud():
    task = TextClassification()
    intents = list(range(101))
    schema = task.learn(parsed(task, intents, ["t"] * 101))
    assert schema.kind == "regression"
    assert task.learn(parsed(task, intents[:100], ["t"] * 100)).kind == "single"
    (said,) = task.guesses(schema)
    assert "task.kind=single" in said
    assert TextClassification(kind="regression").guesses(schema) == []
    assert task.guesses(Schema("single", ("a", "b"))) == []


def test_windows_are_averaged_and_share_one_rows_weight():
    task = TextClassification()
    examples = parsed(task, "abab", [" ".join(f"w{i}" for i in range(30)), *TEXTS[1:]])
    schema = task.learn(examples)
    features = tiny_models.encoded(task, examples, schema, Limits(12, "windows"))
    model = tiny_models.engine(task.head(schema))
    first = [feature for feature in features if feature.index == 0]
    assert len(first) > 2
    assert sum(feature.supervised for feature in first) == pytest.approx(1)
    answer = tiny_models.answers(task, model, features, schema)[0]
    wanted = logits_of(first, model).double().numpy().mean(0)
    np.testing.assert_allclose(answer.raw, wanted, atol=1e-5)
    assert answer.probabilities["a"] == pytest.approx(calibration.softmax(wanted)[0], abs=1e-5)


def ids_of(task, text, limits, schema=Schema("single", ("a", "b"))):
    (feature,) = task.encode(parsed(task, ["a"], [text])[0], 0, tiny_models.tokenizer(), limits, schema)
    return feature


def test_head_and_head_tail_keep_what_they_say_and_count_what_they_cut():
    task, text = TextClassification(), " ".join("abcdefghijklmnopqrst")
    whole = ids_of(task, text, ROOMY).ids
    assert len(whole) == 22
    head = ids_of(task, text, Limits(10, "head"))
    assert head.ids == (*whole[:9], whole[-1]) and head.cut == 12 and head.span == (0, 15)
    both = ids_of(task, text, Limits(10, "head_tail"))
    assert both.ids == (*whole[:3], *whole[-7:]) and both.cut == 12
    with pytest.raises(DataError, match=r"row 1.*22 tokens"):
        ids_of(task, text, Limits(10, "refuse"))
    assert ids_of(task, text, Limits(22, "refuse")).ids == whole


def test_of_a_pair_the_longer_text_is_cut_first():
    task = TextClassification()
    example = task.parse({"text": "short one", "text_pair": " ".join("abcdefghijkl"), "label": "a"}, 1)
    schema = Schema("single", ("a", "b"))
    (whole,) = task.encode(example, 0, tiny_models.tokenizer(), ROOMY, schema)
    (feature,) = task.encode(example, 0, tiny_models.tokenizer(), Limits(10, "head"), schema)
    assert feature.ids == (*whole.ids[:9], whole.ids[-1]) and feature.cut == 7
    assert feature.kinds == (0,) * 4 + (1,) * 6
    parts = task.encode(example, 0, tiny_models.tokenizer(), Limits(10, "windows"), schema)
    assert len(parts) > 1 and all(part.ids[:4] == whole.ids[:4] for part in parts)
    assert {token for part in parts for token in part.ids} == set(whole.ids)
    assert [part.cut for part in parts] == [0] * len(parts)
    both = task.parse({"text": "a b c d e f g", "text_pair": " ".join("abcdefghijkl"), "label": "a"}, 1)
    parts = task.encode(both, 0, tiny_models.tokenizer(), Limits(9, "windows"), schema)
    assert [part.cut for part in parts] == [4] + [0] * (len(parts) - 1)  # the shorter text kept half the room


def test_the_baseline_answers_the_most_frequent_label_with_its_share():
    task = TextClassification()
    examples = parsed(task, "abbb")
    schema = task.learn(examples)
    found = task.baseline(Split("train", tuple(examples)), Split("test", tuple(examples[:2])), schema)
    assert len(found) == 2 and found[0].answer == "b" and found[0].probabilities == {"a": 0.25, "b": 0.75}
    many = parsed(task, [["a"], ["a", "b"], ["a"], []])
    schema = task.learn(many)
    assert task.baseline(Split("train", tuple(many)), Split("test", tuple(many)), schema)[0].answer == ["a"]


def test_targets_that_make_no_sense_are_refused_by_row():
    with pytest.raises(DataError, match=r"row 3.*not a number"):
        TextClassification(kind="regression").parse({"text": "a", "label": "high"}, 3)
    with pytest.raises(DataError, match=r"row 3.*not one label"):
        TextClassification(kind="single").parse({"text": "a", "label": {"b": 1}}, 3)
    with pytest.raises(DataError, match="row 2"):
        TextClassification().learn(parsed(TextClassification(), ["a", None, "b", "c"]))
    assert TextClassification().parse({"text": "a", "label": float("nan")}, 1).target is None
    assert Prediction("a") == Prediction("a", raw=(1.0,))
