"""What stands in the rows: classes, lengths, duplicates, and texts that two splits share.

A test row that the model has seen in training measures memory, not skill; so copies across splits are
counted, the nearly equal ones too.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from whet.prepare.split import fold, labels_in
from whet.tasks.contract import Example

NEAR = 0.9
"""Jaccard similarity of three-word shingles from which two texts count as nearly the same."""

MOST_TEXTS = 200_000
"""Above so many rows near duplicates are not searched: the index would need more memory than training."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+")


@dataclass(frozen=True)
class Near:
    """Two texts that are nearly the same, by their positions (``first < second``), and how near they are."""

    first: int
    second: int
    similarity: float


def near_duplicates(texts: Sequence[str], threshold: float = NEAR) -> list[Near]:
    """Every pair of texts whose sets of three-word shingles overlap by ``threshold`` (Jaccard) or more.

    Exact, not sampled. Words are compared without case and punctuation, a Chinese or Japanese character is
    a word, and a text of fewer than three words is one shingle. Texts without a word are near to none. Of
    texts with equal shingles each is paired with the first only.
    """
    places = _by_shingles(texts)
    sets = list(places)
    found = [Near(places[s][0], other, 1.0) for s in sets for other in places[s][1:]]
    for a, b, similarity in _near_sets(sets, threshold):
        first, second = sorted((places[sets[a]][0], places[sets[b]][0]))
        found.append(Near(first, second, similarity))
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def describe(splits: Mapping[str, Sequence[Example]], labels: Sequence[str]) -> dict[str, Any]:
    """The content of ``check.json``: rows, classes, lengths and copies of each split, and what they share."""
    return {
        "splits": {name: _of_split(examples, labels) for name, examples in splits.items()},
        "labels_alike": _alike(labels),
        "shared": _shared(splits),
    }


def remarks(check: Mapping[str, Any]) -> list[str]:
    """What of the check must be said aloud: copies of training rows in other splits, labels that are likely one."""
    said = []
    for pair, counts in check["shared"].items():
        early, late = pair.split("-")
        near = counts["near"] or 0
        if early == "train" and counts["identical"] + near:
            rows = ", ".join(map(str, counts["rows"]))
            said.append(
                f"{counts['identical']} {late} rows stand in the training rows too, and {near} nearly so (rows {rows})"
            )
    said += [f"the labels {' and '.join(group)} differ only in their writing" for group in check["labels_alike"]]
    return said


def _of_split(examples: Sequence[Example], labels: Sequence[str]) -> dict[str, Any]:
    texts = [fold(" ".join(example.inputs)) for example in examples]
    words = np.array([len(_words(text)) for text in texts] or [0])
    targets: dict[str, set[str]] = defaultdict(set)
    for text, example in zip(texts, examples, strict=True):
        targets[text].add(str(example.target))
    classes = Counter(label for example in examples for label in labels_in(example.target))
    return {
        "rows": len(examples),
        **({"classes": dict(classes.most_common())} if labels else {}),
        "words": {
            "least": int(words.min()),
            "median": float(np.median(words)),
            "p95": float(np.quantile(words, 0.95)),
            "most": int(words.max()),
        },
        "copies": len(texts) - len(targets),
        "contradictions": sum(len(said) > 1 for said in targets.values()),
    }


def _alike(labels: Sequence[str]) -> list[list[str]]:
    """Labels that differ only in case, width or white space, and are likely one."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[re.sub(r"[\s_-]+", "", label.casefold())].append(label)
    return [group for group in groups.values() if len(group) > 1]


def _shared(splits: Mapping[str, Sequence[Example]]) -> dict[str, Any]:
    """For each two splits, the rows of the later one that stand, exactly or nearly, in the earlier one."""
    flat = [(name, example) for name, examples in splits.items() for example in examples]
    texts = [fold(" ".join(example.inputs)) for _, example in flat]
    near = len(flat) <= MOST_TEXTS
    neighbours = _neighbours(texts) if near else {}
    where: dict[str, set[str]] = defaultdict(set)
    for (name, _), text in zip(flat, texts, strict=True):
        where[text].add(name)
    found: dict[str, Any] = {}
    for early, late in combinations(splits, 2):
        exact, close = [], []
        for place, (name, example) in enumerate(flat):
            if name != late:
                continue
            if early in where[texts[place]]:
                exact.append(example.row)
            elif any(flat[other][0] == early for other in neighbours.get(place, ())):
                close.append(example.row)
        found[f"{early}-{late}"] = {
            "identical": len(exact),
            "near": len(close) if near else None,
            "rows": sorted(exact + close)[:20],
        }
    return found


def _neighbours(texts: Sequence[str]) -> dict[int, list[int]]:
    """For each text the positions of those near to it; of equal shingle sets each knows all."""
    places = _by_shingles(texts)
    sets = list(places)
    found: dict[int, list[int]] = defaultdict(list)
    for a, b in [*((i, i) for i, s in enumerate(sets) if len(places[s]) > 1), *_pairs_only(sets)]:
        for one, other in ((a, b), (b, a)):
            for place in places[sets[one]]:
                found[place].extend(places[sets[other]])
    return found


def _pairs_only(sets: Sequence[frozenset[int]]) -> Iterator[tuple[int, int]]:
    return ((a, b) for a, b, _ in _near_sets(sets, NEAR))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _by_shingles(texts: Sequence[str]) -> dict[frozenset[int], list[int]]:
    numbers: dict[tuple[str, ...], int] = {}
    places: dict[frozenset[int], list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        words = _words(text)
        shingles = {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))} if words else ()
        if shingles:
            places[frozenset(numbers.setdefault(shingle, len(numbers)) for shingle in shingles)].append(place)
    return places


def _near_sets(sets: Sequence[frozenset[int]], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of sets with Jaccard >= threshold, by prefix filtering (Bayardo et al. 2007).

    With members in order of rarity, two near sets share one of their first n - ceil(threshold * n) + 1
    members; so only those are indexed, and few sets are compared at all.
    """
    times = Counter(member for members in sets for member in members)
    index: dict[int, list[int]] = defaultdict(list)
    for a in sorted(range(len(sets)), key=lambda i: len(sets[i])):
        members = sorted(sets[a], key=lambda member: (times[member], member))
        prefix = members[: len(members) - math.ceil(threshold * len(members) - 1e-9) + 1]
        for b in {b for member in prefix for b in index[member] if len(sets[b]) >= threshold * len(members) - 1e-9}:
            common = len(sets[a] & sets[b])
            similarity = common / (len(sets[a]) + len(sets[b]) - common)
            if similarity >= threshold - 1e-9:
                yield a, b, similarity
        for member in prefix:
            index[member].append(a)
