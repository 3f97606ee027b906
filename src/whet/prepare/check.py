"""What stands in the rows: classes, lengths, duplicates, and texts that two splits share.

A test row that the model has seen in training measures memory, not skill; so copies across splits are
counted, the nearly equal ones too.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from whet.prepare.split import fold, labels_in
from whet.tasks.contract import Example

NEAR = 0.9
"""Jaccard similarity of three-word shingles from which two texts count as nearly the same."""

MOST_WORDS = 12_000_000
"""Above so many words near duplicates are not searched: at 160 bytes each the index would need 2 GB, as training
does."""

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
    places: dict[frozenset[int], list[int]] = defaultdict(list)
    for place, shingles in enumerate(_shingles(texts)):
        if shingles:
            places[shingles].append(place)
    sets = list(places)
    found = [Near(places[s][0], other, 1.0) for s in sets for other in places[s][1:]]
    for a, b, similarity in _near_sets(sets, threshold):
        first, second = sorted((places[sets[a]][0], places[sets[b]][0]))
        found.append(Near(first, second, similarity))
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def describe(splits: Mapping[str, Sequence[Example]], labels: Sequence[str]) -> dict[str, Any]:
    """The content of ``check.json``: rows, classes, lengths and copies of each split, and what they share."""
    texts = {name: [fold(" ".join(example.inputs)) for example in examples] for name, examples in splits.items()}
    lengths = {name: [len(_words(text)) for text in own] for name, own in texts.items()}
    return {
        "splits": {name: _of_split(examples, texts[name], lengths[name], labels) for name, examples in splits.items()},
        "labels_alike": _alike(labels),
        "shared": _shared(splits, texts, near=sum(map(sum, lengths.values())) <= MOST_WORDS),
    }


def remarks(check: Mapping[str, Any]) -> list[str]:
    """What of the check must be said aloud: copies of training rows in other splits, labels that are likely one."""
    said = []
    for pair, counts in check["shared"].items():
        early, late = pair.split("-")
        near = counts["near"]
        if early == "train" and counts["identical"] + (near or 0):
            rows = ", ".join(map(str, counts["rows"]))
            also = "" if near is None else f", and {near} nearly so"
            said.append(f"{counts['identical']} {late} rows stand in the training rows too{also} (rows {rows})")
    if any(counts["near"] is None for counts in check["shared"].values()):
        said.append(f"near copies across the splits are not searched: the texts have over {MOST_WORDS:,} words")
    said += [f"the labels {' and '.join(group)} differ only in their writing" for group in check["labels_alike"]]
    return said


def _of_split(
    examples: Sequence[Example], texts: Sequence[str], lengths: Sequence[int], labels: Sequence[str]
) -> dict[str, Any]:
    words = np.array(lengths or [0])
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


def _shared(splits: Mapping[str, Sequence[Example]], texts: Mapping[str, Sequence[str]], near: bool) -> dict[str, Any]:
    """For each two splits, the rows of the later one that stand, exactly or nearly, in the earlier one."""
    known = {name: set(own) for name, own in texts.items()}
    reach = _reach(texts) if near else {name: [frozenset[str]()] * len(own) for name, own in texts.items()}
    found: dict[str, Any] = {}
    for early, late in combinations(splits, 2):
        exact, close = [], []
        for example, text, near_to in zip(splits[late], texts[late], reach[late], strict=True):
            if text in known[early]:
                exact.append(example.row)
            elif early in near_to:
                close.append(example.row)
        found[f"{early}-{late}"] = {
            "identical": len(exact),
            "near": len(close) if near else None,
            "rows": sorted(exact + close)[:20],
        }
    return found


def _reach(texts: Mapping[str, Sequence[str]]) -> dict[str, list[frozenset[str]]]:
    """For each text the splits that hold one near to it.

    Worked out for each set of shingles, not for each row: thousands of rows may be equal, and each of them near to all.
    """
    numbers: dict[frozenset[int], int] = {}
    own = {
        name: [numbers.setdefault(shingles, len(numbers)) for shingles in _shingles(part)]
        for name, part in texts.items()
    }
    holders: list[frozenset[str]] = [frozenset()] * len(numbers)
    for name, places in own.items():
        for place in set(places):
            holders[place] |= {name}
    reached = list(holders)
    for a, b, _ in _near_sets(list(numbers), NEAR):
        reached[a] |= holders[b]
        reached[b] |= holders[a]
    if frozenset() in numbers:  # texts without a word are near to none
        reached[numbers[frozenset()]] = frozenset()
    return {name: [reached[place] for place in places] for name, places in own.items()}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _shingles(texts: Iterable[str]) -> Iterator[frozenset[int]]:
    """Each text's set of shingles, as hashes: two of 64 bits are equal by chance in no data set that fits in memory."""
    for text in texts:
        words = _words(text)
        yield frozenset(hash(tuple(words[i : i + 3])) for i in range(max(1, len(words) - 2)) if words)


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
