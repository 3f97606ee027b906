"""One stage of training as a value: what is learnt, from which features, how, and the seed of every draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from whet.nn.flops import Rows
from whet.prepare.batch import bounds
from whet.strategies.contract import Strategy
from whet.tasks.contract import Features, Schema, Task
from whet.train import schedules
from whet.train.options import TrainOptions


@dataclass(frozen=True)
class Course:
    """One stage of training as values: what is learnt, from which features, how, and the seed of every draw."""

    task: Task
    schema: Schema
    features: Sequence[Features]
    strategy: Strategy
    learning_rate: float
    options: TrainOptions
    tokens_per_batch: int
    seed: int
    stage: int = 0

    @cached_property
    def steps_per_epoch(self) -> int:
        return math.ceil((len(bounds(self.features)) - 1) / self.options.batch_size)

    @property
    def steps(self) -> int:
        return max(1, round(self.options.epochs * self.steps_per_epoch))

    @property
    def rows(self) -> Rows:
        """What goes through the model's head."""
        kind = self.task.head(self.schema).kind
        return "examples" if kind == "sequence" else "tokens" if kind == "token" else "targets"

    def factor(self, step: int) -> float:
        """The schedule's factor on the peak rates at ``step`` (from 0)."""
        name = self.options.schedule or self.strategy.schedule
        return schedules.factor(name, step, self.steps, self.options.warmup)
