"""The lowest blocks and the embeddings stand still, the rest moves: about half the work of full tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from whet.core.errors import UsageError
from whet.strategies._moving import grouped, let_move
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class Freeze(Strategy):
    """Low blocks hold what all tasks share, so that tuning the upper ones alone keeps most of the quality.

    Lee et al. 2019 ("What would Elsa do?") reach 90 % of full tuning's quality with the top quarter of BERT's blocks.
    What stands still needs no gradients and no optimizer memory, and its states can be computed once for all epochs.
    """

    learning_rate: ClassVar[float] = 1e-4
    by_width: ClassVar[bool] = True

    blocks: int | float = 2 / 3
    """The lowest blocks to hold still, as a count (1 or more) or as a share (below 1, rounded down); two thirds leave
    enough to learn with and make four epochs about 2.5 times as fast (Lee et al. 2019; AutoFreeze, Liu et al. 2021)."""

    def still(self, anatomy: Anatomy) -> int:
        """How many of the model's blocks stand still. Raises UsageError where it does not have so many."""
        if self.blocks < 0 or self.blocks > anatomy.depth or (self.blocks > 1 and self.blocks != int(self.blocks)):
            raise UsageError(
                f"{self.blocks} blocks cannot stand still: the model has {anatomy.depth}",
                "strategy.blocks",
                f"give a count from 0 to {anatomy.depth}, or a share below 1",
            )
        return int(self.blocks) if self.blocks >= 1 else int(anatomy.depth * self.blocks + 1e-9)

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        still = self.still(anatomy)
        let_move(network, lambda name: anatomy.depth_of(name) > still)

    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        return grouped(network, rate, decay, anatomy.depth_of, lambda name: 1.0)

    def cut(self, anatomy: Anatomy) -> int:
        return self.still(anatomy)

    @classmethod
    def sample(cls) -> Freeze:
        return cls(blocks=1)
