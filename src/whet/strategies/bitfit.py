"""Only biases and the head move: a thousandth of the weights, often as good on small data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from whet.core.errors import ModelError
from whet.strategies._moving import grouped, in_head, let_move
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class BitFit(Strategy):
    """Biases alone are tuned, beside a head that has to be learnt anyway (Ben Zaken et al. 2021).

    On small and middling data it is as good as full tuning, on large data worse. A model without biases (Llama, Gemma,
    T5) has nothing to tune and is refused. The rate is ten times that of full tuning: the paper's are 1e-4 to 1e-3.
    """

    learning_rate: ClassVar[float] = 1e-3

    head_rate: float = 1.0
    """Factor on the head's rate; 1 as in the paper, which trains biases and head together (Ben Zaken et al. 2021)."""

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        if not any(_is_bias(name) and not in_head(name, anatomy) for name, _ in network.named_parameters()):
            raise ModelError(
                f"the {anatomy.family} model has no biases that bitfit could tune",
                "strategy.name",
                "use lora (strategy.rank=1 is about as small) or head",
            )
        let_move(network, lambda name: _is_bias(name) or in_head(name, anatomy))

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
    def sample(cls) -> BitFit:
        return cls()


def _is_bias(name: str) -> bool:
    """A module's own bias; T5's ``relative_attention_bias.weight`` is a table of positions, not one."""
    return name.rpartition(".")[2].endswith("bias")
