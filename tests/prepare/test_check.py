"""The data check against counting by hand, and the near-duplicate search against trying every pair."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from prepare.made_rows import examples
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


def test_two_hundred_equal_rows_are_no_burden():
    found = describe({"train": examples(["a"] * 200, ["w x y z"] * 200), "test": examples(["a"], ["w x y z."])}, ("a",))
    assert found["shared"]["train-test"] == {"identical": 0, "near": 1, "rows": [1]}
