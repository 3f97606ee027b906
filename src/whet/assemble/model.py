"""A model ready to learn and to answer: the network with its engine, tokenizer, task and what was learnt from rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from whet.assemble.load import Pooling
from whet.assemble.source import Source
from whet.nn.anatomy import Anatomy
from whet.nn.packed import Engine
from whet.tasks.contract import Limits, Schema, Task


@dataclass(frozen=True)
class Model:
    """Everything between a row and an answer. ``columns`` maps each role to the user's name for its column."""

    engine: Engine
    tokenizer: Any
    task: Task
    schema: Schema
    limits: Limits
    source: Source
    pooling: Pooling
    tokens_per_batch: int
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def network(self) -> nn.Module:
        return self.engine.network

    @property
    def anatomy(self) -> Anatomy:
        return self.engine.anatomy

    def with_schema(self, schema: Schema) -> Model:
        """The same model with thresholds or a temperature fitted."""
        return dataclasses.replace(self, schema=schema)

    def parameters(self) -> dict[str, int]:
        """How many numbers the model has, and how many of them move."""
        counts = [(parameter.numel(), parameter.requires_grad) for parameter in self.network.parameters()]
        return {
            "total": sum(count for count, _ in counts),
            "trainable": sum(count for count, moves in counts if moves),
        }
