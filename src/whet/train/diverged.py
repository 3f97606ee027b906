"""A loss or gradient that is no number: which examples the step held, and which of them are to blame alone."""

from __future__ import annotations

import math

import torch

from whet.core.errors import TrainingError
from whet.nn.packed import Engine
from whet.prepare.batch import Step, collate
from whet.tasks.contract import Features
from whet.train.course import Course

DIVERGED = "lower train.learning_rate, or set train.precision=float32"


class Diverged(TrainingError):
    """Training stopped before an update that would have ruined the weights.

    ``examples`` are the places in the split of all that the step held, ``suspects`` those whose loss is not finite by
    itself (often one broken row; none where the gradient alone is not).
    """

    def __init__(
        self, stage: int, step: int, loss: float, norm: float, examples: tuple[int, ...], suspects: tuple[int, ...]
    ) -> None:
        super().__init__(f"the loss is {loss} and the gradient's norm {norm}", f"stage {stage}, step {step}", DIVERGED)
        self.step, self.loss, self.norm = step, loss, norm
        self.examples, self.suspects = examples, suspects


def diverged(engine: Engine, course: Course, step: Step, number: int, loss: float, norm: float) -> Diverged:
    """The error for a step, once its examples have been asked one by one, without dropout."""
    engine.network.eval()
    parts: dict[int, list[Features]] = {}
    for feature in (feature for batch in step.micro for feature in batch.features):
        parts.setdefault(feature.index, []).append(feature)
    with torch.no_grad():
        alone = {place: float(course.task.loss(engine, collate(own), course.schema)) for place, own in parts.items()}
    suspects = (place for place, found in alone.items() if not math.isfinite(found))
    return Diverged(course.stage, number, loss, norm, tuple(sorted(parts)), tuple(sorted(suspects)))
