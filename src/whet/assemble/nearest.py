"""Which rows the model learnt from are nearest to a row: by cosine, in the states of its last block.

A row's place is the mean of its states; the head reads no more of the trunk than these. What stands near there is what
the tuned model takes for alike, which is not always what people would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from whet.assemble.answers import as_row
from whet.assemble.model import Model
from whet.core import draws
from whet.nn.heads import segment_mean
from whet.prepare.batch import sweep
from whet.prepare.encode import encode
from whet.tasks.contract import Example, Pair, Prediction, Split

MOST = 2000
"""Training rows that are looked at; of more so many are drawn, by a seed: a few per cent of a training on all."""
SHOWN = 3


@dataclass(frozen=True)
class Learnt:
    """Rows that a model learnt from, as far as they are looked at; ``of`` counts all there are."""

    examples: Sequence[Example]
    originals: Sequence[Mapping[str, Any]]
    of: int


@dataclass(frozen=True)
class Neighbours:
    """Rows with their places ``[rows, D]``, each of length 1."""

    learnt: Learnt
    places: np.ndarray

    def nearest(self, places_bd: np.ndarray, shown: int = SHOWN) -> list[list[dict[str, Any]]]:
        """For each place the nearest rows, nearest first, as in ``predictions/*.jsonl`` with their ``similarity``."""
        alike_bn = places_bd @ self.places.T
        order_bk = np.argsort(-alike_bn, 1, kind="stable")[:, :shown]
        return [
            [self._told(int(k), float(alike[k])) for k in order]
            for alike, order in zip(alike_bn, order_bk, strict=True)
        ]

    def _told(self, k: int, alike: float) -> dict[str, Any]:
        example = self.learnt.examples[k]
        row = as_row(example.row, self.learnt.originals[k], Pair(example, Prediction(None)))
        return {name: value for name, value in row.items() if name != "prediction"} | {"similarity": alike}


def drawn(examples: Sequence[Example], originals: Sequence[Mapping[str, Any]], seed: int, most: int = MOST) -> Learnt:
    """At most so many rows, by a seeded draw, in their order."""
    count = len(examples)
    chosen = range(count)
    if count > most:
        chosen = sorted(draws.generator(seed, "nearest").choice(count, most, replace=False).tolist())  # type: ignore[assignment]
    return Learnt([examples[k] for k in chosen], [originals[k] for k in chosen], count)


def neighbours(model: Model, learnt: Learnt) -> Neighbours:
    """The rows with their places, which takes a look at each."""
    return Neighbours(learnt, places(model, learnt.examples))


def places(model: Model, examples: Sequence[Example]) -> np.ndarray:
    """Each row's mean state ``[rows, D]``, of length 1; the windows of a long one count by their tokens."""
    encoded = encode(Split("rows", examples), model.task, model.tokenizer, model.limits, model.schema)
    sums_nd: np.ndarray | None = None
    model.network.eval()
    for window in sweep(encoded.split.features, model.tokens_per_batch):
        for batch in window:
            with torch.inference_mode():
                means_bd = segment_mean(model.engine.states(batch.flat), batch.flat.lengths).cpu().numpy()
            if sums_nd is None:
                sums_nd = np.zeros((len(examples), means_bd.shape[1]), np.float32)
            for feature, mean_d in zip(batch.features, means_bd, strict=True):
                sums_nd[feature.index] += mean_d * len(feature.ids)
    assert sums_nd is not None
    lengths_n = np.linalg.norm(sums_nd, axis=1, keepdims=True)
    found: np.ndarray = sums_nd / np.maximum(lengths_n, 1e-12)
    return found
