"""One training of whet beside the same training of its peers: alternately, in fresh processes, with all gates."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench import gates
from bench.ahead.row import Aim, Row, Run, Runs, alternate, ratios
from bench.processes import directory, peer, script, whet

ONE_PAIR = "quality is not asked: one pair has no standard error"


@dataclass(frozen=True)
class Side:
    """One peer: its aim, what its script is given beside the common, and whether it trains the same weights."""

    aim: Aim
    given: Mapping[str, Any]
    same_weights: bool = True


@dataclass(frozen=True)
class Race:
    """One bench of training.

    ``settings`` are whet's own, ``common`` both sides' (of the recipe's section ``train``). ``first`` is what
    ``peers/first_losses.py`` is asked. ``memory`` is an aim beside the first peer's. ``no_quality`` says why quality is
    not asked; else scores are compared, as higher or lower is better. ``beside`` are further measurements of each pair.
    """

    data: Mapping[str, str]
    model: str
    settings: Mapping[str, Any]
    common: Mapping[str, Any]
    peers: Mapping[str, Side]
    first: Mapping[str, Any]
    kind: str = "classify"
    memory: Aim | None = None
    no_quality: str = ""
    higher_is_better: bool = True
    beside: Mapping[str, Run] = field(default_factory=dict)


@dataclass(frozen=True)
class Raced:
    """The rows of the table, and the raw figures that they rest on."""

    rows: list[Row]
    runs: Runs
    first_losses: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"rows": [row.as_dict() for row in self.rows], "runs": self.runs, "first_losses": self.first_losses}


def race(asked: Race, count: int) -> Raced:
    """The first losses once, then whet and all peers alternately, ``count`` times."""
    first = script("bench.peers.first_losses", json.dumps(asked.first))
    losses = gates.losses(first["whet"], first["plain"])
    sides: dict[str, Run] = {"whet": partial(_whet, asked)}
    sides |= {name: partial(_peer, asked, side.given) for name, side in asked.peers.items()}
    runs = alternate({**sides, **asked.beside}, count)
    rows = [row(asked, name, runs, losses) for name in asked.peers]
    if asked.memory is not None:
        shares = ratios(runs["whet"], runs[next(iter(asked.peers))], "peak_bytes")
        rows.append(Row(asked.memory, shares, rows[0].faults, rows[0].notes))
    return Raced(rows, runs, first)


def row(asked: Race, name: str, runs: Runs, losses: list[str]) -> Row:
    """One peer's row: the ratios of the speeds, and every gate; ``losses`` are the faults of the first losses."""
    ours, theirs, side = runs["whet"], runs[name], asked.peers[name]
    faults = [*losses, *gates.gradients(ours, "whet"), *gates.gradients(theirs, name), *gates.protocol(ours, theirs)]
    faults += gates.moving(ours, theirs) if side.same_weights else []
    if asked.no_quality:
        return Row(side.aim, ratios(ours, theirs, "examples_per_second"), faults, [asked.no_quality])
    mine, other = (statistics.mean(run["score"] for run in runs) for runs in (ours, theirs))
    notes = [f"mean score {mine:.3f} beside {other:.3f}"]
    if not side.same_weights:
        notes.append("a part is trained beside the whole, so neither weights nor quality are asked to be equal")
    elif len(ours) < 2:
        notes.append(ONE_PAIR)
    else:
        faults += gates.quality(ours, theirs, asked.higher_is_better)
    return Row(side.aim, ratios(ours, theirs, "examples_per_second"), faults, notes)


def _whet(asked: Race, seed: int) -> dict[str, Any]:
    settings = {f"train.{key}": value for key, value in asked.common.items()}
    settings |= {"model.name": asked.model, "data.on_leak": "allow", "evaluate.curve": "false", **asked.settings}
    with tempfile.TemporaryDirectory() as out:
        return whet(asked.data, seed, settings, Path(out) / "run")


def _peer(asked: Race, given: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return peer(asked.kind, {**asked.data, **asked.common, "model": directory(asked.model), "seed": seed, **given})
