"""What judging asks of the answered rows themselves, whatever the task: one walk, for there may be a million."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.judge.reliability import Deciding
from whet.judge.tables import Counting
from whet.tasks.contract import Pair, Schema


@dataclass(frozen=True)
class Reading:
    """How long each input is (characters, int [rows]), the tables by class, and what the probabilities are worth.

    ``classes`` and ``confusion`` are empty where the answers are not labels, ``calibration`` where they have no
    probabilities.
    """

    lengths: np.ndarray
    classes: tuple[dict[str, Any], ...]
    confusion: dict[str, Any] | None
    calibration: dict[str, Any] | None


def read(pairs: Iterable[Pair], schema: Schema) -> Reading:
    """Walk through the pairs once, and keep counts and numbers."""
    lengths, counting, deciding = array("q"), Counting(schema), Deciding()
    for pair in pairs:
        lengths.append(sum(map(len, pair.example.inputs)))
        counting.add(pair)
        deciding.add(pair)
    return Reading(
        np.array(lengths),
        tuple(counting.classes()),
        counting.confusion(),
        deciding.calibration(schema.temperature),
    )
