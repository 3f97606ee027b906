"""What judging asks of the answered rows themselves, whatever the task: one walk, for there may be a million."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from whet.core import draws
from whet.judge.doubts import Doubting, Doubts
from whet.judge.held_out import HeldOut
from whet.judge.reliability import Deciding
from whet.judge.slices import MOST_ROWS
from whet.judge.tables import Counting
from whet.judge.traits import Traits
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class Reading:
    """The tables by class, what the probabilities are worth, the labels to look at, and what rows have in common.

    ``classes`` and ``confusion`` are empty where the answers are not labels, ``calibration`` where they have no
    probabilities. ``traits`` and ``quality`` (float, higher is better) are those of the rows at ``places``: all, or
    as many as are searched for slices; ``numbers`` are these rows' own.
    """

    classes: tuple[dict[str, Any], ...]
    confusion: dict[str, Any] | None
    calibration: dict[str, Any] | None
    doubts: Doubts
    traits: Traits
    places: np.ndarray
    quality: np.ndarray
    numbers: np.ndarray


def read(
    held: HeldOut,
    schema: Schema,
    quality: Callable[[Pair], float],
    validation: Sequence[Pair] = (),
    seed: int = 0,
) -> Reading:
    """Walk through the pairs once, and keep counts and numbers; labels are looked at in ``validation`` too."""
    counting, deciding, doubting, traits = (
        Counting(schema),
        Deciding(schema, not held.homes),
        Doubting(schema),
        Traits(held.roles),
    )
    places = _searched(len(held.pairs), seed)
    due = iter(places.tolist())
    following = next(due, None)
    values, numbers = array("d"), array("q")
    for place, (pair, original, unknown) in enumerate(_rows(held)):
        counting.add(pair)
        deciding.add(pair)
        doubting.add("test", place, pair)
        if place == following:
            traits.add(pair, original, unknown)
            values.append(quality(pair))
            numbers.append(pair.example.row)
            following = next(due, None)
    for place, pair in enumerate(validation):
        doubting.add("validation", place, pair)
    return Reading(
        tuple(counting.classes()),
        counting.confusion(),
        deciding.calibration(),
        doubting.doubts(),
        traits,
        places,
        np.array(values),
        np.array(numbers),
    )


def _searched(rows: int, seed: int) -> np.ndarray:
    """The places of the rows that are searched for slices, in their order."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(draws.generator(seed, "searched").choice(rows, MOST_ROWS, replace=False))


def _rows(held: HeldOut) -> Iterator[tuple[Pair, Mapping[str, Any] | None, float | None]]:
    originals = held.originals or repeat(None, len(held.pairs))
    unknown = held.unknown or repeat(None, len(held.pairs))
    return zip(held.pairs, originals, unknown, strict=True)
