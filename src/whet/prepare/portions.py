"""Which rows are used for what: fewer for a quick trial, more from other files, and the splits that are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.core.errors import DataError, UsageError
from whet.prepare import split as splits
from whet.prepare.kept import Lazy
from whet.prepare.near import groups
from whet.prepare.options import DataOptions
from whet.prepare.parsed import Parsed, Spot
from whet.prepare.prints import read_prints
from whet.tasks.contract import Example

FEW, USUAL = 300, 5
"""Below so many rows a tenth of them measures too little, and so many folds are proposed (Kohavi 1995: 5 to 10)."""


def thinned(parsed: Mapping[str, Parsed], most: int | None, seed: int) -> tuple[dict[str, Parsed], list[str]]:
    """At most so many rows of each split, and none whose label the fewer training rows no longer have."""
    if most is None:
        return dict(parsed), []
    places = splits.thinned({name: part.examples for name, part in parsed.items()}, most, seed)
    kept = {name: part.pick(places[name]) for name, part in parsed.items()}
    return kept, [
        f"data.max_rows={most}: {len(kept[name])} of {len(part)} {name} rows are used"
        for name, part in parsed.items()
        if len(kept[name]) < len(part)
    ]


@dataclass(frozen=True)
class Completed:
    """All three splits, and what must be said of them.

    ``homes`` has for each test row of a cross-validation the fold in which it is measured; those rows train too.
    """

    parsed: dict[str, Parsed]
    notes: list[str]
    homes: tuple[int, ...] = ()


def completed(
    parsed: Mapping[str, Parsed], data: DataOptions, seed: int, name: str, folds: int | None = None
) -> Completed:
    """Take what is missing from the training rows ``name``: by ``data.fold`` or ``folds``, else by shares."""
    homes: tuple[int, ...] = ()
    notes: list[str] = []
    if data.fold or folds:
        which, k = data.fold or (None, folds)
        parsed, homes, note = _folded(parsed, which, int(k or 0), seed, name)
        notes.append(note)
    elif "test" not in parsed and len(parsed["train"]) < FEW:
        notes.append(
            f"{name}: of {len(parsed['train'])} rows a test split says little; --set evaluate.folds={USUAL} measures "
            f"with all of them, in about {USUAL} times the time"
        )
    found, said = _divided(parsed, data.split_fractions, seed, name)
    if data.share is not None:
        rows = found["train"]
        found["train"] = rows.pick(splits.share(rows.examples, data.share, seed))
        said.append(f"data.share={data.share:g}: {len(found['train'])} of {len(rows)} training rows are used")
    return Completed(found, notes + said, homes)


def _folded(
    parsed: Mapping[str, Parsed], which: int | None, k: int, seed: int, name: str
) -> tuple[dict[str, Parsed], tuple[int, ...], str]:
    """The test rows of one fold of ``k``, kept from training; or of all folds, kept in it, and the fold of each.

    Raises DataError where there is a test split already, or too few different texts.
    """
    if "test" in parsed:
        what = "there are test rows already, and folds measure on the training rows"
        raise DataError(what, name, "leave out evaluate.folds, or give the file of the training rows alone")
    rows = parsed["train"]
    homes = splits.folds(rows.examples, k, seed)
    measured = homes >= 0 if which is None else homes == which
    found = {**parsed, "test": rows.pick(np.flatnonzero(measured))}
    told = f"{int(measured.sum())} of {len(rows)} rows of {name}"
    drawn = f"folds stratified, seed {seed}, equal and nearly equal texts in one"
    if which is not None:
        found["train"] = rows.pick(np.flatnonzero(~measured))
        return found, (), f"fold {which + 1} of {k}: measured with {told}; {drawn}"
    alone = int((homes < 0).sum())
    never = f"; {alone} are never measured, for they alone have their label" if alone else ""
    said = f"cross-validation: {told} are answered by {k} models, each by one that never saw it ({drawn}){never}"
    return found, tuple(homes[measured].tolist()), said


def _divided(
    parsed: Mapping[str, Parsed], fractions: tuple[float, float], seed: int, name: str
) -> tuple[dict[str, Parsed], list[str]]:
    """Draw the splits that are missing; both shares are of the training rows as they came."""
    missing = [split for split in ("test", "validation") if split not in parsed]
    found: dict[str, Parsed] = dict(parsed)
    notes: list[str] = []
    if not missing:
        return found, notes
    if not (min(fractions) >= 0 and sum(fractions) < 1):
        what = f"{list(fractions)} are not two shares of the rows that leave some to train with"
        raise UsageError(
            what, "data.split_fractions", "give two numbers from 0 on, less than 1 together, as [0.1, 0.1]"
        )
    whole = len(parsed["train"])
    alike = groups(read_prints(parsed["train"].examples))
    numbers = alike.numbers
    if not alike.whole:
        notes.append(
            "near copies among the training rows are not searched to the end: the splits keep equal texts whole"
        )
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
        taken = splits.take(rows.examples, max(1, round(share * whole)), seed, split, numbers)
        if not len(taken):
            different = len(np.unique(numbers))
            among = (
                f" ({different} different, for equal and nearly equal texts stay together)" if different < whole else ""
            )
            raise DataError(
                f"{whole} row{'s are' if whole != 1 else ' is'} too few to make a {split} split of them{among}",
                name,
                f"give more rows, or a {split} file; a text's documents are separated by blank lines or <|endoftext|>",
            )
        stays = np.ones(len(rows), bool)
        stays[taken] = False
        found[split] = rows.pick(taken)
        found["train"], numbers = rows.pick(np.flatnonzero(stays)), numbers[stays]
        notes.append(
            f"there is no {split} file: {len(taken)} of {whole} rows of {name} are drawn for it, stratified, "
            f"seed {seed}; equal and nearly equal texts stay together, and rows keep their numbers in the file"
        )
    return found, notes


@dataclass(frozen=True)
class Mixture:
    """The rows of several files as one; ``different`` counts those that were taken, however often."""

    parsed: Parsed
    different: int
    note: str


def mixture(parts: Mapping[str, Parsed], weights: Sequence[float], seed: int) -> Mixture:
    """Mix files, each by its weight: 1 takes every row once, 0.5 half of them, 2 all twice."""
    sources = list(parts.values())
    drawn = splits.mixed([len(part) for part in sources], weights, seed)
    content = hashlib.sha256(" ".join(part.content for part in sources).encode() + drawn.tobytes()).hexdigest()

    def examples(start: int, stop: int) -> list[Example]:
        return [sources[source].examples[place] for source, place in drawn[start:stop].tolist()]

    def originals(start: int, stop: int) -> list[Mapping[str, Any]]:
        return [sources[source].originals[place] for source, place in drawn[start:stop].tolist()]

    def spots(start: int, stop: int) -> list[Spot]:
        return [sources[source].spots[place] for source, place in drawn[start:stop].tolist()]

    counts = np.bincount(drawn[:, 0], minlength=len(sources)).tolist()
    told = (
        f"{count:,} from {len(part):,} rows of {name}"
        for count, (name, part) in zip(counts, parts.items(), strict=True)
    )
    new = np.append(True, (np.diff(drawn, axis=0) != 0).any(1)) if len(drawn) else np.zeros(0, bool)
    count = len(drawn)
    parsed = Parsed(Lazy(count, examples), Lazy(count, originals), content, Lazy(count, spots))
    return Mixture(parsed, int(new.sum()), f"the training rows are mixed: {'; '.join(told)}")
