"""Rows in two splits: found, refused above one in a hundred, dropped from training, or allowed."""

from __future__ import annotations

import pytest

from prepare.made_rows import examples
from whet.core.errors import DataError
from whet.prepare.leaks import leaks, settle
from whet.prepare.prints import read_prints

LONG = " ".join(f"word{place}" for place in range(20))
NAMES = {"train": "train.csv", "test": "test.csv"}


def splits(test_labels, test_texts, train_labels=None, train_texts=None):
    train = train_texts or [f"text {place}" for place in range(8)] + [LONG, "the rare one"]
    return {
        "train": read_prints(examples(train_labels or ["a", "b"] * 4 + ["a", "rare"], train)),
        "test": read_prints(examples(test_labels, test_texts)),
    }


def test_positions_on_both_sides():
    rows = splits(["a"] * 4, ["new", "TEXT  3", LONG + " more", "text 33"])
    found = leaks(rows)["train", "test"]
    assert (found.exact.tolist(), found.near.tolist(), found.sources.tolist()) == ([1], [2], [3, 8])
    assert found.every.tolist() == [1, 2]
    rows = splits(["a"], [LONG])
    assert leaks(rows)["train", "test"].every.tolist() == [0]


def test_the_names_of_all_that_leaks_are_in_the_error():
    rows = splits(["a"] * 99, ["text 3", *(f"other {place}" for place in range(98))])
    with pytest.raises(DataError) as error:
        settle(leaks(rows), rows, NAMES, "error")
    said = str(error.value)
    for part in (
        "1 of 99 test rows (1.0%)",
        "1 of them exactly: rows 1",
        "in training rows 4",
        "test.csv and train.csv",
    ):
        assert part in said
    assert "data.on_leak=drop" in said and "data.on_leak=allow" in said


def test_one_in_a_hundred_is_no_error():
    rows = splits(["a"] * 100, ["text 3", *(f"other {place}" for place in range(99))])
    kept, said = settle(leaks(rows), rows, NAMES, "error")
    assert len(kept) == 10 and said == []


def test_validation_rows_are_no_error():
    rows = splits(["a"], ["text 3"])
    rows = {"train": rows["train"], "validation": rows["test"]}
    assert len(settle(leaks(rows), rows, NAMES, "error")[0]) == 10


def test_dropping_takes_from_training_and_leaves_every_label():
    rows = splits(["a"] * 3, ["text 3", LONG, "the rare one"])
    kept, said = settle(leaks(rows), rows, NAMES, "drop")
    assert kept.tolist() == [0, 1, 2, 4, 5, 6, 7, 9]
    assert said == [
        "data.on_leak=drop: 2 training rows that stand in another split are dropped; 1 stay, for they alone have their label"
    ]
    train = rows["train"].pick(kept)
    assert leaks({"train": train, "test": rows["test"]})["train", "test"].every.tolist() == [2]
    assert len(settle(leaks(rows), rows, NAMES, "allow")[0]) == 10
