"""Splits where the user brought none: seeded, stratified, and never with one text, or nearly one, on both sides.

Every draw is a function of the seed and the split's name alone, so the same file gives the same splits
anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.core import draws
from whet.core.errors import DataError
from whet.prepare.near import groups as near_groups
from whet.prepare.prints import read_prints
from whet.prepare.targets import Targets, bounds, read_targets, spread, unique_pairs
from whet.tasks.contract import Example


@dataclass(frozen=True)
class _Drawn:
    """Groups of rows, ready to be drawn: ``rows`` by group from ``starts``, ``held`` labels by group from ``holds``.

    ``left`` counts the groups that have each label.
    """

    rows: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    strata: list[np.ndarray]
    held: np.ndarray
    holds: np.ndarray
    left: dict[int, int]

    def labels(self, group: int) -> list[int]:
        found: list[int] = self.held[self.holds[group] : self.holds[group + 1]].tolist()
        return found


def take(examples: Sequence[Example], count: int, seed: int, site: str, groups: np.ndarray | None = None) -> np.ndarray:
    """Positions of about ``count`` examples, in ascending order, the strata in the whole's proportions.

    Examples of one group (by default: equal and nearly equal texts) go together, so the number may differ by the
    size of one such group. A group larger than half of ``count`` stays where it is, and its rows are not counted in the
    share, while smaller ones can be drawn. The last group with a label always stays: what is to be answered must be
    there to be learnt from.
    """
    drawn = _drawn(read_targets(examples), _groups(examples, groups))
    for most in (max(1, count // 2), len(examples) // 2):
        taken = _take(drawn, count, len(examples), most, draws.generator(seed, "split", site))
        if taken:
            break
    chosen = np.array(taken, np.int64)
    return np.sort(drawn.rows[spread(drawn.starts[:-1][chosen], drawn.sizes[chosen])])


def _take(drawn: _Drawn, count: int, whole: int, most: int, random: np.random.Generator) -> list[int]:
    left = dict(drawn.left)
    taken: list[int] = []
    owed = 0.0
    for stratum in drawn.strata:
        members = stratum[drawn.sizes[stratum] <= most]
        owed += count * int(drawn.sizes[members].sum()) / whole
        first = 1 if len(members) == len(stratum) else 0
        for number in random.permutation(members)[first:].tolist():
            if owed < 0.5:
                break
            labels = drawn.labels(number)
            if all(left[label] > 1 for label in labels):
                for label in labels:
                    left[label] -= 1
                taken.append(number)
                owed -= int(drawn.sizes[number])
    return taken


def folds(examples: Sequence[Example], k: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """For each example the one of ``k`` folds in which it is measured, each stratum spread evenly, groups whole.

    In each stratum two folds differ by one group at most, but where a label would stand in one fold alone: its second
    group goes to another. -1 is for the only group that has some label: it is in every training, for there it is
    learnt, and never measured. Raises DataError where there are fewer groups than folds.
    """
    drawn = _drawn(read_targets(examples), _groups(examples, groups))
    if len(drawn.sizes) < k:
        raise DataError(
            f"{len(drawn.sizes)} different texts cannot be shared out to {k} folds", "evaluate.folds", "take fewer"
        )
    random = draws.generator(seed, "folds", k)
    home = dict.fromkeys(drawn.left, -1)
    found = np.full(len(drawn.sizes), -1, np.int64)
    total = [0] * k
    for stratum in drawn.strata:
        own = [0] * k
        shuffled = random.permutation(stratum)
        for number in shuffled[np.argsort(-drawn.sizes[shuffled], kind="stable")].tolist():
            labels, size = drawn.labels(number), int(drawn.sizes[number])
            barred = {home[label] for label in labels}
            free = [fold for fold in range(k) if fold not in barred]
            if not free or any(drawn.left[label] == 1 for label in labels):
                continue
            fold = min(free, key=lambda one: (own[one], total[one]))
            own[fold] += size
            total[fold] += size
            found[number] = fold
            home.update((label, fold if home[label] == -1 else -2) for label in labels)
    rows = np.empty(len(examples), np.int64)
    rows[drawn.rows] = np.repeat(found, drawn.sizes)
    return rows


def thin(examples: Sequence[Example], most: int, seed: int, site: str) -> np.ndarray:
    """Positions of exactly ``most`` examples (or all, where there are fewer), stratified, ascending."""
    return _thin(read_targets(examples), most, seed, site) if len(examples) > most else np.arange(len(examples))


def share(examples: Sequence[Example], part: float, seed: int) -> np.ndarray:
    """Positions of a share of the examples, stratified, ascending: a smaller share stands in a larger one.

    A row of every label is in each, so that what is to be answered can be learnt.
    """
    targets = read_targets(examples)
    order = _in_order(targets, seed, "share")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rows, labels = targets.owned
    early = np.argsort(rank[rows], kind="stable")
    _, first = np.unique(labels[early], return_index=True)
    return np.union1d(order[: max(1, round(part * len(order)))], rows[early][first])


def thinned(splits: Mapping[str, Sequence[Example]], most: int, seed: int) -> dict[str, np.ndarray]:
    """Positions of at most so many examples of each split, and of none with a label that training no longer has."""
    targets = {name: read_targets(examples) for name, examples in splits.items()}
    places = {name: _thin(own, most, seed, name) for name, own in targets.items()}
    train = targets.get("train")
    if train is None or not train.has_labels:
        return places
    kept = set(train.pick(places["train"]).labels.tolist())
    lost = {name for place, name in enumerate(train.names) if place not in kept}
    for name, own in targets.items():
        barred = np.array([label in lost for label in own.names] or [False])
        rows = np.repeat(np.arange(len(own)), np.diff(own.starts))
        places[name] = np.setdiff1d(places[name], rows[barred[own.labels]] if len(own.labels) else rows)
    return places


def mixed(counts: Sequence[int], weights: Sequence[float], seed: int) -> np.ndarray:
    """Several sources as one: int64 [rows, 2] of (source, position), sources in order, each by its weight.

    Weight 1 takes each row once, 2 twice, 0.5 half of the rows; of 1.3 every row comes once and three tenths of
    them once more. What is not whole is drawn without replacement; copies of a row stand side by side.
    """
    found = [np.zeros((0, 2), np.int64)]
    for source, (count, weight) in enumerate(zip(counts, weights, strict=True)):
        times = np.full(count, int(weight))
        more = round((weight - int(weight)) * count)
        times[draws.generator(seed, "mix", source).permutation(count)[:more]] += 1
        places = np.repeat(np.arange(count), times)
        found.append(np.stack((np.full(len(places), source), places), 1))
    return np.concatenate(found)


def _thin(targets: Targets, most: int, seed: int, site: str) -> np.ndarray:
    if len(targets) <= most:
        return np.arange(len(targets))
    return np.sort(_in_order(targets, seed, site)[:most])


def _in_order(targets: Targets, seed: int, site: str) -> np.ndarray:
    """The examples' positions in an order that has the whole's proportions wherever it is cut."""
    random = draws.generator(seed, "thin", site)
    ranks = np.empty(len(targets))
    for members in _members(targets.strata()):
        # the k-th of n members stands at (k + 1/2) / n
        ranks[members[random.permutation(len(members))]] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(ranks, kind="stable")


def _groups(examples: Sequence[Example], groups: np.ndarray | None) -> np.ndarray:
    return near_groups(read_prints(examples)).numbers if groups is None else groups


def _drawn(targets: Targets, groups: np.ndarray) -> _Drawn:
    """Groups are told apart by number, and stand in the order in which they first come, as their strata do."""
    _, first, back = np.unique(groups, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    number = place[back]
    sizes = np.bincount(number, minlength=len(first))
    rows, labels = targets.owned
    holders, held = unique_pairs(number[rows], labels)
    different, times = np.unique(held, return_counts=True)
    return _Drawn(
        np.argsort(number, kind="stable"),
        bounds(sizes),
        sizes,
        _members(targets.pick(np.sort(first)).strata()),
        held,
        bounds(np.bincount(holders, minlength=len(first))),
        dict(zip(different.tolist(), times.tolist(), strict=True)),
    )


def _members(strata: np.ndarray) -> list[np.ndarray]:
    """The places of each stratum, in the order in which strata first come."""
    order = np.argsort(strata, kind="stable")
    return np.split(order, np.cumsum(np.bincount(strata))[:-1]) if len(strata) else []
