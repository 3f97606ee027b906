"""What every task must answer, asked of every entry of the shelf."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tasks import tiny_models
from whet.core.errors import DataError, WhetError
from whet.core.rundir import plain
from whet.metrics.scores import better
from whet.prepare.batch import collate
from whet.prepare.encode import encode
from whet.tasks.contract import (
    TASKS,
    Example,
    Features,
    Limits,
    LongText,
    Pair,
    Prediction,
    Sample,
    Schema,
    Split,
    Task,
)

NAMES = TASKS.names()
ROOMY = Limits(64, "windows")
TIGHT = 8
TOLERANCE = 1e-4


def instance(name: str) -> tuple[Task, Sample, Schema, list]:
    task, sample = TASKS[name].sample()
    examples = [task.parse(row, number) for number, row in enumerate(sample.rows, 1)]
    return task, sample, task.learn(examples), examples


def same(a: Prediction, b: Prediction) -> None:
    """Equal answers: numbers to the tolerance, all else exactly."""
    _close(plain(a.answer), plain(b.answer))
    _close(plain(dict(a.probabilities or {})), plain(dict(b.probabilities or {})))
    _close(plain(dict(a.details or {})), plain(dict(b.details or {})))
    np.testing.assert_allclose(np.asarray(a.raw, float), np.asarray(b.raw, float), rtol=TOLERANCE, atol=TOLERANCE)


def _close(a, b) -> None:
    if isinstance(a, float) or isinstance(b, float):
        assert a == pytest.approx(b, rel=TOLERANCE, abs=TOLERANCE)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            _close(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            _close(one, other)
    else:
        assert a == b


def test_there_are_tasks():
    assert {"text-classification", "token-classification", "language-modeling"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parses_its_sample_and_refuses_the_broken_row_by_number(name):
    task, sample, _, examples = instance(name)
    assert len(sample.rows) >= 3
    assert [example.row for example in examples] == list(range(1, len(sample.rows) + 1))
    with pytest.raises(DataError) as refused:
        task.parse(sample.broken, 4711)
    assert "4711" in str(refused.value)
    assert refused.value.faults[0].cure


@pytest.mark.parametrize("name", NAMES)
def test_an_oracle_beats_everything(name):
    task, sample, schema, examples = instance(name)

    def measured(answers) -> dict[str, float]:
        pairs = [Pair(e, Prediction(a)) for e, a in zip(examples, answers, strict=True)]
        return task.score(pairs, schema).values()

    metric = task.metric(schema)
    right, wrong = measured(sample.right), measured(sample.wrong)
    assert right[metric] == (1.0 if metric != "loss" else 0.0)
    assert better(metric, right[metric], wrong[metric])


@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_companions_or_order(name):
    task, _, schema, examples = instance(name)
    for limits in (ROOMY, Limits(TIGHT, "windows")):
        features = tiny_models.encoded(task, examples, schema, limits)
        model = tiny_models.engine(task.head(schema))
        together = tiny_models.answers(task, model, features, schema)
        for one, other in zip(together, tiny_models.answers(task, model, features, schema, size=1), strict=True):
            same(one, other)
        turned = tiny_models.encoded(task, examples[::-1], schema, limits)
        for one, other in zip(together, tiny_models.answers(task, model, turned, schema)[::-1], strict=True):
            same(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_answers_and_losses_do_not_depend_on_padding(name):
    task, _, schema, examples = instance(name)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    assert len({len(feature.ids) for feature in features}) > 1
    flat, padded = (tiny_models.engine(task.head(schema), path) for path in ("flat", "padded"))
    losses = []
    for model in (flat, padded):
        losses.append(float(task.loss(model, collate(features), schema).detach()))
    assert losses[0] == pytest.approx(losses[1], rel=TOLERANCE)
    both = (tiny_models.answers(task, model, features, schema) for model in (flat, padded))
    for one, other in zip(*both, strict=True):
        same(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_a_sum_that_reaches_the_weights(name):
    task, _, schema, examples = instance(name)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    model = tiny_models.engine(task.head(schema))
    whole = task.loss(model, collate(features), schema)
    apart = sum(float(task.loss(model, collate([feature]), schema).detach()) for feature in features)
    assert whole.dtype == torch.float32 and whole.ndim == 0
    assert float(whole.detach()) == pytest.approx(apart, rel=1e-4)
    assert sum(feature.supervised for feature in features) > 0
    whole.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_rows_weight_multiplies_its_loss_and_its_share(name):
    task, _, schema, examples = instance(name)
    heavy = [dataclasses.replace(examples[0], weight=3.0)]
    one, three = (tiny_models.encoded(task, rows, schema, ROOMY) for rows in (examples[:1], heavy))
    model = tiny_models.engine(task.head(schema))
    losses = [float(task.loss(model, collate(features), schema).detach()) for features in (one, three)]
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)
    assert sum(f.supervised for f in three) == pytest.approx(3 * sum(f.supervised for f in one))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("long_text", ["head", "head_tail", "windows"])
def test_long_inputs_lose_nothing_silently(name, long_text: LongText):
    task, _, schema, examples = instance(name)
    for index, example in enumerate(examples):
        whole = task.encode(example, index, tiny_models.tokenizer(), ROOMY, schema)
        parts = task.encode(example, index, tiny_models.tokenizer(), Limits(TIGHT, long_text), schema)
        assert len(whole) == 1 and whole[0].cut == 0
        assert all(len(part.ids) <= TIGHT for part in parts)
        assert [part.part for part in parts] == list(range(len(parts)))
        assert {part.index for part in parts} == {index}
        if len(whole[0].ids) <= TIGHT:
            assert parts == whole
        elif long_text == "windows":
            assert len(parts) > 1 and sum(part.cut for part in parts) == 0
            assert not unseen(example, whole[0].span, parts)
        elif len(parts) == 1 or unseen(example, whole[0].span, parts):
            assert sum(part.cut for part in parts) > 0


def unseen(example: Example, whole: tuple[int, int], parts: list[Features]) -> set[int]:
    """The units of an example (words, or characters but for white space) that no part covers."""
    text = example.inputs[0] if len(example.inputs) == 1 else ""
    blank = {i for i in range(*whole) if text[i : i + 1].isspace()}
    return set(range(*whole)) - blank - {i for part in parts for i in range(*part.span)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("long_text", ["head", "head_tail", "windows"])
def test_the_account_adds_up(name, long_text: LongText):
    task, _, schema, examples = instance(name)
    rows = Split("train", tuple(examples))
    encoded = encode(rows, task, tiny_models.tokenizer(), Limits(TIGHT, long_text), schema)
    account = encoded.account
    assert account.whole + account.cut + account.windowed == account.rows == len(examples)
    assert account.whole < account.rows
    assert account.cut_tokens == sum(feature.cut for feature in encoded.split.features)
    assert {feature.index for feature in encoded.split.features} == set(range(len(examples)))


@pytest.mark.parametrize("name", NAMES)
def test_answers_in_bfloat16_do_not_depend_on_companions(name):
    """Products in bfloat16 keep eight bits, and their grouping follows the batch: 5 % of the logits' own spread."""
    task, _, schema, examples = instance(name)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    model = tiny_models.engine(task.head(schema), precision="bfloat16")
    together = tiny_models.answers(task, model, features, schema)
    apart = tiny_models.answers(task, model, features, schema, size=1)
    for one, other in zip(together, apart, strict=True):
        raw = np.asarray(one.raw, float)
        np.testing.assert_allclose(raw, np.asarray(other.raw, float), rtol=0.01, atol=0.05 * np.ptp(raw))


class Elsewhere:
    """An output on a device without numbers of 64 bits, as Apple's is."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def cpu(self) -> torch.Tensor:
        return self.tensor

    def double(self) -> torch.Tensor:
        raise TypeError("this device has no float64")


@pytest.mark.parametrize("name", NAMES)
def test_answers_come_from_devices_without_float64(name):
    task, _, schema, examples = instance(name)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    engine = tiny_models.engine(task.head(schema))

    def moved(of):
        return lambda *given: Elsewhere(of(*given))

    outputs = {of: moved(getattr(engine, of)) for of in ("sequence", "tokens", "surprises")}
    with torch.inference_mode():
        parts = task.decode(SimpleNamespace(network=engine.network, **outputs), collate(features), schema)
    assert len(parts) == len(features)


@pytest.mark.parametrize("name", NAMES)
def test_a_settled_task_learns_the_same_and_stays_settled(name):
    task, sample, schema, examples = instance(name)
    settled = task.settled(schema)
    again = [settled.parse(row, number) for number, row in enumerate(sample.rows, 1)]
    assert again == examples and settled.learn(again) == schema
    assert settled.settled(schema) == settled
    assert getattr(settled, "kind", "") != "auto"
    assert settled.guesses(schema) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_is_never_taken_by_its_name(name):
    (weight,) = [column for column in TASKS[name].columns if column.role == "weight"]
    assert not weight.aliases and not weight.required


@pytest.mark.parametrize("name", NAMES)
def test_refuse_names_the_row(name):
    task, _, schema, examples = instance(name)
    longest = max(examples, key=lambda e: len(task.encode(e, 0, tiny_models.tokenizer(), ROOMY, schema)[0].ids))
    with pytest.raises(DataError, match=f"row {longest.row}"):
        task.encode(longest, 0, tiny_models.tokenizer(), Limits(TIGHT, "refuse"), schema)
    with pytest.raises(WhetError, match="max_tokens"):
        task.encode(longest, 0, tiny_models.tokenizer(), Limits(1, "windows"), schema)


@pytest.mark.parametrize("name", NAMES)
def test_answers_survive_json_and_score_alike(name):
    task, _, schema, examples = instance(name)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    given = tiny_models.answers(task, tiny_models.engine(task.head(schema)), features, schema)
    assert len(given) == len(examples)
    read = []
    for one in given:
        text = json.dumps({"a": one.answer, "p": one.probabilities, "d": one.details}, allow_nan=False)
        back = json.loads(text)
        assert back["a"] == one.answer
        read.append(Prediction(back["a"], back["p"], None, back["d"]))
    scores = [
        task.score([Pair(e, p) for e, p in zip(examples, answers, strict=True)], schema).values()
        for answers in (given, read)
    ]
    assert scores[0].pop("loss") > 0  # it rests on logits, which are not written down...
    assert scores[1].get("loss") in (None, pytest.approx(scores[1].pop("loss", None)))
    assert scores[0] == scores[1] and task.metric(schema) in scores[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_survives_json(name):
    _, _, schema, _ = instance(name)
    tuned = dataclasses.replace(schema, thresholds=(0.25, 0.5), temperature=1.5, scale=(2.0, 0.5))
    for one in (schema, tuned):
        back = json.loads(json.dumps(plain(dataclasses.asdict(one)), ensure_ascii=False))
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in back.items()}
        assert Schema(**fields) == one


@pytest.mark.parametrize("name", NAMES)
def test_chinese_and_emoji_survive_offsets(name):
    task, _, schema, examples = instance(name)
    chinese = [e for e in examples if any("\u4e00" <= c <= "\u9fff" for text in e.inputs for c in text)]
    assert chinese, "a sample needs a Chinese row"
    assert any("😀" in text for e in examples for text in e.inputs), "a sample needs an emoji"
    for example in examples:
        (feature,) = task.encode(example, 0, tiny_models.tokenizer(), ROOMY, schema)
        size = len(example.inputs) if len(example.inputs) > 1 else len(example.inputs[0])
        assert feature.span == (0, size)


@pytest.mark.parametrize("name", NAMES)
def test_the_baseline_answers_every_row_and_can_be_scored(name):
    task, _, schema, examples = instance(name)
    split = Split("train", tuple(examples), tuple(tiny_models.encoded(task, examples, schema, ROOMY)))
    found = task.baseline(split, split, schema)
    assert len(found) == len(examples)
    values = task.score([Pair(e, p) for e, p in zip(examples, found, strict=True)], schema).values()
    assert np.isfinite(values[task.metric(schema)])
    bare = Split("train", tuple(examples))
    assert len(task.baseline(bare, bare, schema)) == len(examples)


@pytest.mark.parametrize("name", NAMES)
def test_findings_are_json_and_point_at_rows(name):
    task, _, schema, examples = instance(name)
    features = tiny_models.encoded(task, examples, schema, ROOMY)
    given = tiny_models.answers(task, tiny_models.engine(task.head(schema)), features, schema)
    pairs = [Pair(e, p) for e, p in zip(examples, given, strict=True)]
    pairs = [Pair(dataclasses.replace(p.example, row=i), p.prediction) for i, p in enumerate(pairs * 12, 1)]
    found = task.findings(pairs, schema)
    assert found
    for finding in found:
        json.dumps(plain(dict(finding.evidence)), allow_nan=False)
        assert set(finding.rows) <= set(range(1, len(pairs) + 1))
        assert finding.text.endswith((".", "!", "?"))
    assert task.findings([], schema) == []


@pytest.mark.parametrize("name", NAMES)
def test_supervised_tokens_are_shown(name):
    task, _, schema, examples = instance(name)
    for feature in tiny_models.encoded(task, examples, schema, ROOMY):
        assert all(0 <= place < len(feature.ids) for place in task.describe(feature))
