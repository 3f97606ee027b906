"""Weak slices: planted ones are found, whatever they are; where there are none, nothing is found 95 times of 100."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from whet.core import draws
from whet.judge import slices
from whet.judge.columns import Column
from whet.judge.slices import LEVEL, Asked, adjusted, ask, most_groups, weakest
from whet.judge.traits import FEWEST, Condition, Group, Traits, words
from whet.tasks.contract import Example, Pair, Prediction

WORDS = (
    "the",
    "film",
    "was",
    "long",
    "and",
    "slow",
    "but",
    "my",
    "friend",
    "who",
    "loves",
    "music",
    "saw",
    "it",
    "twice",
)
SHOPS = ("north", "south", "east", "west")
ROWS = 400


def made(seed, rows=ROWS):
    """Rows of a shop with a text, columns of every kind, and some unknown tokens: the traits and the cells."""
    random, traits, cells = draws.generator(seed, "rows"), Traits(("text", "label")), []
    for k in range(rows):
        text = " ".join(random.choice(WORDS, random.integers(5, 14)))
        text += " Not for me." * bool(random.random() < 0.3)
        own = {
            "text": text,
            "label": "x",
            "shop": SHOPS[int(random.integers(4))],
            "price": float(random.normal(10, 3)),
            "id": 1000 + k,
            "day": f"2024-{1 + int(random.integers(12)):02d}-{1 + int(random.integers(28)):02d}",
            "echo": k % 2,
        }
        unknown = 0.2 * bool(random.random() < 0.25)
        traits.add(Pair(Example(k + 1, (text,), "ab"[k % 2]), Prediction("a")), own, unknown)
        cells.append({**own, "unknown": unknown})
    return traits, cells


def found_where(test, low=0.5, seed=3):
    """The conditions of what is found where the model is right in 9 of 10 rows, and in ``low`` of those that pass."""
    traits, cells = made(seed)
    random = draws.generator(seed, "right")
    right = np.array([random.random() < (low if test(one) else 0.9) for one in cells], float)
    return [one.group.conditions for one in weakest(ask(traits.groups(most_groups(ROWS)), right, seed), right)]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (lambda row: row["shop"] == "east", {("column", "shop", "east")}),
        (lambda row: "music" in row["text"], {("word", "", "music")}),
        (lambda row: "Not" in row["text"], {("sign", "negation", None)}),
        (lambda row: row["unknown"] > 0, {("unknown", "", None)}),
        (lambda row: row["price"] > 11.3, {("column", "price", None)}),
        (lambda row: row["day"] > "2024-08-25", {("column", "day", None)}),
        (lambda row: len(row["text"]) < 38, {("length", "", None)}),
    ],
    ids=["value", "word", "negation", "unknown tokens", "number", "date", "length"],
)
def test_a_planted_slice_is_found(test, expected):
    first, *others = found_where(test)
    assert {(one.kind, one.name, one.value) for one in first} == expected
    assert not others


def test_a_planted_conjunction_is_found_and_not_its_halves():
    (found,) = found_where(lambda row: row["shop"] == "east" and "Not" in row["text"], low=0.2)
    assert {(one.kind, one.name, one.value) for one in found} == {
        ("column", "shop", "east"),
        ("sign", "negation", None),
    }


def test_two_planted_slices_are_both_found():
    found = found_where(lambda row: row["shop"] == "east" or row["unknown"] > 0, low=0.4)
    assert {one.kind for conditions in found for one in conditions} == {"column", "unknown"}


def test_where_nothing_is_planted_nothing_is_found_in_95_of_100_tries(monkeypatch):
    """Every try asks hundreds of overlapping groups of every kind; bounded both ways, for a test that never finds
    anything would pass too."""
    monkeypatch.setattr(slices, "SHUFFLES", 200)
    tries, alarms = 240, 0
    groups = [made(seed, 240)[0].groups(1000) for seed in range(6)]
    assert min(map(len, groups)) > 60
    for k in range(tries):
        random = draws.generator(k, "luck")
        quality = (random.random(240) < 0.85).astype(float) if k % 2 else random.normal(size=240)
        alarms += bool(weakest(ask(groups[k % 6], quality, k), quality))
    assert binom.ppf(0.001, tries, LEVEL) <= alarms <= binom.ppf(0.999, tries, LEVEL)


def test_p_is_that_of_the_definition():
    """Beside the step-down procedure written out, one shuffle at a time."""
    random = np.random.default_rng(1)
    member, quality = random.random((6, 60)) < 0.4, random.normal(size=60)
    quality[member[2]] -= 1.0
    worse, p = adjusted(member, quality, 5)
    by_hand = [(quality[~m].mean() - quality[m].mean()) * m.sum() * (~m).sum() / 60 for m in member]
    scale = [quality.std() * np.sqrt(m.sum() * (~m).sum() / 60) for m in member]
    np.testing.assert_allclose(worse, np.array(by_hand) / scale, rtol=1e-4)
    shuffles = draws.generator(5, "slices")
    even = ((quality - quality.mean()) / quality.std()).astype(np.float32)
    counts = np.zeros(6)
    order = np.argsort(-worse)
    for _ in range(1000):
        chance = shuffles.permutation(even)
        t = np.array([-chance[m].sum() / np.sqrt(m.sum() * (~m).sum() / 60) for m in member])[order]
        counts += [t[k:].max() >= worse[order][k] - 1e-4 for k in range(6)]
    np.testing.assert_allclose(p[order], np.maximum.accumulate((1 + counts) / 1001), atol=0.002)


def test_rows_without_a_quality_are_left_out():
    traits, cells = made(3)
    random = draws.generator(3, "right")
    right = np.array([random.random() < (0.3 if one["shop"] == "east" else 0.9) for one in cells], float)
    right[[one["shop"] == "east" for one in cells]] = np.nan
    assert weakest(ask(traits.groups(300), right, 1), right) == []
    assert ask(traits.groups(300), np.ones(ROWS), 1) == []


def test_a_condition_that_says_the_same_alone_goes_before_two():
    member = np.arange(200) < 60
    shop, word = Condition("column", "shop", "east"), Condition("word", value="slow")
    both = Asked(Group((shop, word), member & (np.arange(200) < 55)), 6.0, 0.001)
    alone = Asked(Group((shop,), member), 5.9, 0.001)
    quality = np.where(member, 0.0, 1.0)
    assert weakest([both, alone], quality) == [alone]


def test_a_condition_tells_only_what_is_there_and_an_empty_cell_is_there():
    assert Condition("length", low=0.0, high=9.0).as_dict() == {"kind": "length", "low": 0.0, "high": 9.0}
    assert Condition("column", "shop", "").as_dict() == {"kind": "column", "name": "shop", "value": ""}
    assert Condition("sign", "digits").as_dict() == {"kind": "sign", "name": "digits"}


def test_groups_are_large_enough_differ_and_are_bounded():
    traits, _ = made(4)
    groups = traits.groups(50)
    assert len(groups) == 50
    assert all(FEWEST <= group.rows <= ROWS - FEWEST for group in groups)
    assert len({group.member.tobytes() for group in groups}) == 50
    assert {one.kind for group in traits.groups(1000) for one in group.conditions} == {
        "length",
        "unknown",
        "column",
        "word",
        "sign",
    }


def test_columns_that_tell_nothing_are_not_asked():
    traits, _ = made(5)
    asked = {one.name for group in traits.groups(1000) for one in group.conditions if one.kind == "column"}
    assert asked == {
        "shop",
        "price",
        "day",
    }  # neither the roles, nor what counts the rows, nor another writing of label


def column(values):
    found = Column()
    for row, value in enumerate(values):
        found.add(row, value)
    return found


def test_a_column_is_asked_by_value_or_by_thirds():
    values = [None, "a", "b", "a"] * 25
    parts = column(values).parts(100, 20)
    assert {part.value: int(part.member.sum()) for part in parts} == {"": 25, "a": 50, "b": 25}
    by_thirds = column([str(k / 7) for k in range(99)]).parts(99, 20)
    assert [int(part.member.sum()) for part in by_thirds if part.value is None] == [33, 33, 33]
    assert column(range(99)).parts(99, 20) == []
    dates = column([f"2024-01-{1 + k % 28:02d}" for k in range(84)]).parts(84, 20)
    assert next(part.low for part in dates if part.value is None) == "2024-01-01 00:00:00"
    assert not column(["x" * 61, "y"]).told(2, np.array([1, 2]))
    assert not column(["same"] * 9).told(9, np.arange(9))


def test_a_column_that_begins_late_is_empty_before():
    late = Column(3)
    for row, value in ((3, "x"), (5, "x")):
        late.add(row, value)
    (empty, x) = late.parts(7, 1)
    assert np.flatnonzero(x.member).tolist() == [3, 5] and int(empty.member.sum()) == 5


def test_words_are_small_and_chinese_falls_into_pairs():
    assert words("The film, the FILM: don't 3") == ["the", "film", "don't"]
    assert words("我不喜欢 it") == ["我不", "不喜", "喜欢", "it"]
