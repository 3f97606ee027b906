"""Labelled answers as numbers, for the metrics of this shelf: one walk, and nothing is kept but numbers.

K are the model's labels; rows may have others, which it never learnt.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np

from whet.tasks.contract import Pair, Schema


def numbers(pairs: Sequence[Pair], schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """True and given labels, int [rows], as places in the order of all labels, those that only rows have among them."""
    place = {label: number for number, label in enumerate(schema.labels)}
    found = array("q")
    for pair in pairs:
        for label in (str(pair.example.target), str(pair.prediction.answer)):
            found.append(place.setdefault(label, len(place)))
    order = {label: number for number, label in enumerate(sorted(place, key=in_order))}
    both = np.array([order[label] for label in place], np.int64)[np.array(found, np.int64)].reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def in_order(label: str) -> tuple[int, float, str]:
    """A key to sort labels by: numbers by their value, before all that are none."""
    value = value_of(label)
    return (1, 0.0, label) if value is None else (0, value, label)


def value_of(label: str) -> float | None:
    """The number that a label is, if it is one."""
    try:
        value = float(label)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def chances(pairs: Sequence[Pair], schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row carries each label, bool [rows, K], and the probability that it does, float [rows, K]."""
    place = {label: number for number, label in enumerate(schema.labels)}
    told, owners, carried = array("d"), array("q"), array("q")
    for row, pair in enumerate(pairs):
        known = pair.prediction.probabilities or {}
        told.extend(known[label] for label in schema.labels)
        target = pair.example.target
        for label in target if isinstance(target, tuple) else (str(target),):
            if label in place:
                owners.append(row)
                carried.append(place[label])
    chance = np.array(told).reshape(-1, len(schema.labels))
    true = np.zeros(chance.shape, bool)
    true[np.array(owners, np.int64), np.array(carried, np.int64)] = True
    return true, chance
