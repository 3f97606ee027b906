"""A stage of training small enough to be run a hundred times: 22 short texts of two labels, a tiny BERT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks import tiny_models
from whet.nn.packed import Engine
from whet.strategies.full import Full
from whet.tasks.contract import Limits
from whet.tasks.text_classification import TextClassification
from whet.train import optimizers
from whet.train.course import Course
from whet.train.options import TrainOptions

TEXTS = tuple(
    f"{'a fine and warm film, number' if number % 2 else 'dull,'} {number} {'indeed ' * (number % 7)}".strip()
    for number in range(22)
)
ROOMY = 100_000
"""Tokens a batch: more than all texts have."""


@dataclass(frozen=True)
class Started:
    """A course with a fresh engine and optimizer."""

    engine: Engine
    course: Course
    groups: Any
    optimizer: Any

    def weights(self) -> dict[str, Any]:
        optimizers.settle(self.optimizer)
        return {name: one.detach().clone() for name, one in self.engine.network.named_parameters()}


def started(tokens_per_batch: int = ROOMY, rate: float = 1e-3, **options: Any) -> Started:
    """The same weights and rows at every call; ``options`` are those of the recipe's ``train`` section."""
    task = TextClassification()
    examples = [task.parse({"text": text, "label": "ab"[number % 2]}, number) for number, text in enumerate(TEXTS, 1)]
    schema = task.learn(examples)
    features = tiny_models.encoded(task, examples, schema, Limits(64, "head"))
    engine = tiny_models.engine(task.head(schema))
    given = TrainOptions(**{"batch_size": 8, "epochs": 2.0, **options})
    course = Course(task, schema, features, Full(head_rate=1.0), rate, given, tokens_per_batch, seed=3)
    groups = course.strategy.groups(engine.network, engine.anatomy, course.learning_rate, given.weight_decay)
    return Started(engine, course, groups, optimizers.build(given.optimizer, engine.network, groups))
