"""Every weight moves: the most capable strategy, and the one that needs the most memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from whet.strategies._moving import grouped, let_move, new_head, under
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class Full(Strategy):
    """Every weight moves (Devlin et al. 2019), a task's head faster, since it mostly starts from nothing."""

    learning_rate: ClassVar[float] = 1e-4
    by_width: ClassVar[bool] = True

    head_rate: float = 5.0
    """Factor on the rate of a task's head (a language model's own goes with the rest); with it and 1e-4, MiniLM did
    better on SST-2's validation rows than with 1 and 5e-5 (docs/log.md)."""

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        let_move(network, lambda name: True)

    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        return grouped(
            network,
            rate,
            decay,
            anatomy.depth_of,
            lambda name: self.head_rate if under(name, new_head(network, anatomy)) else 1.0,
        )

    def cut(self, anatomy: Anatomy) -> int:
        return 0

    @classmethod
    def sample(cls) -> Full:
        return cls(head_rate=2.0)
