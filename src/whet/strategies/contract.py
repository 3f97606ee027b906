"""What a strategy must answer: which weights move, how fast, from when, and what must be kept.

A strategy never brings a loop of its own and never names a model family: it speaks of a network's anatomy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from whet.core.shelf import Shelf

if TYPE_CHECKING:
    import torch
    from torch import nn

    from whet.nn.anatomy import Anatomy


@dataclass(frozen=True)
class Group:
    """Parameters that move at one rate: names in the network, learning rate, weight decay, and the depth they stand at.

    ``depth`` is 0 for the embeddings, 1 to L for the blocks, L + 1 for what follows them (see ``Anatomy.depth_of``).
    """

    names: tuple[str, ...]
    rate: float
    decay: float
    depth: int


WIDTH = 384
"""The width of the default model, for which rates that depend on the width are stated."""


class Strategy(ABC):
    """A way to fine-tune. An entry is a frozen dataclass whose fields are its options."""

    learning_rate: ClassVar[float]
    """The rate used where the recipe names none."""
    by_width: ClassVar[bool] = False
    """Whether that rate is meant for states ``WIDTH`` wide and falls as they widen, as where whole matrices move."""
    schedule: ClassVar[str] = "linear"
    """The schedule used where the recipe names none."""

    def rate_for(self, width: int) -> float:
        """The peak rate for a model with states so wide: under Adam, steps of a matrix must shrink as it widens.

        Yang et al. 2022 (muP) derive 1 / width; what is used in practice follows it: 1e-4 at 384 (docs/log.md), 5e-5 at
        768 (Devlin et al. 2019), 1e-5 at 4096.
        """
        return self.learning_rate * WIDTH / width if self.by_width else self.learning_rate

    @abstractmethod
    def install(self, network: nn.Module, anatomy: Anatomy) -> None:
        """Add what is to be added and set ``requires_grad`` on exactly the weights that will move."""

    @abstractmethod
    def groups(self, network: nn.Module, anatomy: Anatomy, rate: float, decay: float) -> list[Group]:
        """Every moving parameter in exactly one group."""

    @abstractmethod
    def cut(self, anatomy: Anatomy) -> int:
        """Below how many blocks (embeddings included) nothing moves: 0 where the embeddings or block 0 may move."""

    @classmethod
    @abstractmethod
    def sample(cls) -> Strategy:
        """The smallest honest instance, for the contract suite."""

    def at(self, epoch: float, epochs: float, groups: Sequence[Group]) -> list[float]:
        """The factor on each group's rate after ``epoch`` of ``epochs``; 0 means that the group stands still."""
        return [1.0] * len(groups)

    def delta(self, network: nn.Module) -> dict[str, torch.Tensor]:
        """What moved, by name: what must be kept to have the tuned model again from the same base."""
        state = network.state_dict()
        moving = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        return {name: tensor for name, tensor in state.items() if name in moving}

    def save(self, network: nn.Module, anatomy: Anatomy, base: Path, place: Path) -> bool:
        """Write what was added as an adapter in PEFT's format, for a base that lies in the directory ``base``.

        False where nothing was added: then the model's own weights moved, and the whole model is to be saved.
        """
        return False

    def merge(self, network: nn.Module) -> None:
        """Fold what was added into plain layers; by default nothing was added."""
        return


def cut_in(network: nn.Module, anatomy: Anatomy, strategy: Strategy) -> int:
    """The strategy's cut, or a lower one where weights that were new at load, or are tied to moving ones, lie below."""
    named = network.named_parameters(remove_duplicate=False)
    lowest = min(anatomy.depth_of(name) for name, parameter in named if parameter.requires_grad)
    return min(strategy.cut(anatomy), max(0, lowest - 1))


STRATEGIES: Shelf[Strategy] = Shelf("whet.strategies", Strategy, "strategy")
