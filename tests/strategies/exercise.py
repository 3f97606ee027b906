"""The smallest honest training: eight fixed texts as one flat batch, AdamW over a strategy's own groups.

Tiny models come from ``families``; ``bert-mean`` is bert's base under our mean head, which is what MiniLM gets.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

import families
from whet.core.errors import ModelError
from whet.nn.anatomy import Anatomy, read_anatomy
from whet.nn.dropout import replace_dropouts
from whet.nn.heads import MeanHead
from whet.nn.packed import Engine, Flat, choose_path
from whet.strategies.contract import STRATEGIES, Strategy
from whet.train.fit import quieten

EPOCHS = 3.0
DECAY = 0.01
MEAN = "bert-mean"
DEFAULT = ("bert", "llama", "t5", MEAN)
REST = tuple(name for name in families.with_kind("sequence") if name not in DEFAULT)
WITHOUT_BIASES = ("llama", "qwen3", "gemma", "gemma2", "gemma3_text", "t5", "modernbert", "modernbert-mean")
REFUSED = {("bitfit", family) for family in WITHOUT_BIASES}
"""What a strategy cannot do on a model, and says so: the only pairs that the suite lets go."""


@dataclass(frozen=True)
class Tuned:
    """A tiny model with a strategy installed."""

    strategy: Strategy
    network: nn.Module
    anatomy: Anatomy
    engine: Engine


def network_of(family: str, dropout: float = 0.0) -> nn.Module:
    """The same tiny classifier of two classes at every call."""
    if family != MEAN:
        return families.build(family, "sequence", dropout=dropout, num_labels=2)
    base = families.build("bert", "base", dropout=dropout)
    base.pooler = None
    torch.manual_seed(0)
    return MeanHead(base, 2, dropout).eval()


def installed(strategy: Strategy, family: str, seed: int = 1, dropout: float = 0.0) -> Tuned:
    """The tiny model of a family with a strategy, whose own new weights are drawn from ``seed``."""
    network = network_of(family, dropout)
    anatomy = read_anatomy(network)
    choice = choose_path(network, anatomy)
    torch.manual_seed(seed)
    strategy.install(network, anatomy)
    replace_dropouts(network)
    return Tuned(strategy, network.eval(), anatomy, Engine(network, anatomy, choice.path))


def sample_of(name: str) -> Strategy:
    """A strategy's smallest honest instance."""
    return STRATEGIES[name].sample()


def refuses(name: str, family: str) -> bool:
    """Whether a strategy refuses a family, by name and with a cure; it may where REFUSED says so and nowhere else."""
    if (name, family) not in REFUSED:
        return False
    network = network_of(family)
    try:
        sample_of(name).install(network, read_anatomy(network))
    except ModelError as error:
        assert error.faults[0].cure
        return True
    raise AssertionError(f"{name} does not refuse {family} any more: take it out of REFUSED")


def texts() -> tuple[list[list[int]], torch.Tensor]:
    """Eight texts of 4 to 11 tokens, told apart by their second one, and their labels ``[8]``."""
    found = families.sentences(tuple(range(4, 12)), seed=7)
    labels = torch.arange(len(found)) % 2
    for text, label in zip(found, labels.tolist(), strict=True):
        text[1] = families.FIRST_WORD + label
    return found, labels


def logits(tuned: Tuned) -> torch.Tensor:
    """The answers ``[8, 2]``, without gradients and dropout."""
    tuned.network.eval()
    with torch.no_grad():
        return tuned.engine.sequence(Flat.join(texts()[0]))


def train(tuned: Tuned, steps: int, rate: float | None = None) -> list[float]:
    """Take ``steps`` steps over all texts and give back the loss before each; EPOCHS pass meanwhile."""
    strategy, network = tuned.strategy, tuned.network
    groups = strategy.groups(network, tuned.anatomy, strategy.learning_rate if rate is None else rate, DECAY)
    named = dict(network.named_parameters())
    moving = [[named[name] for name in group.names] for group in groups]
    optimizer = torch.optim.AdamW(
        [{"params": part, "weight_decay": group.decay} for part, group in zip(moving, groups, strict=True)]
    )
    rows, labels = texts()
    flat = Flat.join(rows)
    quieten(tuned.engine, strategy.cut(tuned.anatomy))
    losses = []
    for step in range(steps):
        factors = strategy.at(EPOCHS * step / steps, EPOCHS, groups)
        for part, group, tensors, factor in zip(optimizer.param_groups, groups, moving, factors, strict=True):
            part["lr"] = group.rate * factor
            for tensor in tensors:
                tensor.requires_grad_(factor > 0)
        torch.manual_seed(step)
        loss = nn.functional.cross_entropy(tuned.engine.sequence(flat), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    network.eval()
    return losses
