"""The data check against counting by hand, and the near-duplicate search against trying every pair."""

from __future__ import annotations

import time
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from prepare.made_rows import examples
from whet.prepare import check
from whet.prepare.check import describe, near_duplicates, remarks

LONG = "the quick brown fox jumps over the lazy dog and then it runs away from all of the other dogs it has seen"


def shingles(text):
    words = text.split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))} if words else set()


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=12),
    st.sampled_from([0.2, 0.5, 0.75, 0.9, 1.0]),
)
def test_near_duplicates_are_exactly_those_of_all_pairs(texts, threshold):
    first = {}
    expected = {}
    for place, text in enumerate(texts):
        if text and shingles(text):
            first.setdefault(frozenset(shingles(text)), place)
    for i, j in combinations(range(len(texts)), 2):
        a, b = shingles(texts[i]), shingles(texts[j])
        if not a or not b:
            continue
        score = len(a & b) / len(a | b)
        leading = first[frozenset(a)] == i and (first[frozenset(b)] == j or score == 1)
        if leading and score >= threshold - 1e-9:
            expected[i, j] = score
    found = {(pair.first, pair.second): pair.similarity for pair in near_duplicates(texts, threshold)}
    assert found == expected


def test_case_and_punctuation_do_not_hide_a_copy_and_chinese_characters_are_words():
    assert len(near_duplicates(["A good, good film!", "a good good film"])) == 1
    assert len(near_duplicates(["这家酒店非常好我们很喜欢" * 3, "这家酒店非常好我们很喜欢。" * 3], 0.9)) == 1
    assert near_duplicates(["这家酒店很好", "那部电影不行"], 0.5) == []
    assert near_duplicates(["...", "!!!", ""]) == []


def test_the_check_counts():
    splits = {
        "train": examples(["a", "b", "a", "a"], ["one two three four", "x y z", "X  y z", LONG]),
        "test": examples(["a", "B"], ["one two three four", LONG + " today"]),
    }
    found = describe(splits, ("a", "b", "B"))
    assert found["splits"]["train"]["rows"] == 4
    assert found["splits"]["train"]["classes"] == {"a": 3, "b": 1}
    assert found["splits"]["train"]["copies"] == 1
    assert found["splits"]["train"]["contradictions"] == 1
    assert found["labels_alike"] == [["b", "B"]]
    assert found["shared"] == {"train-test": {"identical": 1, "near": 1, "rows": [1, 2]}}
    assert remarks(found) == [
        "1 test rows stand in the training rows too, and 1 nearly so (rows 1, 2)",
        "the labels b and B differ only in their writing",
    ]


def test_thousands_of_equal_rows_are_no_burden():
    """Near to each other all of them, n rows would be n * n pairs: here 4e8."""
    texts = {"train": ["w x y z"] * 10_000 + ["W, x y z!"] * 10_000, "test": ["w x y z."]}
    splits = {name: examples(["a"] * len(own), own) for name, own in texts.items()}
    began = time.perf_counter()
    found = describe(splits, ("a",))
    assert found["shared"]["train-test"] == {"identical": 0, "near": 1, "rows": [1]}
    assert time.perf_counter() - began < 10


def test_texts_without_a_word_are_near_to_none():
    found = describe({"train": examples(["a"], ["..."]), "test": examples(["a"], ["!!!"])}, ("a",))
    assert found["shared"]["train-test"] == {"identical": 0, "near": 0, "rows": []}


def test_too_many_words_are_not_searched_and_it_is_said(monkeypatch):
    monkeypatch.setattr(check, "MOST_WORDS", 20)
    splits = {"train": examples(["a"] * 2, [LONG, "x"]), "test": examples(["a"] * 2, ["x", LONG + "."])}
    found = describe(splits, ("a",))
    assert found["shared"]["train-test"] == {"identical": 1, "near": None, "rows": [1]}
    assert remarks(found) == [
        "1 test rows stand in the training rows too (rows 1)",
        "near copies across the splits are not searched: the texts have over 20 words",
    ]
