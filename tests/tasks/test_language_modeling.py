"""Language modelling: every token told once, documents apart, hidden tokens drawn as BERT drew them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import whet.nn.packed
from tasks import tiny_models
from whet.core.errors import DataError, UsageError
from whet.prepare.batch import collate
from whet.tasks._documents import causal_blocks, hide, masked_blocks
from whet.tasks.contract import Limits, LongText, Pair, Schema, Split
from whet.tasks.language_modeling import LanguageModeling

ROOMY = Limits(64, "windows")
LONG = " ".join(f"word{i} of 李雷 😀" for i in range(12))


def parsed(task, *texts):
    return [task.parse({"text": text}, number) for number, text in enumerate(texts, 1)]


@given(st.integers(1, 60), st.integers(4, 30), st.integers(1, 3), st.booleans())
@settings(max_examples=80, deadline=None, derandomize=True)
def test_causal_blocks_predict_every_token_once(count, most, overlap, with_end):
    text = " ".join(["boat", "sun", "rain"][i % 3] for i in range(count))
    end = 102 if with_end else None
    blocks = causal_blocks(tiny_models.tokenizer(), text, end, Limits(most, "windows"), overlap, 1)
    whole = tiny_models.tokenizer()(text, add_special_tokens=False)["input_ids"] + [102] * with_end
    told = [token for block in blocks for token in block.ids[block.first : block.last]]
    assert told == whole[1:]
    assert all(len(block.ids) <= most and block.cut == 0 for block in blocks)
    assert all(block.first >= 1 for block in blocks)


@given(st.integers(1, 60), st.integers(4, 30))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_masked_blocks_hold_every_token_once(count, most):
    text = " ".join(["boat", "sun", "rain"][i % 3] for i in range(count))
    blocks = masked_blocks(tiny_models.tokenizer(), text, Limits(most, "windows"), 1)
    whole = tiny_models.tokenizer()(text)["input_ids"]
    assert [token for block in blocks for token in block.ids[block.first : block.last]] == whole[1:-1]
    assert all((block.ids[0], block.ids[-1]) == (whole[0], whole[-1]) for block in blocks)


@pytest.mark.parametrize("long_text", ["head", "head_tail", "windows"])
@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_tokens_cut_and_tokens_seen_are_all_tokens(long_text: LongText, objective):
    task = LanguageModeling(objective=objective)
    schema, (row,) = Schema(objective), parsed(task, LONG)
    features = task.encode(row, 0, tiny_models.tokenizer(), Limits(16, long_text), schema)
    total = len(tiny_models.tokenizer()(LONG, add_special_tokens=False)["input_ids"])
    if objective == "causal":
        seen = sum(feature.target[-1] for feature in features) - (len(features) - 1) * (long_text == "windows")
    else:
        seen = sum(feature.target[-1] - feature.target[-2] for feature in features)
    assert seen + sum(feature.cut for feature in features) == total
    with pytest.raises(DataError, match="row 1"):
        task.encode(row, 0, tiny_models.tokenizer(), Limits(16, "refuse"), schema)


def test_the_causal_loss_is_transformers_own_document_by_document():
    task = LanguageModeling()
    rows = parsed(task, "Once upon a time", "There was a boat, it sailed far away.", "Rain")
    schema = task.learn(rows)
    features = tiny_models.encoded(task, rows, schema, ROOMY)
    model = tiny_models.engine(task.head(schema))
    answers = tiny_models.answers(task, model, features, schema)
    wanted = 0.0
    for feature, answer in zip(features, answers, strict=True):
        ids = torch.tensor([feature.ids])
        with torch.inference_mode():
            if ids.shape[1] > 1:
                mean = float(model.network(input_ids=ids, labels=ids).loss)
                assert answer.answer["perplexity"] == pytest.approx(math.exp(mean), rel=1e-4)
                wanted += mean * (ids.shape[1] - 1)
    with torch.inference_mode():
        assert float(task.loss(model, collate(features), schema)) == pytest.approx(wanted, rel=1e-5)
    scored = task.score([Pair(*both) for both in zip(rows, answers, strict=True)], schema).values()
    tokens = sum(len(feature.ids) - 1 for feature in features)
    assert scored["loss"] == pytest.approx(wanted / tokens, rel=1e-5)
    assert scored["perplexity"] == pytest.approx(math.exp(wanted / tokens), rel=1e-4)
    bytes_ = sum(len(row.inputs[0].encode()) for row in rows)
    assert scored["bits_per_byte"] == pytest.approx(wanted / math.log(2) / bytes_, rel=1e-4)


@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_pieces_of_the_vocabularys_logits_change_neither_loss_nor_gradients(monkeypatch, objective):
    task = LanguageModeling(objective=objective)
    rows = parsed(task, "Once upon a time", LONG, "It rained and nobody minded")
    schema = task.learn(rows)
    features = tiny_models.encoded(task, rows, schema, ROOMY)
    found = []
    for piece in (7, 10_000):
        monkeypatch.setattr(whet.nn.packed, "PIECE", piece)
        model = tiny_models.engine(task.head(schema))
        loss = task.loss(model, collate(features), schema)
        loss.backward()
        gradients = [p.grad.flatten() for p in model.network.parameters() if p.grad is not None]
        found.append((float(loss.detach()), torch.cat(gradients)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    largest = float(found[1][1].abs().max())  # sums run in another order, so small entries agree only by its measure
    assert float((found[0][1] - found[1][1]).abs().max()) < 1e-4 * largest


def test_blocks_of_a_document_see_no_other_document():
    task = LanguageModeling()
    schema = Schema("causal")
    model = tiny_models.engine(task.head(schema))
    both = tiny_models.encoded(task, parsed(task, LONG, "The sun."), schema, Limits(16, "windows"))
    alone = tiny_models.encoded(task, parsed(task, LONG), schema, Limits(16, "windows"))
    one = tiny_models.answers(task, model, both, schema)[0].answer
    other = tiny_models.answers(task, model, alone, schema)[0].answer
    assert one["log_likelihood"] == pytest.approx(other["log_likelihood"], rel=1e-5)
    assert one["tokens"] == len(tiny_models.tokenizer()(LONG, add_special_tokens=False)["input_ids"]) - 1


@pytest.mark.parametrize("long_text", ["head", "head_tail", "windows"])
def test_bits_a_byte_count_only_the_bytes_that_were_read(long_text: LongText):
    """By the definition: the surprise in bits over the UTF-8 length of what the blocks cover, in both predictors."""
    task = LanguageModeling()
    rows = parsed(task, LONG, "The sun.")
    schema = task.learn(rows)
    features = tiny_models.encoded(task, rows, schema, Limits(16, long_text))
    answers = tiny_models.answers(task, tiny_models.engine(task.head(schema)), features, schema)
    split = Split("test", tuple(rows), tuple(features))
    covered = {i for feature in features if feature.index == 0 for i in range(*feature.span)}
    read = "".join(char for i, char in enumerate(LONG) if i in covered)
    cut = any(feature.cut for feature in features)
    assert cut == (long_text != "windows") == (len(read.encode()) < len(LONG.encode()) / 2)
    bytes_ = len((read if cut else LONG).encode()) + len(b"The sun.")
    for found in (answers, task.baseline(split, split, schema)):
        nats = -sum(one.answer["log_likelihood"] for one in found)
        scored = task.score([Pair(*both) for both in zip(rows, found, strict=True)], schema).values()
        assert scored["bits_per_byte"] == pytest.approx(nats / math.log(2) / bytes_)
        assert ("seen" in (found[0].details or {})) == cut and found[1].details is None


def test_hiding_follows_berts_shares():
    ids = (101, *range(1000, 5000), 102)
    hidden = hide(ids, (103, 30_000, 1, len(ids) - 1), 0.15, seed=3)
    assert len(hidden.places) == 600 == len(set(hidden.places)) and 0 not in hidden.places
    assert [ids[place] for place in hidden.places] == list(hidden.truth)
    shown = np.array([hidden.ids[place] for place in hidden.places])
    masked, same = (shown == 103).mean(), (shown == np.array(hidden.truth)).mean()
    assert masked == pytest.approx(0.8, abs=0.05) and same == pytest.approx(0.1, abs=0.04)
    untouched = set(range(len(ids))) - set(hidden.places)
    assert all(hidden.ids[i] == ids[i] for i in untouched)
    assert hide(ids, (103, 30_000, 1, 4001), 0.15, 3) == hidden != hide(ids, (103, 30_000, 1, 4001), 0.15, 4)
    assert len(hide((101, 7, 102), (103, 100, 1, 2), 0.15, 0).places) == 1


def test_training_hides_anew_by_the_seed_and_measuring_always_alike():
    task = LanguageModeling(objective="masked")
    rows = parsed(task, "Once upon a time there was a little boat and it sailed", "It rained all day long")
    schema = task.learn(rows)
    features = tiny_models.encoded(task, rows, schema, ROOMY)
    model = tiny_models.engine(task.head(schema))

    def losses(seeds):
        found = []
        for seed in seeds:
            torch.manual_seed(seed)
            with torch.inference_mode():
                found.append(float(task.loss(model, collate(features), schema)))
        return found

    measured = losses([0, 1])
    assert measured[0] == measured[1]
    model.network.train()
    for module in model.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    drawn = losses([0, 1, 0])
    assert drawn[0] == drawn[2] != drawn[1]
    assert sum(feature.supervised for feature in features) == 2 + 1
    scored = task.score(
        [Pair(*b) for b in zip(rows, tiny_models.answers(task, model, features, schema), strict=True)], schema
    )
    assert set(scored.measures) == {"perplexity", "loss"}


def test_supervised_tokens_are_those_that_are_told():
    causal, masked = LanguageModeling(), LanguageModeling(objective="masked")
    (feature,) = causal.encode(parsed(causal, "a b c")[0], 0, tiny_models.tokenizer(), ROOMY, Schema("causal"))
    assert causal.describe(feature) == [1, 2] and feature.supervised == 2
    (feature,) = masked.encode(parsed(masked, "a b c")[0], 0, tiny_models.tokenizer(), ROOMY, Schema("masked"))
    assert masked.describe(feature) == [1, 2, 3] and feature.supervised == 1


def test_the_baseline_knows_only_how_frequent_tokens_are():
    task = LanguageModeling()
    rows = parsed(task, "a a a b", "a b b")
    schema = task.learn(rows)
    features = tuple(tiny_models.encoded(task, rows, schema, ROOMY))
    split = Split("train", tuple(rows), features)
    found = task.baseline(split, split, schema)
    a, b = tiny_models.tokenizer().convert_tokens_to_ids(["a", "b"])
    total = 5 + max(a, b) + 1
    wanted = 2 * math.log(total / 3) + math.log(total / 4)
    assert found[0].answer["log_likelihood"] == pytest.approx(-wanted) and found[0].answer["tokens"] == 3
    assert math.isnan(
        task.baseline(Split("train", tuple(rows)), Split("t", tuple(rows)), schema)[0].answer["perplexity"]
    )


def test_options_that_lose_tokens_or_cannot_work_are_refused():
    with pytest.raises(UsageError, match="overlap"):
        LanguageModeling(overlap=0)
    with pytest.raises(UsageError, match="masked_share"):
        LanguageModeling(masked_share=1.0)
    task = LanguageModeling()
    with pytest.raises(UsageError, match="max_tokens"):
        task.encode(parsed(task, LONG)[0], 0, tiny_models.tokenizer(), Limits(1, "windows"), Schema("causal"))
    with pytest.raises(DataError, match="no documents"):
        task.learn([])
