"""Which rows are used for what: fewer for a quick trial, and the splits that the user did not bring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from whet.core.errors import DataError, UsageError
from whet.prepare.parsed import Parsed
from whet.prepare.split import labels_in, labels_of, take, thin


def thinned(parsed: Mapping[str, Parsed], most: int | None, seed: int) -> tuple[dict[str, Parsed], list[str]]:
    """At most so many rows of each split, and none whose label the fewer training rows no longer have."""
    if most is None:
        return dict(parsed), []
    places = {name: thin(part.examples, most, seed, name) for name, part in parsed.items()}
    if "train" in parsed:
        labels = labels_of(parsed["train"].examples)
        left = {label for place in places["train"] for label in labels[place]}
        lost = {label for found in labels for label in found} - left
        for name, part in parsed.items():
            places[name] = [i for i in places[name] if lost.isdisjoint(labels_in(part.examples[i].target))]
    kept = {name: part.pick(places[name]) for name, part in parsed.items()}
    return kept, [
        f"data.max_rows={most}: {len(kept[name])} of {len(part)} {name} rows are used"
        for name, part in parsed.items()
        if len(kept[name]) < len(part)
    ]


def completed(
    parsed: Mapping[str, Parsed], fractions: tuple[float, float], seed: int, name: str
) -> tuple[dict[str, Parsed], list[str]]:
    """Take what is missing from the training rows; both shares are of the training rows as they came."""
    missing = [split for split in ("test", "validation") if split not in parsed]
    found, notes = dict(parsed), []
    if missing and not (min(fractions) >= 0 and sum(fractions) < 1):
        what = f"{list(fractions)} are not two shares of the rows that leave some to train with"
        raise UsageError(
            what, "data.split_fractions", "give two numbers from 0 on, less than 1 together, as [0.1, 0.1]"
        )
    whole = len(parsed["train"])
    for split in missing:
        share = fractions[0] if split == "validation" else fractions[1]
        rows = found["train"]
        if share == 0 and split == "validation":
            found[split] = rows.pick([])
            notes.append(
                "there are no validation rows: the last weights are kept, and nothing is fitted after training"
            )
            continue
        if share == 0:
            what, cure = "a share of 0 leaves no test rows to measure the model with", "as [0, 0.1], or set data.test"
            raise UsageError(what, "data.split_fractions", cure)
        taken = take(rows.examples, max(1, round(share * whole)), seed, split)
        if not len(taken):
            raise DataError(
                f"{whole} rows are too few to make a {split} split of them",
                name,
                f"give more rows, or a {split} file; separate documents by blank lines or <|endoftext|>",
            )
        stays = np.ones(len(rows), bool)
        stays[taken] = False
        found[split] = rows.pick(taken)
        found["train"] = rows.pick(np.flatnonzero(stays))
        notes.append(
            f"there is no {split} file: {len(taken)} of {whole} rows of {name} are drawn for it, "
            f"stratified, seed {seed}; equal texts stay together, and rows keep their numbers in the file"
        )
    return found, notes
