"""All weights move, low ones slower and later: ULMFiT's ways of tuning without forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from whet.core.errors import UsageError
from whet.strategies._moving import grouped, let_move
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    import torch
    from torch import nn

    from whet.nn.anatomy import Anatomy

THAWED_BY = 1 / 3
"""The share of training after which ``spread`` unfreezing has let every block go: ULMFiT's three layers took a few of
its fifty epochs, and a block that moves for less than half of a short run hardly learns."""


@dataclass(frozen=True)
class Discriminative(Strategy):
    """Three ideas of ULMFiT (Howard & Ruder 2018): rates that fall with depth, a slanted triangle, gradual unfreezing.

    In ULMFiT's own tables rates and schedule carry the gain (TREC-6 error 6.37 to 5.69 on top of unfreezing),
    unfreezing alone next to none. Each can be switched off: ``layer_decay: 1``, ``train.schedule: linear``,
    ``unfreezing: none``. The peak rate is that of full tuning.
    """

    learning_rate: ClassVar[float] = 1e-4
    by_width: ClassVar[bool] = True
    schedule: ClassVar[str] = "slanted-triangular"

    layer_decay: float = 0.95
    """Each block's rate is this part of the one above; 1 switches it off. ULMFiT's 1/2.6 was for three layers and would
    hold the lower half of twelve blocks still, .95 is what BERT wants (Sun et al. 2019)."""
    unfreezing: Literal["spread", "epoch", "none"] = "spread"
    """From the head downwards, blocks begin to move spread over the first third of training, one an epoch, or all at
    once; ULMFiT's one an epoch would never reach the bottom of twelve blocks in four epochs (Howard & Ruder 2018)."""

    def __post_init__(self) -> None:
        if not 0 < self.layer_decay <= 1:
            raise UsageError(
                f"{self.layer_decay} is no share", "strategy.layer_decay", "give a number above 0, at most 1"
            )

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        let_move(network, lambda name: True)

    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        top = anatomy.depth + 1
        return grouped(
            network,
            rate,
            decay,
            anatomy.depth_of,
            lambda name: self.layer_decay ** (top - anatomy.depth_of(name)),
        )

    def at(self, epoch: float, epochs: float, groups: Sequence[Group]) -> list[float]:
        """1 for what moves already, 0 for what still waits its turn; the head moves from the start."""
        top = max(group.depth for group in groups)
        if self.unfreezing == "none":
            begins = 0.0
        elif self.unfreezing == "epoch":
            begins = 1.0
        else:
            begins = THAWED_BY * epochs / max(top, 1)
        return [float(epoch + 1e-9 >= begins * (top - group.depth)) for group in groups]

    def cut(self, anatomy: Anatomy) -> int:
        return 0

    def delta(self, network: nn.Module) -> dict[str, torch.Tensor]:
        """Every weight, also of a block that has not begun to move when a run is stopped early."""
        names = {name for name, _ in network.named_parameters()}
        return {name: tensor for name, tensor in network.state_dict().items() if name in names}

    @classmethod
    def sample(cls) -> Discriminative:
        return cls(layer_decay=0.8)
