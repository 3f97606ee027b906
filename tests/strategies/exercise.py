"""The smallest honest training: eight fixed texts as one flat batch, AdamW over a strategy's own groups.

Tiny models come from ``families``; ``bert-mean`` is bert's base under our mean head, which is what MiniLM gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

import families
from whet.nn.anatomy import Anatomy, read_anatomy
from whet.nn.dropout import replace_dropouts
from whet.nn.heads import MeanHead
from whet.nn.packed import Engine, Flat, choose_path
from whet.strategies.contract import STRATEGIES, Strategy
from whet.train.fit import quieten

EPOCHS = 3.0
DECAY = 0.01
MEAN = "bert-mean"
FIRST_WORD = 5
"""Ids below it mean something to some family."""
LABELS = {0: "first", 1: "second"}
"""Named, since a saved BART forgets that it has two labels where they have no names, and loads with three."""
DEFAULT = ("bert", "llama", "t5", MEAN)
REST = tuple(name for name in families.FAMILIES if name not in (*DEFAULT, "marian"))  # Marian has no head for labels
WITHOUT_BIASES = ("llama", "qwen3", "gemma", "gemma2", "gemma3", "t5", "modernbert", "modernbert-mean")
REFUSED = {("bitfit", family) for family in WITHOUT_BIASES}
"""What a strategy cannot do on a model, and says so: the only pairs that the suite lets go."""
STAND_INS = {"llama": "qwen2", "t5": "bart"}
"""A family of the same shape that has what the other lacks (biases)."""


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
        return families.FAMILIES[family]("sequence", id2label=LABELS, **_dropouts(family, dropout))
    base = families.FAMILIES["bert"]("base", **_dropouts("bert", dropout))
    base.pooler = None
    torch.manual_seed(0)
    return MeanHead(base, 2, dropout).eval()


def _dropouts(family: str, share: float) -> dict[str, float]:
    """A family's own words for its dropouts, those that its row sets to 0."""
    names = families.FAMILIES[family].settings
    return {name: share for name in names if name.endswith(("_prob", "dropout", "dropout_rate", "_pdrop"))}


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


def texts(network: nn.Module) -> tuple[list[list[int]], torch.Tensor]:
    """Eight texts of 4 to 11 tokens, told apart by their second one, and their labels ``[8]``.

    Each ends with the one token that the heads of encoder-decoders look for.
    """
    draw = torch.Generator().manual_seed(7)
    labels = torch.arange(8) % 2
    found = []
    for number, label in enumerate(labels.tolist()):
        words = torch.randint(FIRST_WORD, families.WORDS, (4 + number,), generator=draw).tolist()
        found.append([words[0], FIRST_WORD + label, *words[2:-1], end_of(network)])
    return found, labels


def end_of(network: nn.Module) -> int:
    """The token that ends a text: the model's own where it reads its answer there."""
    config: Any = network.config
    return config.eos_token_id if config.is_encoder_decoder else 3


def logits(tuned: Tuned) -> torch.Tensor:
    """The answers ``[8, 2]``, without gradients and dropout."""
    tuned.network.eval()
    with torch.no_grad():
        return tuned.engine.sequence(Flat.join(texts(tuned.network)[0]))


def train(tuned: Tuned, steps: int, rate: float | None = None) -> list[float]:
    """Take ``steps`` steps over all texts and give back the loss before each; EPOCHS pass meanwhile."""
    strategy, network = tuned.strategy, tuned.network
    groups = strategy.groups(network, tuned.anatomy, strategy.learning_rate if rate is None else rate, DECAY)
    named = dict(network.named_parameters())
    moving = [[named[name] for name in group.names] for group in groups]
    optimizer = torch.optim.AdamW(
        [{"params": part, "weight_decay": group.decay} for part, group in zip(moving, groups, strict=True)]
    )
    rows, labels = texts(network)
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
