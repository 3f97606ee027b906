"""Made splits: nothing lost, nothing twice, equal texts together, labels in proportion, the same every time."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prepare.made_rows import examples
from whet.prepare.split import fold, take, thin

labels = st.lists(st.sampled_from("aaabbc"), min_size=1, max_size=120)


@given(labels, st.integers(0, 3), st.data())
def test_taking(drawn, seed, data):
    texts = [data.draw(st.sampled_from([f"text {place}", "the same", "THE  same"])) for place in range(len(drawn))]
    rows = examples(drawn, texts)
    taken = take(rows, max(1, len(rows) // 10), seed, "test")
    assert taken == sorted(set(taken)) == take(rows, max(1, len(rows) // 10), seed, "test")
    left = [place for place in range(len(rows)) if place not in set(taken)]
    assert not {fold(texts[place]) for place in taken} & {fold(texts[place]) for place in left}
    assert {drawn[place] for place in taken} <= {drawn[place] for place in left}


def test_the_share_and_its_proportions():
    drawn = ["a"] * 600 + ["b"] * 300 + ["c"] * 100
    taken = take(examples(drawn), 100, 0, "test")
    assert Counter(drawn[place] for place in taken) == {"a": 60, "b": 30, "c": 10}


def test_other_seeds_and_sites_draw_other_rows():
    rows = examples(["a", "b"] * 100)
    draws = [take(rows, 20, seed, site) for seed, site in ((0, "test"), (1, "test"), (0, "validation"))]
    assert len(set(map(tuple, draws))) == 3


def test_a_label_that_only_one_text_has_stays_to_be_learnt():
    rows = examples(["a"] * 40 + [("a", "rare")] + [("x", "y")] * 2)
    for seed in range(30):
        taken = take(rows, 20, seed, "test")
        assert 40 not in taken and len(taken) >= 18


def test_numbers_are_drawn_by_tenths():
    values = [str(round(place / 100, 2)) for place in range(1000)]
    taken = [float(values[place]) for place in take(examples(values), 100, 0, "test")]
    assert len(taken) == 100
    assert set(np.histogram(taken, bins=10, range=(0, 10))[0]) <= {9, 10, 11}


def test_texts_that_are_their_own_target_are_drawn_all_the_same():
    texts = [f"story {place}" for place in range(10)]
    assert len(take(examples(texts, texts), 1, 0, "test")) == 1
    assert take(examples(["one"], ["one"]), 1, 0, "test") == []


@given(labels, st.integers(1, 130))
def test_thinning(drawn, most):
    kept = thin(examples(drawn), most, 0, "train")
    assert kept == sorted(set(kept)) and len(kept) == min(most, len(drawn))
    share = Counter(drawn[place] for place in kept)
    for label, times in Counter(drawn).items():
        assert abs(share[label] - times * len(kept) / len(drawn)) <= 1.5
