"""A strategy of one's own: only the last blocks and the head move.

    whet run examples/reviews-en --plugin examples/plugin_strategy.py --strategy last-blocks

The entry's name is the class's name with hyphens; its fields are its options (``--set strategy.moving=1``), and the
sentence below each is its help. Nothing of whet is edited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from whet.core.errors import UsageError
from whet.strategies.contract import Group, Strategy


@dataclass(frozen=True)
class LastBlocks(Strategy):
    """The last blocks and the head move, all at one rate; what stands below is never touched."""

    learning_rate: ClassVar[float] = 1e-4

    moving: int = 2
    """How many blocks move, counted from the last; two are a third of the default model."""

    def still(self, anatomy) -> int:
        """How many blocks stand still."""
        if not 0 <= self.moving <= anatomy.depth:
            cure = f"give 0 to {anatomy.depth}"
            raise UsageError(f"the model has no {self.moving} blocks", "strategy.moving", cure)
        return anatomy.depth - self.moving

    def install(self, network, anatomy) -> None:
        # Depth 0 is the embeddings, 1 to L are the blocks, L + 1 is the head: one comparison says who moves.
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(anatomy.depth_of(name) > self.still(anatomy))

    def groups(self, network, anatomy, rate, decay) -> list[Group]:
        # Every moving tensor in exactly one group. Biases and norms, which have one dimension, are not decayed.
        found: dict[tuple[int, float], list[str]] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                own = decay if parameter.ndim > 1 else 0.0
                found.setdefault((anatomy.depth_of(name), own), []).append(name)
        return [Group(tuple(names), rate, own, depth) for (depth, own), names in sorted(found.items())]

    def cut(self, anatomy) -> int:
        return self.still(anatomy)

    @classmethod
    def sample(cls) -> LastBlocks:
        return cls(moving=1)
