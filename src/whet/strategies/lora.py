"""Low-rank layers beside still weights: tuning at a hundredth of the memory, saved in PEFT's format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from whet.core.errors import UsageError
from whet.strategies import _adapter
from whet.strategies._adapter import KINDS, low_rank, modules_called, own, targets_in
from whet.strategies._moving import grouped, let_move, new_head, under
from whet.strategies.contract import Group, Strategy

if TYPE_CHECKING:
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class Lora(Strategy):
    """Each chosen layer W gets a second, narrow one beside it, W + scale * B A, and only A, B and the head move.

    B starts at zero, so the model's answers are unchanged at the start (Hu et al. 2021). Results equal PEFT's to
    rounding, and the adapter that is saved loads in plain PEFT. The rate is the same for every width (Hu et al. use
    4e-4 and 5e-4 for RoBERTa-base), about ten times that of full tuning there ("LoRA Without Regret", Schulman et al.
    2025).
    """

    learning_rate: ClassVar[float] = 5e-4

    rank: int = 16
    """Width of the added layers; 16 holds what a few ten thousand examples teach, and more costs little (Schulman et
    al. 2025: the capacity must exceed the information in the data)."""
    alpha: float = 32.0
    """Strength: what is added is multiplied by alpha / rank; twice the rank as in Biderman et al. 2024."""
    dropout: float = 0.0
    """Share of inputs of the added layers dropped in training; 0 as in short runs it costs more than it gives, while
    PEFT's examples use .05 to .1."""
    targets: tuple[str, ...] = KINDS
    """Which layers: kinds (query, key, value, out, up, down, gate) or names of modules; all, since the feed-forward
    ones matter most at equal size (Schulman et al. 2025; PEFT's method comparison)."""
    variant: Literal["plain", "rslora", "dora"] = "plain"
    """plain; rslora scales by alpha / sqrt(rank), for ranks of 64 and more (Kalajdzievski 2023); dora learns lengths
    apart from directions, a quarter slower (Liu et al. 2024)."""
    whole: tuple[str, ...] = ()
    """Modules that move fully beside the head, as PEFT's modules_to_save; none by default."""

    def __post_init__(self) -> None:
        if self.rank < 1 or not 0 <= self.dropout < 1:
            raise UsageError(
                f"rank {self.rank} with dropout {self.dropout} makes no layer",
                "strategy",
                "give a rank of at least 1, and a dropout from 0 to below 1",
            )

    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        """Put the layers in. Raises UsageError where a target names nothing in this model."""
        from whet.nn.lowrank import inject

        names = targets_in(network, anatomy, self.targets)
        inject(network, names, self.rank, self.alpha, self.dropout, self.variant)
        added = {f"{module}.{part}" for module, layer in low_rank(network).items() for part in own(layer)}
        whole = (*new_head(network, anatomy), *modules_called(network, self.whole))
        let_move(network, lambda name: name in added or under(name, whole))

    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        return grouped(network, rate, decay, anatomy.depth_of, lambda name: 1.0)

    def cut(self, anatomy: Anatomy) -> int:
        return 0

    def save(self, network: nn.Module, anatomy: Anatomy, base: Path, place: Path) -> bool:
        _adapter.save(network, anatomy, self.whole, base, place)
        return True

    def merge(self, network: nn.Module) -> None:
        from whet.nn.lowrank import merge_all

        merge_all(network)

    @classmethod
    def sample(cls) -> Lora:
        return cls(rank=4, alpha=8.0)
