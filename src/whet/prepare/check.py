"""What stands in the rows: classes, lengths, copies, odd rows, and texts that two splits share.

Everything is counted from fingerprints, so no text is kept. Row numbers are those in the file, the first twenty.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whet.prepare.leaks import Leak
from whet.prepare.near import groups
from whet.prepare.prints import ODD, Prints
from whet.prepare.targets import unique_pairs

SHOWN = 20
"""Row numbers, and labels, that stand beside a count."""

RAREST, UNEVEN = 0.01, 50
"""A class with less than this share of the rows, or so many times smaller than the largest, is said aloud."""

EMPTY_WORDS = frozenset({"nan", "na", "n/a", "#n/a", "<na>", "null"})
"""Words for a missing value, which as a label are hardly meant; ``none`` is a label of many data sets."""

LONG = 20
"""A text with so many times the median's words is odd."""


def describe(
    splits: Mapping[str, Prints], labels: Sequence[str], shared: Mapping[tuple[str, str], Leak] | None = None
) -> dict[str, Any]:
    """The content of ``check.json``: rows, classes, lengths, copies and odd rows of each split, and what they share."""
    classes = {name: _classes(split, labels) for name, split in splits.items()} if labels else {}
    found = {name: _of_split(split, classes.get(name, {})) for name, split in splits.items()}
    lacking = {name: [label for label in labels if label not in own] for name, own in classes.items() if own}
    return {
        "splits": found,
        "labels_alike": alike(labels),
        "labels_missing": {name: lost for name, lost in lacking.items() if lost},
        "shared": {f"{a}-{b}": _of_leak(leak, splits[b]) for (a, b), leak in (shared or {}).items()},
    }


def remarks(check: Mapping[str, Any]) -> list[str]:
    """What of the check must be said aloud, the most important first: one line a kind, with its cure."""
    said = [*_of_shared(check["shared"])]
    said += [
        f"the labels {' and '.join(group)} differ only in their writing: write them alike, or they are learnt apart"
        for group in check["labels_alike"][:1]
    ]
    for name, split in check["splits"].items():
        if found := split["contradictions"]:
            rows = _shown(split["contradiction_rows"], 10)
            said.append(f"{found} {name} texts have several labels ({rows}): decide which is right")
    said += [*_of_classes(check), *_of_empty_words(check), *_of_joined(check)]
    for name, split in check["splits"].items():
        reach = split.get("targets")
        if reach and split["rows"] > 1 and reach["least"] == reach["most"]:
            said.append(f"every {name} row has the target {reach['least']:g}: no correlation can be measured there")
    if any(not split["near_searched"] for split in check["splits"].values()):
        said.append("near copies are not searched to the end: the rows are too many, or too much alike")
    for name, split in check["splits"].items():
        if split["odd"]:
            parts = [f"{one['what']} ({one['count']}: {_shown(one['rows'], 3)})" for one in split["odd"]]
            said.append(f"odd {name} rows: {'; '.join(parts)}; look at them, and mend or delete what is wrong")
    return said


def alike(labels: Sequence[str]) -> list[list[str]]:
    """Labels that differ only in case, width, white space, hyphens or underscores, and are likely one."""
    found: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        found[re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", label).casefold())].append(label)
    return [group for group in found.values() if len(group) > 1]


def _classes(split: Prints, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How often each label comes, the most frequent first, and its share of all."""
    targets = split.targets
    times = np.bincount(targets.labels, minlength=len(targets.names))
    known = set(labels)
    counts = [(name, int(count)) for name, count in zip(targets.names, times, strict=True) if name in known and count]
    whole = max(1, sum(count for _, count in counts))
    return {
        str(name): {"count": count, "share": count / whole} for name, count in sorted(counts, key=lambda one: -one[1])
    }


def _of_split(split: Prints, classes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    words = split.words if len(split) else np.zeros(1)
    near = groups(split)
    different = len(np.unique(split.texts))
    contradictions, contradicting = _contradictions(split)
    return {
        "rows": len(split),
        **({"classes": {name: one["count"] for name, one in classes.items()}} if classes else {}),
        **({"imbalance": _imbalance(classes)} if classes else {}),
        "words": {
            "least": int(words.min()),
            "median": float(np.median(words)),
            "p95": float(np.quantile(words, 0.95)),
            "most": int(words.max()),
        },
        "copies": len(split) - different,
        "near_copies": different - len(np.unique(near.numbers)),
        "near_searched": near.whole,
        **_numbers(split, classes),
        "contradictions": contradictions,
        "contradiction_rows": contradicting,
        "odd": _odd(split),
    }


def _numbers(split: Prints, classes: Mapping[str, Any]) -> dict[str, Any]:
    """How far the targets reach, where they are numbers and no classes."""
    numbers = split.targets.numbers
    if classes or split.targets.echoes or numbers is None or not len(numbers):
        return {}
    return {"targets": {"least": float(numbers.min()), "most": float(numbers.max())}}


def _imbalance(classes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    first, last = next(iter(classes)), list(classes)[-1]
    largest, smallest = classes[first], classes[last]
    return {
        "largest": {"label": first, **largest},
        "smallest": {"label": last, **smallest},
        "ratio": largest["count"] / smallest["count"],
        "single": [name for name, one in classes.items() if one["count"] == 1][:SHOWN],
    }


def _contradictions(split: Prints) -> tuple[int, list[int]]:
    """Texts that come with several targets: how many, and the first rows with one of them."""
    if split.targets.echoes or not len(split):  # a text that is its own target says nothing else
        return 0, []
    _, text = np.unique(split.texts, return_inverse=True)
    _, target = np.unique(split.targets.prints, return_inverse=True)
    texts, _ = unique_pairs(text, target)
    several = np.bincount(texts) > 1
    return int(several.sum()), split.rows[np.flatnonzero(several[text])[:SHOWN]].tolist()


def _odd(split: Prints) -> list[dict[str, Any]]:
    """What is odd in the split: what, how often, and the first rows."""
    found = {what: np.flatnonzero(split.odd & np.uint8(1 << bit)) for bit, what in enumerate(ODD)}
    median = float(np.median(split.words)) if len(split) else 0.0
    if median:
        found[f"over {LONG} times as long as the median"] = np.flatnonzero(split.words > LONG * median)
    return [
        {"what": what, "count": len(places), "rows": split.rows[places[:SHOWN]].tolist()}
        for what, places in found.items()
        if len(places) > (what == "HTML tags")  # one may be a text about HTML
    ]


def _of_leak(leak: Leak, late: Prints) -> dict[str, Any]:
    return {
        "identical": len(leak.exact),
        "near": None if leak.near is None else len(leak.near),
        "share": len(leak.every) / max(1, len(late)),
        "rows": late.rows[leak.every[:SHOWN]].tolist(),
    }


def _of_shared(shared: Mapping[str, Any]) -> list[str]:
    said = []
    for pair, counts in sorted(shared.items(), key=lambda one: one[0] != "train-test"):
        early, late = pair.split("-")
        if counts["identical"] + (counts["near"] or 0):
            also = "" if counts["near"] is None else f", and {counts['near']} nearly so"
            others = "training" if early == "train" else early
            cure = "; data.on_leak=drop takes them out of training" if early == "train" else ""
            rows = _shown(counts["rows"], SHOWN)
            said.append(f"{counts['identical']} {late} rows stand in the {others} rows too{also} ({rows}){cure}")
    return said


def _of_classes(check: Mapping[str, Any]) -> list[str]:
    said = []
    uneven = check["splits"].get("train", {}).get("imbalance")
    if uneven and (uneven["smallest"]["share"] < RAREST or uneven["ratio"] > UNEVEN):
        least, most = uneven["smallest"], uneven["largest"]
        said.append(
            f"the classes are uneven: {most['count']} training rows have '{most['label']}' and {least['count']} "
            f"'{least['label']}'; give more of the rare ones, or look at task.class_weights and the macro scores"
        )
    if uneven and uneven["single"]:
        single = ", ".join(uneven["single"])
        said.append(f"one training row alone has the label {single}: one example teaches little; give more")
    for name, lost in check["labels_missing"].items():
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        said.append(f"no {name} row has the label {', '.join(lost[:5])}{more}: it is not measured there")
    return said


def _of_empty_words(check: Mapping[str, Any]) -> list[str]:
    classes = check["splits"].get("train", {}).get("classes", {})
    return [
        f"{count} training rows have the label '{label}', which programs write for an empty cell: it is learnt as a "
        "label; if none is meant, empty the cells, or delete the rows"
        for label, count in classes.items()
        if label.lower() in EMPTY_WORDS
    ]


def _of_joined(check: Mapping[str, Any]) -> list[str]:
    """The first label that is other labels with a mark between, as several labels in one cell are."""
    classes = check["splits"].get("train", {}).get("classes", {})
    for label in classes:
        for mark in (mark for mark in ",;|/+" if mark in label):
            parts = sorted({part.strip() for part in label.split(mark)})
            if set(parts) <= set(classes):
                option = "" if mark == "," else f" and task.delimiter={mark}"
                cure = f"if a row may have several, set task.kind=multi{option}"
                return [f"the label '{label}' joins {' and '.join(parts)}: {cure}"]
    return []


def _shown(rows: Sequence[int], most: int) -> str:
    return f"rows {', '.join(map(str, rows[:most]))}"
