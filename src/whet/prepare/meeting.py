"""Which sets of shingles are near: Jaccard similarity of 0.9 or more, by prefix filtering (Bayardo et al. 2007).

Exact, not sampled: with shingles in order of rarity two near sets meet in the first tenth of both, so only sets that
share a rare shingle there are compared at all. A goal says which pairs are still worth comparing; where even those
are too many the search is given up, and the caller says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from whet.prepare.prints import LEAST_SHINGLES, MOST_SHINGLES, Prints
from whet.prepare.targets import bounds, spread

MOST_STEPS = 300_000_000
"""Comparisons of two sets' sketches after which the search is given up, some twenty seconds' worth."""

SHORT = 32
"""Lists of at most so many sets are compared pair by pair, all lists at once; longer ones set by set."""

PAIRS = 1 << 18
"""Pairs, and shingles in them, that are looked at in one go."""


class Goal(Protocol):
    """What a search is for: which pairs of sets are still worth comparing, and what follows from a near one."""

    def wanted(self, a: np.ndarray, b: np.ndarray) -> np.ndarray: ...

    def open(self, members: np.ndarray) -> bool: ...

    def note(self, a: np.ndarray, b: np.ndarray) -> None: ...


@dataclass(frozen=True)
class Sets:
    """The different sets of shingles; ``places`` are each part's rows' sets (-1: the text is too short).

    ``shingles[starts[i]:starts[i + 1]]`` are those of set i, none where it is too small to be near to another;
    ``shingles`` is None where they are too many.
    """

    places: list[np.ndarray]
    hashes: np.ndarray
    sizes: np.ndarray
    shingles: np.ndarray | None
    starts: np.ndarray


def sets_of(parts: Sequence[Prints]) -> Sets:
    every = np.concatenate([part.sets for part in parts])
    long = np.concatenate([part.sizes for part in parts]) > 0
    hashes, first, back = np.unique(every[long], return_index=True, return_inverse=True)
    whole = np.full(len(every), -1, np.int32)
    whole[long] = back
    first = np.flatnonzero(long)[first]
    sizes = np.concatenate([part.sizes for part in parts])[first]
    ends = np.cumsum([len(part) for part in parts])
    places = np.split(whole, ends[:-1])
    counts = np.where(sizes >= LEAST_SHINGLES, sizes, 0)
    starts = bounds(counts)
    if starts[-1] > MOST_SHINGLES or any(part.shingles is None for part in parts):
        return Sets(places, hashes, sizes, None, starts)
    shingles = np.empty(int(starts[-1]), np.uint64)
    for part, end in zip(parts, ends, strict=True):
        own = (first >= end - len(part)) & (first < end)
        rows = first[own] - (end - len(part))
        if part.shingles is not None:
            shingles[spread(starts[:-1][own], counts[own])] = part.shingles[spread(part.starts[rows], counts[own])]
    return Sets(places, hashes, sizes, shingles, starts)


def search(sets: Sets, goal: Goal) -> bool:
    """Show ``goal`` every near pair that it wants; False where that was given up."""
    if sets.shingles is None:
        return False
    index = _index(sets)
    return True if index is None else _Search(index, goal).run()


@dataclass(frozen=True)
class _Index:
    """What sets are compared by, and the lists of those that share a rare shingle.

    ``keys`` are the shingles that several sets have, as (set, rank of rarity), sorted; each set's begin at ``starts``.
    A ``sketch`` has 64 bits, each the parity of some shingles: two sets differ in as many shingles at least as bits.
    ``members`` from ``lists[i]`` to ``lists[i + 1]`` share a shingle, each with its ``reach``, the largest partner for
    which this shingle can be the first common one.
    """

    sizes: np.ndarray
    sketch: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    members: np.ndarray
    reach: np.ndarray
    lists: np.ndarray


def _index(sets: Sets) -> _Index | None:
    """None where no two sets share a shingle that counts."""
    assert sets.shingles is not None
    ranks = _ranks(sets.shingles)
    count, starts = len(sets.sizes), sets.starts
    shared = bounds(ranks >= 0)[starts]
    common = np.diff(shared)
    alone = np.diff(starts) - common
    alive = (common > 0) & (alone <= sets.sizes // 10)
    kept = np.flatnonzero(np.repeat(alive, np.diff(starts)) & (ranks >= 0))
    if not len(kept):
        return None
    keys = ranks[kept].astype(np.int64)
    del ranks
    owners = np.repeat(np.arange(count, dtype=np.int32), np.where(alive, common, 0))
    keys |= owners.astype(np.int64) << 32
    bits = np.uint64(1) << (sets.shingles >> np.uint64(58))
    sketch = np.zeros(count, np.uint64)
    some = np.diff(starts) > 0
    sketch[some] = np.bitwise_xor.reduceat(bits, starts[:-1][some])
    del bits
    keys.sort()
    begin = bounds(np.where(alive, common, 0))
    place = alone[owners] + np.arange(len(keys)) - begin[owners]
    prefix = np.flatnonzero(place <= sets.sizes[owners] // 10)
    members, place, rank = owners[prefix], place[prefix], keys[prefix] & 0xFFFFFFFF
    size = sets.sizes[members].astype(np.int64)
    reach = (19 * (size - place)) // 9 - size
    order = np.lexsort((reach < size, rank))  # in each list first those that may be the smaller of a pair
    members, reach, rank, size = members[order], reach[order], rank[order], size[order]
    heads = np.flatnonzero(np.append(True, rank[1:] != rank[:-1]))
    lists = np.append(heads, len(rank))
    useful = (np.diff(lists) > 1) & (reach[heads] >= size[heads])
    taken = spread(heads[useful], np.diff(lists)[useful])
    return _Index(
        sets.sizes.astype(np.int64),
        sketch,
        keys,
        begin,
        members[taken],
        reach[taken],
        bounds(np.diff(lists)[useful]),
    )


def _ranks(shingles: np.ndarray) -> np.ndarray:
    """For each shingle its place in the order of rarity among those that come more than once, or -1."""
    ordered = np.sort(shingles)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    common, counts = np.unique(again, return_counts=True)
    del ordered, again
    ranks = np.full(len(shingles), -1, np.int32)
    if not len(common):
        return ranks
    by_rarity = np.empty(len(common), np.int32)
    by_rarity[np.lexsort((common, counts))] = np.arange(len(common), dtype=np.int32)
    for begin in range(0, len(shingles), PAIRS):
        part = shingles[begin : begin + PAIRS]
        found = np.minimum(np.searchsorted(common, part), len(common) - 1)
        ranks[begin : begin + PAIRS] = np.where(common[found] == part, by_rarity[found], -1)
    return ranks


class _Search:
    """The comparing itself. A pair is near where 19 times what it shares is at least 9 times both sizes."""

    def __init__(self, index: _Index, goal: Goal) -> None:
        self.index, self.goal, self.left = index, goal, MOST_STEPS

    def run(self) -> bool:
        lengths = np.diff(self.index.lists)
        self._short(lengths <= SHORT)
        for place in np.flatnonzero(lengths > SHORT):
            if self.left < 0:
                return False
            self._long(slice(self.index.lists[place], self.index.lists[place + 1]))
        return self.left >= 0

    def _short(self, chosen: np.ndarray) -> None:
        """All pairs of many short lists: every entry with the next one of its list, the one after that, and so on."""
        index = self.index
        for begin in range(0, len(chosen), PAIRS // SHORT):
            lists = np.flatnonzero(chosen[begin : begin + PAIRS // SHORT]) + begin
            firsts, counts = index.lists[lists], np.diff(index.lists)[lists]
            entries, ends = spread(firsts, counts), np.repeat(firsts + counts, counts)
            for step in range(1, SHORT):
                near_end = entries + step < ends
                entries, ends = entries[near_end], ends[near_end]
                if not len(entries):
                    break
                self.left -= len(entries)
                self._pairs(entries, entries + step)

    def _pairs(self, one: np.ndarray, other: np.ndarray) -> None:
        """Compare entries of one list by pairs: first what cannot be near for its sizes, then what nobody wants."""
        index = self.index
        a, b = index.members[one], index.members[other]
        fit = (index.reach[one] >= index.sizes[b]) & (index.reach[other] >= index.sizes[a])
        a, b = a[fit], b[fit]
        self._compare(a, b)

    def _compare(self, a: np.ndarray, b: np.ndarray) -> None:
        likely = 19 * self._apart(a, b) <= self.index.sizes[a] + self.index.sizes[b]
        a, b = a[likely], b[likely]
        wanted = self.goal.wanted(a, b)
        a, b = a[wanted], b[wanted]
        near = 19 * self._shared(a, b) >= 9 * (self.index.sizes[a] + self.index.sizes[b])
        self.goal.note(a[near], b[near])

    def _long(self, entries: slice) -> None:
        """One set against all others of a long list, then the next.

        What is near to the first, and all that is near to those, lies within twice the distance (Jaccard distance
        is a metric), so these are compared among themselves, and leave the list: a thousand copies of a form cost one
        round, not a thousand.
        """
        index = self.index
        todo = index.members[entries]
        leads = index.reach[entries] >= index.sizes[todo]
        while self.left >= 0 and len(todo) > 1 and leads[0] and self.goal.open(todo):
            first, todo, leads = todo[:1], todo[1:], leads[1:]
            self.left -= len(todo)
            a = np.broadcast_to(first, len(todo))
            whole = index.sizes[a] + index.sizes[todo]
            around = np.flatnonzero(9 * self._apart(a, todo) <= whole)
            a, ring, whole = a[around], todo[around], whole[around]
            shared = self._shared(a, ring)
            near = 19 * shared >= 9 * whole
            self.goal.note(a[near], ring[near])
            self._among(ring[near], ring[9 * shared >= 4 * whole])
            stay = np.ones(len(todo), bool)
            stay[around[near]] = False
            todo, leads = todo[stay], leads[stay]

    def _among(self, near: np.ndarray, ring: np.ndarray) -> None:
        for one in near:
            if self.left < 0 or not self.goal.open(ring):
                return
            self.left -= len(ring)
            self._compare(np.full(len(ring), one, ring.dtype), ring)

    def _apart(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """How many shingles at least are in one of two sets alone."""
        return np.bitwise_count(self.index.sketch[a] ^ self.index.sketch[b]).astype(np.int64)

    def _shared(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """How many shingles two sets share, for many pairs: both sets' in one sorted array, where equal ones meet."""
        index = self.index
        found = np.zeros(len(a), np.int64)
        counts = np.diff(index.starts)
        both = counts[a] + counts[b]
        ends = np.cumsum(both)
        begin = 0
        while begin < len(a):
            done = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + 8 * PAIRS, "right")))
            pairs = np.arange(end - begin)
            keys = [
                (index.keys[spread(index.starts[side], counts[side])] & 0xFFFFFFFF)
                | (np.repeat(pairs, counts[side]) << 32)
                for side in (a[begin:end], b[begin:end])
            ]
            joined = np.concatenate(keys)
            joined.sort()
            met = joined[1:][joined[1:] == joined[:-1]] >> 32
            found[begin:end] = np.bincount(met, minlength=end - begin)
            begin = end
        return found
