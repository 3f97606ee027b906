"""Rows that stand in two splits: a test row that the model has seen in training measures memory, not skill.

Only test rows that stand in training are refused, for they alone make the final score a lie; what the validation
rows share makes the choice of the best weights worse, and is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from whet.core.errors import DataError
from whet.prepare.near import reached
from whet.prepare.prints import Prints

OnLeak = Literal["error", "drop", "allow"]

MOST_LEAKING = 0.01
"""Share of the test rows above which they are refused: the score could be wrong by as much."""


@dataclass(frozen=True)
class Leak:
    """Rows of a later split that stand in an earlier one too, as positions; ``sources`` are their like in the earlier.

    ``near`` is None where near copies were not searched to the end.
    """

    exact: np.ndarray
    near: np.ndarray | None
    sources: np.ndarray

    @property
    def every(self) -> np.ndarray:
        """Exact and near ones, ascending."""
        return self.exact if self.near is None else np.sort(np.concatenate((self.exact, self.near)))


def leaks(splits: Mapping[str, Prints]) -> dict[tuple[str, str], Leak]:
    """For each two splits, in their order, the rows of the later one that stand in the earlier one."""
    found = reached(splits)
    bits = {name: np.uint8(1 << place) for place, name in enumerate(splits)}
    shared = {}
    for early, late in combinations(splits, 2):
        here, there = (np.isin(splits[a].texts, splits[b].texts) for a, b in ((late, early), (early, late)))
        near = ((found.splits[late] & bits[early]) > 0) & ~here
        from_near = ((found.splits[early] & bits[late]) > 0) | there
        shared[early, late] = Leak(
            np.flatnonzero(here), np.flatnonzero(near) if found.whole else None, np.flatnonzero(from_near)
        )
    return shared


def settle(
    shared: Mapping[tuple[str, str], Leak],
    splits: Mapping[str, Prints],
    names: Mapping[str, str],
    on_leak: OnLeak,
) -> tuple[np.ndarray, list[str]]:
    """The positions of the training rows that are kept, and what must be said of it. ``names`` are the splits' files.

    ``drop`` takes rows from training, not from the test split, so that a benchmark's score stays comparable; the
    rows that stand in validation are dropped too. A row stays where its label would be lost. Raises DataError under
    ``error`` where more than one test row in a hundred stands in training.
    """
    train = splits["train"]
    everything = np.arange(len(train))
    test = shared.get(("train", "test"))
    if on_leak == "error" and test is not None and len(test.every) > MOST_LEAKING * len(splits["test"]):
        share = len(test.every) / len(splits["test"])
        raise DataError(
            f"{len(test.every)} of {len(splits['test'])} test rows ({share:.1%}) stand in the training rows too, "
            f"{len(test.exact)} of them exactly: {_rows(splits['test'].rows[test.every])}; "
            f"in training {_rows(train.rows[test.sources])}",
            f"{names.get('test', 'test')} and {names.get('train', 'train')}",
            "data.on_leak=drop takes them out of training, data.on_leak=allow keeps them and scores without them too",
        )
    if on_leak != "drop":
        return everything, []
    sources = [leak.sources for (early, _), leak in shared.items() if early == "train"]
    gone = np.unique(np.concatenate(sources)) if sources else everything[:0]
    kept, spared = _with_labels(train, gone)
    said = []
    if len(gone):
        also = f"; {spared} stay, for they alone have their label" if spared else ""
        count = len(train) - len(kept)
        said.append(f"data.on_leak=drop: {count} training rows that stand in another split are dropped{also}")
    return kept, said


def _with_labels(train: Prints, gone: np.ndarray) -> tuple[np.ndarray, int]:
    """The rows that stay: those not gone, and of each label that would be lost the first row; how many these are."""
    stays = np.ones(len(train), bool)
    stays[gone] = False
    rows, labels = train.targets.owned
    lost = np.setdiff1d(labels, labels[stays[rows]])
    back = np.unique([rows[labels == label][0] for label in lost.tolist()]).astype(np.int64)
    stays[back] = True
    return np.flatnonzero(stays), len(back)


def _rows(rows: Sequence[int] | np.ndarray) -> str:
    more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    return f"rows {', '.join(str(row) for row in rows[:10])}{more}"
