"""What a run must not lose: its progress, the best weights so far, and the checkpoint that holds both."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from whet.core import memory
from whet.core.errors import TrainingError
from whet.core.events import Looked
from whet.metrics.scores import better
from whet.strategies.contract import Group
from whet.train import optimizers
from whet.train.course import Course
from whet.train.diverged import DIVERGED
from whet.train.state import Checkpoint, Progress, rotate
from whet.train.stop import Stop


@dataclass(frozen=True)
class Watch:
    """What the driver needs from outside: validation scores, the metric that chooses, where to save, when to stop.

    ``began`` is when the stage's seconds began to count, on the clock of ``time.perf_counter``.
    """

    look: Callable[[], dict[str, float]] | None
    metric: str
    checkpoints: Path
    stop: Stop
    began: float = field(default_factory=time.perf_counter)


class Keeper:
    """What must not be lost: the progress, the best weights so far, and the checkpoint that holds both."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        groups: list[Group],
        watch: Watch,
        course: Course,
    ) -> None:
        parameters = dict(network.named_parameters())
        self.moving = {name: parameters[name] for group in groups for name in group.names}
        self.network, self.optimizer, self.groups = network, optimizer, groups
        self.watch, self.course = watch, course
        self.progress = Progress(stage=course.stage)
        self.best: dict[str, torch.Tensor] | None = None

    @property
    def owes_a_look(self) -> bool:
        """Whether the validation rows are due after the present step and were not yet looked at."""
        step, every = self.progress.step, self.course.options.evaluate_every or self.course.steps_per_epoch
        return step > self.progress.looked_step and (step == self.course.steps or step % every == 0)

    @property
    def out_of_patience(self) -> bool:
        patience = self.course.options.patience
        return patience is not None and self.progress.looks_since_best >= patience

    def pause(self) -> None:
        """Between two steps: make the network what whoever answers with it must find."""
        optimizers.settle(self.optimizer)
        self.network.eval()
        memory.give_back()

    def score(self) -> dict[str, float]:
        """Score the validation rows; nothing is lost where it is broken off."""
        values = self.watch.look() if self.watch.look else {}
        memory.give_back()
        return values

    def looked(self, values: dict[str, float]) -> Looked:
        """Take up a score; on an equal one the lower loss wins, on that the later weights stay out."""
        step, is_best = self.progress.step, not values or _beats(self.watch.metric, values, self.progress.best)
        if is_best:
            self._keep_best()
            self.progress = self.progress.after(best_step=step, best=values or None, looks_since_best=0)
        else:
            self.progress = self.progress.after(looks_since_best=self.progress.looks_since_best + 1)
        self.progress = self.progress.after(looked_step=step)
        return Looked(step, self.progress.epoch, values, is_best, self.progress.seconds)

    def save(self) -> Path:
        """Publish a checkpoint. Raises TrainingError where a weight is not finite: the last good state stays."""
        optimizers.settle(self.optimizer)
        if not all(map(_is_finite, self.moving.values())):
            where = f"stage {self.progress.stage}, step {self.progress.step}"
            raise TrainingError("the weights are no longer finite numbers", where, DIVERGED)
        now = self.progress.best_step == self.progress.step
        checkpoint = Checkpoint(
            self.progress,
            {name: tensor.detach() for name, tensor in self.moving.items()},
            optimizers.state_by_name(self.optimizer, self.groups),
            None if now else self.best,
        )
        return checkpoint.save(self.watch.checkpoints, self.course.options.keep_checkpoints)

    def take_up(self, start: Checkpoint) -> None:
        rotate(self.watch.checkpoints, self.course.options.keep_checkpoints)  # an interrupted save has not come to it
        self.progress = start.progress
        self._fill(start.weights)
        optimizers.restore(self.optimizer, self.groups, start.optimizer)
        if start.best is not None:
            self.best = start.best
        elif start.progress.best_step == start.progress.step:
            self._keep_best()

    def restore_best(self) -> None:
        optimizers.release(self.optimizer)
        if self.best is not None:
            self._fill(self.best)

    def _keep_best(self) -> None:
        if self.best is None:
            self.best = {name: torch.empty_like(tensor) for name, tensor in self.moving.items()}
        with torch.no_grad():
            for name, tensor in self.moving.items():
                self.best[name].copy_(tensor)

    def _fill(self, weights: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in self.moving.items():
                tensor.copy_(weights[name])


def _is_finite(tensor: torch.Tensor) -> bool:
    """Whether all its numbers are, without another tensor of its size."""
    return all(math.isfinite(end) for end in torch.aminmax(tensor.detach()))


def _beats(metric: str, values: dict[str, float], best: dict[str, float] | None) -> bool:
    if best is None or values[metric] != best[metric]:
        return better(metric, values[metric], best[metric] if best else None)
    return values.get("loss", 0.0) < best.get("loss", 0.0)
