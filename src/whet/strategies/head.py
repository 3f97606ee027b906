"""Only the head moves: a linear probe, the cheapest way to see what a model's states already tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from whet.strategies._moving import grouped, in_head, let_move
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class Head(Strategy):
    """The model stays as it is and a head learns to read its states, so nothing of the model can be forgotten.

    The rate is ten times that of full tuning: a small head on still states is a convex problem, which wants large steps
    (linear probing, Alain & Bengio 2017). A language head that is tied to the embeddings cannot move without them.
    """

    learning_rate: ClassVar[float] = 1e-3

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        let_move(network, lambda name: in_head(name, anatomy))

    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        return grouped(network, rate, decay, anatomy.depth_of, lambda name: 1.0)

    def cut(self, anatomy: Anatomy) -> int:
        return anatomy.depth

    @classmethod
    def sample(cls) -> Head:
        return cls()
