"""What rows should be answered with, as numbers: what splits are drawn by and classes are counted from.

The targets of a million rows are read once and not kept; a label is its 64-bit hash, and the first thousands
have their names.
"""

from __future__ import annotations

import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from whet.tasks.contract import Example

RARE = 5
"""Strata with fewer rows are drawn together: alone they are too small to share out by a tenth."""

SCALE = 20
"""More different numbers than this are a scale, drawn by tenths of its rows."""

MOST_LABELS = 0.75
"""Labels for a row at most. Two rows have each label in the rarest case that is taken, and of those a fifth may have
been held out already when the next split is drawn."""

MOST_NAMES, LONGEST_NAME = 10_000, 200
"""Labels that are kept by name, and how long one may be: more and longer ones are texts."""


@dataclass(frozen=True)
class Targets:
    """The targets of some rows, in their order.

    Row i names ``labels[starts[i]:starts[i + 1]]``, places in the order in which labels first come; ``names`` holds
    the labels by place, None for one that is not kept. ``numbers`` are the targets where each is a number, or the text
    of one. ``prints`` are hashes of the whole targets, 0 for a missing one. ``echoes``: each stands in its own inputs.
    """

    labels: np.ndarray
    starts: np.ndarray
    names: tuple[str | None, ...]
    numbers: np.ndarray | None
    prints: np.ndarray
    echoes: bool

    def __len__(self) -> int:
        return len(self.prints)

    def pick(self, places: np.ndarray) -> Targets:
        """The targets of some rows; labels keep their places."""
        counts = np.diff(self.starts)[places]
        labels = self.labels[spread(self.starts[:-1][places], counts)]
        numbers = None if self.numbers is None else self.numbers[places]
        return Targets(labels, bounds(counts), self.names, numbers, self.prints[places], self.echoes)

    @cached_property
    def is_scale(self) -> bool:
        return self.numbers is not None and len(np.unique(self.numbers)) > SCALE

    @cached_property
    def has_labels(self) -> bool:
        """Whether the targets are labels: not numbers on a scale, nor texts, which hardly come back."""
        different = len(np.unique(self.labels))
        return not self.echoes and not self.is_scale and different <= max(SCALE, MOST_LABELS * len(self.labels))

    @cached_property
    def owned(self) -> tuple[np.ndarray, np.ndarray]:
        """Every label of a row once: the rows, ascending, and their labels; nothing where there are none."""
        if not self.has_labels or not len(self.labels):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows = np.repeat(np.arange(len(self)), np.diff(self.starts))
        return unique_pairs(rows, self.labels)

    def strata(self) -> np.ndarray:
        """What each row is drawn by: its label or labels, a tenth of all for numbers; rare ones together.

        Strata are numbered as they first come.
        """
        if self.is_scale and self.numbers is not None:
            tenths = np.quantile(self.numbers, np.linspace(0.1, 0.9, 9))
            return numbered(np.searchsorted(tenths, self.numbers))
        rows, labels = self.owned
        counts = np.bincount(rows, minlength=len(self))
        keys = np.zeros(len(self), np.uint64)
        several = counts > 0
        if len(rows):
            sums = np.add.reduceat(mixed(labels.astype(np.uint64) + np.uint64(1)), bounds(counts)[:-1][several])
            keys[several] = sums
        _, places, times = np.unique(keys, return_inverse=True, return_counts=True)
        keys[(counts > 1) & (times[places] < RARE)] = np.uint64(1)
        return numbered(keys)


class Gathering:
    """Targets under way: rows are added one by one, and nothing of them is kept but numbers."""

    def __init__(self) -> None:
        self._labels = array.array("Q")
        self._counts = array.array("q")
        self._prints = array.array("Q")
        self._numbers: array.array[float] | None = array.array("d")
        self._known: dict[str, tuple[int, float | None]] = {}
        self._echoes = True

    def add(self, example: Example) -> None:
        target = example.target
        self._echoes = self._echoes and target in example.inputs
        if isinstance(target, str):
            print_, number = self._label(target)
            self._labels.append(print_)
            self._counts.append(1)
        else:
            labels = labels_in(target)
            for label in labels:
                self._labels.append(self._label(label)[0])
            self._counts.append(len(labels))
            print_, number = 0 if target is None else hash_of(repr(target)), number_in(target)
        self._prints.append(print_)
        if self._numbers is not None and number is not None:
            self._numbers.append(number)
        else:
            self._numbers = None

    def done(self) -> Targets:
        hashes = np.frombuffer(self._labels, np.uint64) if self._labels else np.zeros(0, np.uint64)
        different, first, places = np.unique(hashes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        back = np.empty(len(order), np.int32)
        back[order] = np.arange(len(order))
        by_hash = {known[0]: label for label, known in self._known.items()}
        return Targets(
            back[places],
            bounds(np.array(self._counts, np.int64)),
            tuple(by_hash.get(int(one)) for one in different[order]) if by_hash else (),
            None if self._numbers is None else np.array(self._numbers, float),
            np.array(self._prints, np.uint64),
            self._echoes,
        )

    def _label(self, label: str) -> tuple[int, float | None]:
        found = self._known.get(label)
        if found is None:
            found = (hash_of(label), number_in(label))
            if len(self._known) < MOST_NAMES and len(label) <= LONGEST_NAME:
                self._known[label] = found
        return found


def read_targets(examples: Iterable[Example]) -> Targets:
    """Read the targets once, in order."""
    gathering = Gathering()
    for example in examples:
        gathering.add(example)
    return gathering.done()


def is_number(target: Any) -> bool:
    """Whether a target is a number, or the text of one."""
    return number_in(target) is not None


def number_in(target: Any) -> float | None:
    try:
        return None if isinstance(target, (bool, tuple, list)) else float(target)
    except (TypeError, ValueError):
        return None


def labels_in(target: Any) -> tuple[str, ...]:
    """The labels that a target names: itself, or its parts where it is a list of them."""
    if isinstance(target, str):
        return (target,)
    if isinstance(target, (list, tuple, set, frozenset)):
        return tuple(part for part in target if isinstance(part, str))
    return ()


def hash_of(text: str) -> int:
    """64 bits of a text, the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def mixed(values: np.ndarray) -> np.ndarray:
    """Every 64-bit number as another that looks drawn by chance (the finaliser of splitmix64)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def numbered(keys: np.ndarray) -> np.ndarray:
    """Equal keys as one number, from 0, in the order in which they first come."""
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    back = np.empty(len(first), np.int64)
    back[np.argsort(first)] = np.arange(len(first))
    return back[places]


def bounds(counts: np.ndarray) -> np.ndarray:
    """Where each of so many runs begins, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


def spread(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The places of runs that begin at ``starts``, one after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    whole = int(ends[-1]) if len(ends) else 0
    return np.arange(whole) + np.repeat(starts - ends + counts, counts)


def unique_pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different pairs of numbers under 2^31, sorted."""
    pairs = np.unique((first.astype(np.int64) << 32) | second.astype(np.int64))
    return pairs >> 32, pairs & 0xFFFFFFFF
