"""Checkpoints: all that is needed to go on, in safetensors and JSON, sealed by a manifest, published by rename.

There is no random state in them, for every draw is a function of where it happens (see ``core/draws.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from whet.core import durable, rundir
from whet.core.errors import ModelError
from whet.core.events import Learnt, Said, Stepped
from whet.core.foreign import check_weights

NAME = re.compile(r"stage-(\d+)-step-(\d+)")
CURE = "use an older checkpoint"


@dataclass(frozen=True)
class Progress:
    """Where a stage stands: steps done, the best look and the highest loss so far, and what it took.

    ``looked_step`` is the last step after which the validation rows were looked at: a stop may come before a look that
    was due, which a resume then makes up for. ``computed``, ``flops`` and ``spent`` are sums of what steps tell;
    ``roof`` is what products alone reach here, in operations a second.
    """

    stage: int = 0
    step: int = 0
    epoch: float = 0.0
    looked_step: int = 0
    best_step: int | None = None
    best: dict[str, float] | None = None
    looks_since_best: int = 0
    seconds: float = 0.0
    examples: int = 0
    tokens: int = 0
    highest_loss: float = 0.0
    computed: int = 0
    flops: float = 0.0
    roof: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)

    def after(self, **changes: Any) -> Progress:
        """The same with some facts changed."""
        return replace(self, **changes)

    def after_event(self, event: Learnt) -> Progress:
        """Count a step, or the time that a look or a save took."""
        if isinstance(event, Said):
            return self
        if not isinstance(event, Stepped):
            return replace(self, seconds=event.seconds)
        examples, tokens = self.examples + event.examples, self.tokens + event.tokens
        where = self.after(step=event.step, epoch=event.epoch, seconds=event.seconds)
        where = where.after(computed=self.computed + event.computed, flops=self.flops + event.flops)
        parts = {part: self.spent.get(part, 0.0) + seconds for part, seconds in event.spent.items()}
        highest = max(self.highest_loss, event.loss)
        return where.after(examples=examples, tokens=tokens, spent={**self.spent, **parts}, highest_loss=highest)


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

        durable.publish(place, write)
        rotate(folder, keep)
        return place

    @classmethod
    def load(cls, place: Path) -> Checkpoint:
        """Read one back. Raises ModelError where a file is missing, differs from the manifest or is of another whet."""
        durable.verify(place, CURE)
        check_weights(*place.glob("*.safetensors"))
        best = place / "best.safetensors"
        try:
            return cls(
                Progress(**rundir.read_json(place / "progress.json")),
                load_file(place / "weights.safetensors"),
                load_file(place / "optimizer.safetensors"),
                load_file(best) if best.is_file() else None,
            )
        except (TypeError, ValueError, OSError, SafetensorError) as error:
            raise ModelError(f"another version of whet wrote it ({error})", str(place), CURE) from error


def rotate(folder: Path, keep: int) -> None:
    """Remove all checkpoints but the ``keep`` newest."""
    for old in list(newest(folder))[max(keep, 1) :]:
        durable.discard(old)


def newest(folder: Path) -> Iterator[Path]:
    """The checkpoints of a folder, the newest first."""
    found = [(NAME.fullmatch(path.name), path) for path in folder.glob("stage-*-step-*")]
    order = sorted(((int(m[1]), int(m[2]), path) for m, path in found if m), reverse=True)
    yield from (path for _, _, path in order)


def latest(folder: Path) -> tuple[Checkpoint | None, dict[Path, str]]:
    """The newest checkpoint that is whole, and each damaged one that was passed over, with a sentence about it."""
    passed: dict[Path, str] = {}
    for place in newest(folder):
        try:
            return Checkpoint.load(place), passed
        except ModelError as fault:
            passed[place] = f"{place.name} is damaged and was passed over ({fault.faults[0].what})"
    return None, passed


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
