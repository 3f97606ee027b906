"""Whether the states of what stands still are computed once and kept: where they can be, and where that pays.

The estimate rests on rules of thumb and on nothing that is measured or busy at the moment, so that the same recipe on
the same machine always chooses the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from whet.assemble.states import bytes_of, features_of, home
from whet.core import cache
from whet.nn.packed import Engine
from whet.nn.trunk import Trunk, trunk_of
from whet.tasks.contract import Split

SPEED = {"cpu": 6e10, "cuda": 3e13, "mps": 2e12}
"""Multiplications and additions a second that a small model's blocks reach: on a processor by each thread, on a GPU
by all of it."""
DISK_BYTES = 5e8
"""Bytes a second that a plain solid-state disk writes, and that are read and checked from it."""
WORTH_SECONDS = 1.0
"""Less than this saved is not worth a file."""
NOTHING_STILL = "nothing stands still"
OF_FREE = 0.5
"""The share of the disk's free bytes that states may take."""


@dataclass(frozen=True)
class Choice:
    """Whether states are kept, the sentence to say, and the bytes that all states together may take."""

    on: bool
    note: str
    most_bytes: int = 0


def find(engine: Engine, cut: int, kind: str) -> str:
    """Tell the engine what stands still below its strategy's cut; why stored states cannot stand in for it, or "".

    ``kind`` is that of the task's head.
    """
    if cut <= 0:
        return NOTHING_STILL
    if kind == "masked":
        return "tokens are hidden anew in every step"
    found = trunk_of(engine, cut)
    if isinstance(found, str):
        return found
    engine.trunk = found
    return ""


def choose(
    engine: Engine, why_not: str, splits: Mapping[str, Split], epochs: float, looks: float, asked: bool | None
) -> Choice:
    """Settle ``train.cache_trunk`` for a stage that reads the training rows ``epochs`` times and validation ``looks``.

    ``why_not`` is why stored states cannot stand in at all, as ``find`` said.
    """
    trunk = engine.trunk
    if trunk is None or why_not:
        return Choice(False, "" if why_not == NOTHING_STILL and not asked else f"no states are kept: {why_not}")
    still, anew = f"{trunk.cut} of {engine.anatomy.depth} blocks stand still", "and are computed in every epoch"
    size = sum(bytes_of(trunk, split) for split in splits.values())
    lying = sum(path.stat().st_size for path in home().rglob("*.states"))
    most = min(cache.MOST_BYTES, lying + int(OF_FREE * shutil.disk_usage(home()).free))
    saved = _saved_seconds(trunk, splits, size, epochs, looks)
    if asked is False:
        return Choice(False, f"{still} {anew}, as the recipe says")
    if size > most:
        needed = f"their states would take {size / 1e6:,.0f} MB, of {most / 1e6:,.0f} MB at most in {home()}"
        return Choice(False, f"{still} {anew}: {needed}")
    if asked is None and saved < WORTH_SECONDS:
        return Choice(False, f"{still} {anew}: keeping their states would not pay here")
    pays = f", which should save about {saved:,.0f} s" if saved >= WORTH_SECONDS else ""
    told = f"{still}, so their states are computed once and kept{pays}: {size / 1e6:,.0f} MB in {home()}"
    return Choice(True, told, most)


def _saved_seconds(trunk: Trunk, splits: Mapping[str, Split], size: int, epochs: float, looks: float) -> float:
    """What the later passes would take below the cut, less writing the states once and reading them in every pass."""
    device = trunk.engine.device.type
    speed = SPEED[device] * (torch.get_num_threads() if device == "cpu" else 1)
    passes = {"train": epochs, "validation": looks}
    tokens = {name: int(features_of(split).lengths.sum()) for name, split in splits.items()}
    later = sum(count * max(0.0, passes[name] - 1) for name, count in tokens.items())
    all_passes = sum(count * passes[name] for name, count in tokens.items()) / max(sum(tokens.values()), 1)
    return later * 2 * trunk.products / speed - size * (1 + all_passes) / DISK_BYTES
