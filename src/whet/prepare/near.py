"""Near copies: texts of eight words or more whose sets of three-word shingles overlap by nine tenths (Jaccard).

Such pairs are never listed: of letters from one form each is near to each. What is asked is which rows belong together,
and which ones another split has too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from whet.prepare.meeting import search, sets_of
from whet.prepare.prints import Prints
from whet.prepare.targets import mixed, numbered


@dataclass(frozen=True)
class Groups:
    """For each row a number that it shares with its copies and near copies, and theirs, and no other row has.

    Numbers run from 0 as groups first come. ``whole`` is False where near copies were not searched, or not to the end.
    """

    numbers: np.ndarray
    whole: bool


@dataclass(frozen=True)
class Reached:
    """For each row of each split the splits that hold a near copy of it, or one with equal words, as bits by place."""

    splits: Mapping[str, np.ndarray]
    whole: bool


def groups(prints: Prints) -> Groups:
    """Put rows with equal or nearly equal texts into one group, and what is near to these as well."""
    sets = sets_of([prints])
    joined = _Joined(len(sets.sizes))
    whole = search(sets, joined)
    keys = prints.texts.copy()
    long = sets.places[0] >= 0
    roots = joined.roots(sets.places[0][long])
    keys[long] = mixed(sets.hashes[roots])
    return Groups(numbered(keys), whole)


def reached(splits: Mapping[str, Prints]) -> Reached:
    """Find rows that stand nearly in another split; texts under eight words are never among them."""
    sets = sets_of(list(splits.values()))
    own = np.zeros(len(sets.sizes), np.uint8)
    for bit, places in enumerate(sets.places):
        own[places[places >= 0]] |= np.uint8(1 << bit)
    goal = _Met(own, len(splits))
    whole = search(sets, goal)
    found = {
        name: np.where(places >= 0, goal.met[places] if len(own) else 0, 0).astype(np.uint8)
        for name, places in zip(splits, sets.places, strict=True)
    }
    return Reached(found, whole)


class _Joined:
    """The goal of groups: near sets become one, and two that are one already need not be compared."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def roots(self, members: np.ndarray) -> np.ndarray:
        found = self._parent[members]
        while True:
            above = self._parent[found]
            if (above == found).all():
                self._parent[members] = found
                return found
            found = above

    def wanted(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self.roots(a) != self.roots(b)

    def open(self, members: np.ndarray) -> bool:
        roots = self.roots(members)
        return bool((roots != roots[0]).any())

    def note(self, a: np.ndarray, b: np.ndarray) -> None:
        while len(a):
            a, b = self.roots(a), self.roots(b)
            a, b = np.maximum(a, b)[a != b], np.minimum(a, b)[a != b]
            np.minimum.at(self._parent, a, b)


class _Met:
    """The goal of leaks: which splits hold a set near to this one. ``own`` are the splits that hold the set itself."""

    def __init__(self, own: np.ndarray, splits: int) -> None:
        self.met, self._own, self._all = own.copy(), own, np.uint8((1 << splits) - 1)

    def wanted(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((self._own[a] & ~self.met[b]) | (self._own[b] & ~self.met[a])) > 0

    def open(self, members: np.ndarray) -> bool:
        held = np.bitwise_or.reduce(self._own[members])
        return bool((held & ~np.bitwise_and.reduce(self.met[members])) & self._all)

    def note(self, a: np.ndarray, b: np.ndarray) -> None:
        np.bitwise_or.at(self.met, a, self._own[b])
        np.bitwise_or.at(self.met, b, self._own[a])
