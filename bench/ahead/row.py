"""A row of the table: what it aims at, what was measured in every pair, and what is wrong with it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Run = Callable[[int], dict[str, Any]]
Runs = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Aim:
    """What a row measures and should reach; ``unit`` is ``x`` for a ratio, ``share``, or ``s`` for seconds."""

    name: str
    told: str
    target: float
    unit: str = "x"
    at_most: bool = False


@dataclass(frozen=True)
class Row:
    """An aim with a value a pair, and the sentences of the gates that failed; ``notes`` say what was not asked."""

    aim: Aim
    values: Sequence[float]
    faults: Sequence[str] = ()
    notes: Sequence[str] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the JSON and for the table."""
        return {
            "name": self.aim.name,
            "told": self.aim.told,
            "target": self.aim.target,
            "unit": self.aim.unit,
            "at_most": self.aim.at_most,
            "values": list(self.values),
            "median": statistics.median(self.values),
            "least": min(self.values),
            "most": max(self.values),
            "faults": list(self.faults),
            "notes": list(self.notes),
        }


def alternate(sides: Mapping[str, Run], count: int) -> Runs:
    """Every side once a pair, the order turned round from pair to pair (A B, B A): a busy minute hurts no side more.

    ``count`` pairs; the pair's number is the seed of all its sides.
    """
    found: Runs = {name: [] for name in sides}
    for pair in range(count):
        names = list(sides) if pair % 2 == 0 else list(sides)[::-1]
        for name in names:
            found[name].append(sides[name](pair))
            print(f"  pair {pair}, {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    return found


def ratios(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], figure: str) -> list[float]:
    """whet's figure over the peer's, pair by pair."""
    return [our[figure] / their[figure] for our, their in zip(ours, theirs, strict=True)]
