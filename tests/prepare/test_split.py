"""Made splits: nothing lost, nothing twice, equal texts together, labels in proportion, the same every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepare.made_rows import examples
from whet.core.errors import DataError
from whet.prepare.prints import fold
from whet.prepare.split import folds, mixed, share, take, thin, thinned
from whet.tasks.contract import Example

labels = st.lists(st.sampled_from("aaabbc"), min_size=1, max_size=120)


@given(labels, st.integers(0, 3), st.data())
def test_taking(drawn, seed, data):
    texts = [data.draw(st.sampled_from([f"text {place}", "the same", "THE  same"])) for place in range(len(drawn))]
    rows = examples(drawn, texts)
    taken = take(rows, max(1, len(rows) // 10), seed, "test").tolist()
    assert taken == sorted(set(taken)) == take(rows, max(1, len(rows) // 10), seed, "test").tolist()
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
    assert take(examples(["one"], ["one"]), 1, 0, "test").tolist() == []


@given(labels, st.integers(1, 130))
def test_thinning(drawn, most):
    kept = thin(examples(drawn), most, 0, "train").tolist()
    assert kept == sorted(set(kept)) and len(kept) == min(most, len(drawn))
    share = Counter(drawn[place] for place in kept)
    for label, times in Counter(drawn).items():
        assert abs(share[label] - times * len(kept) / len(drawn)) <= 1.5


def test_near_texts_stay_together():
    base = [[f"w{row}x{place}" for place in range(20)] for row in range(30)]
    texts = [" ".join(text) for text in base] + [" ".join([*text, "more"]) for text in base]
    for seed in range(5):
        taken = set(take(examples(["a", "b"] * 30, texts), 10, seed, "test").tolist())
        assert 8 <= len(taken) <= 12 and all((place in taken) == (place + 30 in taken) for place in range(30))


def test_a_group_too_large_for_a_split_stays_and_the_others_are_drawn():
    texts = ["the same"] * 300 + [f"text {place}" for place in range(700)]
    for seed in range(20):
        taken = take(examples(["a"] * 1000, texts), 100, seed, "test")
        assert taken.min() >= 300 and len(taken) == 70
    assert len(take(examples(["a"] * 6, ["x", "x", "y", "y", "z", "z"]), 1, 0, "test")) == 2
    assert len(take(examples(["a"] * 6, ["x"] * 6), 1, 0, "test")) == 0


@given(labels, st.integers(2, 5), st.integers(0, 3), st.data())
def test_folds(drawn, k, seed, data):
    texts = [data.draw(st.sampled_from([f"text {place}", "the same", "THE  same"])) for place in range(len(drawn))]
    rows = examples(drawn, texts)
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        groups.setdefault(fold(text), []).append(place)
    if len(groups) < k:
        with pytest.raises(DataError, match="folds"):
            folds(rows, k, seed)
        return
    found = folds(rows, k, seed)
    assert len(found) == len(rows) and set(found.tolist()) <= {*range(-1, k)}
    assert all(len({int(found[place]) for place in places}) == 1 for places in groups.values())
    for one in range(k):
        measured = {label for label, where in zip(drawn, found, strict=True) if where == one}
        assert measured <= {label for label, where in zip(drawn, found, strict=True) if where != one}


def test_folds_are_even():
    drawn = ["a"] * 60 + ["b"] * 31 + ["c"] * 10
    found = folds(examples(drawn), 5, 0)
    assert -1 not in found
    for label in "abc":
        counts = Counter(int(found[place]) for place in range(len(drawn)) if drawn[place] == label)
        assert len(counts) == 5 and max(counts.values()) - min(counts.values()) <= 1
    assert not np.array_equal(found, folds(examples(drawn), 5, 1))


@given(
    st.lists(st.sampled_from(["a", "b", ("a", "b"), ("b", "c"), ("d",)]), min_size=4, max_size=12), st.integers(0, 9)
)
def test_folds_leave_every_label_in_training(drawn, seed):
    found = folds(examples(drawn), 2, seed)
    for one in range(2):
        sides = [
            {x for label, f in zip(drawn, found, strict=True) if (f == one) == here for x in label} for here in (1, 0)
        ]
        assert sides[0] <= sides[1]


def test_rare_sets_of_labels_are_drawn_together():
    assert len(take(examples(list(combinations("abcdefghijkl", 2))), 10, 0, "test")) == 10


def test_the_only_text_with_a_label_is_in_every_training():
    found = folds(examples(["a"] * 10 + ["rare"]), 3, 0)
    assert found[10] == -1 and -1 not in found[:10]


def test_thinning_several_splits_leaves_no_label_that_training_lost():
    splits = {"train": examples(["a"] * 40 + ["rare"]), "test": examples(["a", "rare"] * 3)}
    found = thinned(splits, 10, 0)
    assert len(found["train"]) == 10 and 40 not in found["train"]
    assert found["test"].tolist() == [0, 2, 4]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 0.5, 1, 1.3, 2, 2.25])), max_size=4), st.integers(0, 3)
)
def test_mixing(sources, seed):
    counts, weights = [count for count, _ in sources], [weight for _, weight in sources]
    found = [tuple(pair) for pair in mixed(counts, weights, seed).tolist()]
    assert found == sorted(found) == [tuple(pair) for pair in mixed(counts, weights, seed).tolist()]
    times = Counter(found)
    for source, (count, weight) in enumerate(sources):
        own = [times[source, place] for place in range(count)]
        assert sum(own) == int(weight) * count + round((weight - int(weight)) * count)
        assert set(own) <= {int(weight), int(weight) + (weight != int(weight))}
    assert all(place < counts[source] for source, place in found)


def test_mixing_draws_other_rows_with_other_seeds():
    assert mixed([100], [0.5], 0).tolist() != mixed([100], [0.5], 1).tolist()


class Lazy(Sequence):
    """Rows that are made anew each time, as those on disk are."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        row = self.rows[place]
        return Example(row.row, tuple("".join(list(text)) for text in row.inputs), row.target)


def test_lazy_rows_are_drawn_as_others():
    rows = examples(["a", "b", "c"] * 20)
    assert np.array_equal(take(rows, 9, 0, "test"), take(Lazy(rows), 9, 0, "test"))
    assert np.array_equal(thin(rows, 9, 0, "test"), thin(Lazy(rows), 9, 0, "test"))
    assert np.array_equal(folds(rows, 3, 0), folds(Lazy(rows), 3, 0))


def test_shares_are_nested_stratified_and_keep_every_label():
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 2
    rows = [Example(k + 1, (f"text {k}",), label) for k, label in enumerate(labels)]
    quarter, half = (share(rows, part, 3) for part in (0.25, 0.5))
    assert set(quarter) < set(half) and list(half) == sorted(half)
    counted = [Counter(labels[k] for k in places) for places in (quarter, half)]
    assert abs(counted[0]["a"] - 15) <= 1 and abs(counted[1]["a"] - 30) <= 1
    assert counted[0]["c"] >= 1
    rare = [Example(k + 1, (f"text {k}",), str(k)) for k in range(3)] + rows
    assert {"0", "1", "2"} <= {rare[k].target for k in share(rare, 0.25, 3)}
    assert list(share(rows, 0.25, 4)) != list(quarter)
