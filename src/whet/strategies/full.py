"""Every weight moves: the most capable strategy, and the one that needs the most memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from whet.strategies._moving import grouped, in_head, let_move
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class Full(Strategy):
    """Every weight moves at one rate (Devlin et al. 2019); the head's may be higher, since it starts from nothing.

    The default rate suits small encoders; models of 100 million parameters and more want 2e-5 to 3e-5 (Mosbach et al.
    2021).
    """

    learning_rate: ClassVar[float] = 5e-5

    head_rate: float = 1.0
    """Factor on the head's rate; 1 is BERT's own (Devlin et al. 2019), 5 to 20 helps short runs."""

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        let_move(network, lambda name: True)

    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        return grouped(
            network,
            rate,
            decay,
            anatomy.depth_of,
            lambda name: self.head_rate if in_head(name, anatomy) else 1.0,
        )

    def cut(self, anatomy: Anatomy) -> int:
        return 0

    @classmethod
    def sample(cls) -> Full:
        return cls(head_rate=2.0)
