"""Near copies against trying every pair, planted copies, and inputs on which a careless search never ends."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prepare.made_rows import examples
from prepare.oracle import joined, near_duplicates
from whet.prepare import meeting, near, prints
from whet.prepare.prints import read_prints

FORM = [f"word{place}" for place in range(70)]


def of(texts):
    return read_prints(examples(["a"] * len(texts), texts))


@st.composite
def alike(draw):
    """Some texts and their edited copies, over few words, so that many meet."""
    chance = random.Random(draw(st.integers(0, 10**6)))
    words = [f"w{place}" for place in range(chance.choice([3, 8, 300]))]
    bases = [[chance.choice(words) for _ in range(chance.randint(1, 90))] for _ in range(chance.randint(1, 4))]
    texts = []
    for _ in range(chance.randint(1, 30)):
        text = list(chance.choice(bases))
        for _ in range(chance.randint(0, 4)):
            place = chance.randrange(len(text))
            text[place : place + chance.randint(0, 1)] = [chance.choice(words)] * chance.randint(0, 2) or ["x"]
        texts.append(chance.choice([" ", "  ", ", "]).join(text).replace("w1", chance.choice(["w1", "W1"])))
    return texts


@settings(deadline=None, max_examples=60)
@given(alike(), st.sampled_from([1, 2, 32]))
def test_groups_are_those_of_all_pairs(texts, short):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(meeting, "SHORT", short)
        found = near.groups(of(texts))
    assert found.whole and found.numbers.tolist() == joined(texts)


@settings(deadline=None, max_examples=60)
@given(alike(), st.sampled_from([1, 2, 32]), st.integers(0, 99))
def test_what_other_splits_have_is_what_all_pairs_say(texts, short, seed):
    side = np.random.default_rng(seed).integers(0, 3, len(texts))
    rows = {str(name): np.flatnonzero(side == name) for name in range(3)}
    whole = of(texts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(meeting, "SHORT", short)
        found = near.reached({name: whole.pick(places) for name, places in rows.items()})
    pairs = near_duplicates(texts)
    for name, places in rows.items():
        for place, bits in zip(places, found.splits[name], strict=True):
            for bit, other in enumerate(rows):
                has = any((min(place, q), max(place, q)) in pairs for q in rows[other])
                assert other == name or bool(bits & (1 << bit)) == has


def test_planted_copies_are_all_found():
    chance = random.Random(0)
    bases = [[f"n{chance.randrange(5000)}" for _ in range(60)] for _ in range(200)]
    copies = []
    for text in bases:
        edited = list(text)
        edited[chance.randrange(60)] = "changed"  # 58 shingles, three of them others: 55 / 61 = 0.902
        copies.append(chance.choice([", ", "  ", " "]).join(edited).upper() + "!")
    numbers = near.groups(of([" ".join(text) for text in bases] + copies)).numbers
    assert numbers[:200].tolist() == numbers[200:].tolist() == list(range(200))


def test_one_word_of_forty_changed_is_another_text():
    other = [*FORM[:20], "changed", *FORM[21:40]]
    assert near.groups(of([" ".join(FORM[:40]), " ".join(other)])).numbers.tolist() == [0, 1]


def test_short_texts_are_one_only_where_they_are_equal():
    texts = ["A good  film", "a GOOD film", "a good film!", "...", "!!!", "", " "]
    assert near.groups(of(texts)).numbers.tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_a_chinese_character_is_a_word():
    text = "这家酒店非常好我们很喜欢"
    assert near.groups(of([text, text + "。", text[:-1] + "a"])).numbers.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "texts",
    [
        ["the same words in each and every row here"] * 3000,
        [" ".join([*FORM[:15], str(i), *FORM[15:]]) for i in range(3000)],
        sorted(" ".join(FORM[:40] if i % 2 else FORM[40:] + FORM[:9]) + f" {i}" for i in range(3000)),
    ],
)
def test_rows_that_are_alike_are_not_compared_each_with_each(texts, monkeypatch):
    """3,000 rows make 4.5 million pairs."""
    monkeypatch.setattr(meeting, "MOST_STEPS", 100_000)
    found = near.groups(of(texts))
    assert found.whole and found.numbers.max() <= 1


def test_forms_with_several_fields_are_not_near_and_cost_nothing(monkeypatch):
    monkeypatch.setattr(meeting, "MOST_STEPS", 100_000)
    texts = [" ".join([f"a{i}", *FORM[:20], f"b{i}", *FORM[20:40], f"c{i}", *FORM[40:55]]) for i in range(3000)]
    found = near.groups(of(texts))
    assert found.whole and found.numbers.max() == 2999


def test_several_forms_in_one_list_cost_a_round_each(monkeypatch):
    """Seven stretches of a ring of words, a hundred of each: every shingle is as rare as the others."""
    monkeypatch.setattr(meeting, "MOST_STEPS", 30_000)
    ring = FORM * 2
    texts = [" ".join([*ring[10 * (i % 7) : 10 * (i % 7) + 50], str(i)]) for i in range(700)]
    found = near.groups(of(texts))
    assert found.whole and found.numbers.tolist() == [i % 7 for i in range(700)]


def test_words_and_the_fewest_that_may_be_near():
    assert of(["ab中文cd 3", "这家", "don't"]).words.tolist() == [5, 2, 2]
    seven, eight = "one two three four five six seven", "one two three four five six seven eight"
    assert near.groups(of([seven, seven + "!", eight, eight + "!"])).numbers.tolist() == [0, 1, 2, 2]


def test_a_search_that_is_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(meeting, "MOST_STEPS", 1000)
    chance = random.Random(0)
    texts = [" ".join(chance.choice("abc") for _ in range(20)) for _ in range(300)]
    assert not near.groups(of(texts)).whole
    assert not near.reached({"train": of(texts[:150]), "test": of(texts[150:])}).whole


def test_too_many_shingles_are_not_kept(monkeypatch):
    monkeypatch.setattr(prints, "MOST_SHINGLES", 20)
    found = of([" ".join(FORM)] * 2)
    assert found.shingles is None
    groups = near.groups(found)
    assert not groups.whole and groups.numbers.tolist() == [0, 0]


def test_chunks_change_nothing(monkeypatch):
    texts = [f"{i} " + " ".join(FORM[i % 30 : i % 30 + 25]) for i in range(80)]
    whole = of(texts)
    monkeypatch.setattr(prints, "CHUNK", 300)
    parts = of(texts)
    for name in ("rows", "texts", "words", "sets", "sizes", "odd", "shingles", "starts"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


DRAWN = """
from prepare.made_rows import examples
from whet.prepare.split import folds, take, thin, mixed
from whet.prepare.prints import read_prints
rows = examples(["a", "b", "c"] * 40, [f"some words of row {i // 2} and more of the same kind" for i in range(120)])
prints = read_prints(rows)
print(take(rows, 12, 0, "test"), folds(rows, 4, 0), thin(rows, 20, 0, "x"), mixed([9, 9], [0.5, 1.3], 0))
print(prints.texts, prints.sets, prints.shingles)
"""


def test_every_process_draws_the_same():
    said = set()
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        said.add(
            subprocess.run([sys.executable, "-c", DRAWN], env=env, capture_output=True, text=True, check=True).stdout
        )
    assert len(said) == 1
