"""Checkpoints: all that is needed to go on, in safetensors and JSON, each file hashed, published by rename.

There is no random state in them, for every draw is a function of where it happens (see ``core/draws.py``).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from whet.core import rundir
from whet.core.errors import ModelError
from whet.core.events import Looked, Stepped

NAME = re.compile(r"stage-(\d+)-step-(\d+)")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Progress:
    """Where a stage stands: steps done, the best look so far, and what it took (seconds, examples, tokens)."""

    stage: int = 0
    step: int = 0
    epoch: float = 0.0
    best_step: int | None = None
    best: dict[str, float] | None = None
    looks_since_best: int = 0
    seconds: float = 0.0
    examples: int = 0
    tokens: int = 0

    def after(self, **changes: Any) -> Progress:
        """The same with some facts changed."""
        return replace(self, **changes)

    def after_event(self, event: Stepped | Looked) -> Progress:
        """Count a step, or the time that a look and its save took."""
        if isinstance(event, Looked):
            return replace(self, seconds=event.seconds)
        examples, tokens = self.examples + event.examples, self.tokens + event.tokens
        where = self.after(step=event.step, epoch=event.epoch, seconds=event.seconds)
        return where.after(examples=examples, tokens=tokens)


@dataclass(frozen=True)
class Checkpoint:
    """A stage's progress, moving weights, optimizer's memory and best weights (None: the present ones)."""

    progress: Progress
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor] | None

    def save(self, folder: Path, keep: int) -> Path:
        """Publish it under ``folder`` and remove all but the ``keep`` newest."""
        place = folder / f"stage-{self.progress.stage}-step-{self.progress.step:07d}"

        def write(path: Path) -> None:
            _save(self.weights, path / "weights.safetensors")
            _save(self.optimizer, path / "optimizer.safetensors")
            if self.best is not None:
                _save(self.best, path / "best.safetensors")
            rundir.write_json(path / "progress.json", asdict(self.progress))
            rundir.write_json(path / MANIFEST, {file.name: rundir.digest(file) for file in sorted(path.iterdir())})

        rundir.publish(place, write)
        for old in list(newest(folder))[max(keep, 1) :]:
            shutil.rmtree(old)
        return place

    @classmethod
    def load(cls, place: Path) -> Checkpoint:
        """Read one back. Raises ModelError where a file is missing or differs from its manifest."""
        verify(place)
        best = place / "best.safetensors"
        return cls(
            Progress(**rundir.read_json(place / "progress.json")),
            load_file(place / "weights.safetensors"),
            load_file(place / "optimizer.safetensors"),
            load_file(best) if best.is_file() else None,
        )


def newest(folder: Path) -> Iterator[Path]:
    """The checkpoints of a folder, the newest first."""
    found = [(NAME.fullmatch(path.name), path) for path in folder.glob("stage-*-step-*")]
    order = sorted(((int(m[1]), int(m[2]), path) for m, path in found if m), reverse=True)
    yield from (path for _, _, path in order)


def latest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole, and a sentence about each damaged one that was passed over."""
    passed: list[str] = []
    for place in newest(folder):
        try:
            return Checkpoint.load(place), passed
        except ModelError as fault:
            passed.append(f"{place.name} is damaged and was passed over ({fault.faults[0].what})")
    return None, passed


def verify(place: Path) -> None:
    """Raises ModelError where a file of the folder is missing or altered since its manifest was written."""
    try:
        manifest = rundir.read_json(place / MANIFEST)
    except (OSError, ValueError) as error:
        raise ModelError("the manifest cannot be read", str(place), "use an older checkpoint") from error
    for name, expected in manifest.items():
        if not (place / name).is_file():
            raise ModelError(f"{name} is missing", str(place), "use an older checkpoint")
        if rundir.digest(place / name) != expected:
            raise ModelError(f"{name} is not what was written", str(place), "use an older checkpoint")


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())
