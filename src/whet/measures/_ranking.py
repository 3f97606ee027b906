"""How well probabilities put rows in order, by counting: no resample is sorted.

Every row's place among the different probabilities of a label is found once; a resample is then two counts by place,
and what stands above or below a place is a running sum. Equal probabilities share a place.

Shapes: ``place`` int32 and ``true`` bool are [rows, C], a column a label that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from whet.measures import _labels
from whet.measures.contract import kind_of
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema

Ranked = Callable[[np.ndarray, np.ndarray], float]
"""From the rows at each place, those that carry the label and the others, to a number."""


def columns(pairs: Sequence[Pair], schema: Schema, positive: str | None) -> Mapping[str, np.ndarray]:
    """The places of all labels; where a row has one of two, those of ``positive`` alone, the last where it is None."""
    true, chance = _labels.chances(pairs, schema)
    if len(schema.labels) == 2 and kind_of(next(iter(pairs))) == "label":
        only = 1 if positive is None else schema.labels.index(positive)
        true, chance = true[:, [only]], chance[:, [only]]
    places = [np.unique(column, return_inverse=True)[1].astype(np.int32) for column in chance.T]
    return {"place": np.stack(places, 1), "true": true}


def mean_over_labels(got: Columns, ranked: Ranked) -> float:
    """The mean over the labels that have a value, so over those that some rows carry; NaN where none has."""
    found = []
    for place, true in zip(got["place"].T, got["true"].T, strict=True):
        size = int(place.max(initial=0)) + 1
        with_it = np.bincount(place[true], minlength=size)
        found.append(ranked(with_it, np.bincount(place, minlength=size) - with_it))
    known = [value for value in found if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def area(with_it: np.ndarray, without: np.ndarray) -> float:
    """The share of (carrier, other) pairs that the probability puts in order, ties by half (Mann and Whitney 1947)."""
    pairs = float(with_it.sum()) * float(without.sum())
    below = np.cumsum(without) - without / 2
    return float(with_it @ below) / pairs if pairs else float("nan")


def average_precision(with_it: np.ndarray, without: np.ndarray) -> float:
    """The mean over carriers of the precision down to each, from the highest place."""
    found, passed = np.cumsum(with_it[::-1]), np.cumsum(without[::-1])
    total = int(found[-1])
    return float(with_it[::-1] @ (found / np.maximum(found + passed, 1))) / total if total else float("nan")
