"""New rows of a vocabulary beside the old matrix, in a parameter of their own: they move where the old stand still.

Shape legend: D width, V rows of the old matrix, n new rows; an id from ``first`` on is a new row.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from whet.core.errors import ModelError

NEW = ("new", "new_bias")
"""What the parameters of new rows are called in their modules."""
NOISE = 0.5
"""Half the spread of all, as MiniLM's own Chinese characters have; with 0.1 one of two full tunings learnt nothing."""
CURE = "set model.extend_vocab=false, or name a model that knows these characters"


@final
class InRows(nn.Module):
    """An embedding with new rows; ``weight`` is the old matrix itself under its old name, tied or not."""

    def __init__(self, plain: nn.Embedding, first: int, new: nn.Parameter) -> None:
        super().__init__()
        self.plain = (plain,)  # in a tuple, lest its weight have a second name
        self.first, self.padding_idx = first, plain.padding_idx
        self.scale = float(getattr(plain, "embed_scale", 1.0))  # Gemma's and BART's kin multiply inside
        self.weight, self.new = plain.weight, new

    def forward(self, ids: Tensor) -> Tensor:
        old = nn.functional.embedding(ids.clamp(max=len(self.weight) - 1), self.weight, self.padding_idx)
        new = nn.functional.embedding((ids - self.first).clamp(min=0), self.new)
        return torch.where((ids >= self.first)[..., None], new, old) * self.scale


@final
class OutRows(nn.Module):
    """A language head with a logit for each new row; where it is tied, ``new`` is the embedding's own."""

    def __init__(self, plain: nn.Linear, first: int, new: nn.Parameter) -> None:
        super().__init__()
        self.plain = (plain,)
        self.first = first
        self.weight, self.bias, self.new = plain.weight, plain.bias, new
        bias = None if plain.bias is None else plain.bias.detach().mean().repeat(len(new))
        self.new_bias = None if bias is None else nn.Parameter(bias)

    def forward(self, states: Tensor) -> Tensor:
        """``[..., D]`` to ``[..., max(V, first + n)]``."""
        old = nn.functional.linear(states, self.weight, self.bias)
        new = nn.functional.linear(states, self.new, self.new_bias)
        return torch.cat((old[..., : self.first], new, old[..., self.first + len(self.new) :]), -1)


def add_rows(network: nn.Module, first: int, count: int, seed: int) -> None:
    """Give a network ``count`` new rows for the ids from ``first`` on, and a language head a logit for each.

    Raises ModelError where its embedding or its head is none that can grow.
    """
    found: Any = network.base_model
    plain = found.get_input_embeddings()
    ask = getattr(network, "get_output_embeddings", None)
    head = ask() if ask is not None else None
    scaled = type(plain) is nn.Embedding or hasattr(plain, "embed_scale")
    if not scaled or first > len(plain.weight):
        raise ModelError("its vocabulary cannot be extended: its embedding is no plain matrix", "model", CURE)
    if head is not None and not (isinstance(head, nn.Linear) and len(head.weight) == len(plain.weight)):
        raise ModelError("its vocabulary cannot be extended: its language head is no plain matrix", "model", CURE)
    new = _drawn(plain.weight, count, seed)
    kept: dict[nn.Module, nn.Module] = {}
    for parent, name, child in _children(network):
        if isinstance(child, nn.Embedding) and child.weight is plain.weight:
            kept.setdefault(child, InRows(child, first, new))
        elif child is head:
            own = new if head.weight is plain.weight else _drawn(head.weight, count, seed)
            kept.setdefault(child, OutRows(head, first, own))
        if child in kept:
            setattr(parent, name, kept[child])


def new_rows(network: nn.Module) -> list[str]:
    """The names of the parameters of new rows."""
    holders = {name for name, module in network.named_modules() if isinstance(module, (InRows, OutRows))}
    names = (name.rpartition(".") for name, _ in network.named_parameters())
    return [f"{holder}.{last}" for holder, _, last in names if holder in holders and last in NEW]


def fold_rows(model: Any) -> None:
    """Make one matrix of old and new rows, as plain transformers has it; without new rows nothing happens."""
    ends = (model.get_input_embeddings, model.get_output_embeddings)
    grown = [(ask, ask()) for ask in ends if isinstance(ask(), (InRows, OutRows))]
    for parent, name, child in _children(model):
        if isinstance(child, (InRows, OutRows)):
            setattr(parent, name, child.plain[0])
    for ask, rows in grown:
        end = rows.first + len(rows.new)
        if ask == model.get_input_embeddings:
            model.resize_token_embeddings(max(end, len(rows.weight)), mean_resizing=False)
        with torch.no_grad():
            ask().weight[rows.first : end] = rows.new
            if getattr(rows, "new_bias", None) is not None:
                ask().bias[rows.first : end] = rows.new_bias


def _children(network: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    return [(parent, name, child) for parent in network.modules() for name, child in parent.named_children()]


def _drawn(matrix: Tensor, count: int, seed: int) -> nn.Parameter:
    """Rows about the old ones' mean, ``NOISE`` of their spread apart: alike they could hardly be told from each other.

    About the row of the unknown token, which stands for anything, they were of no use at all in full tuning.
    """
    old, draw = matrix.detach().cpu(), torch.Generator().manual_seed(seed)
    apart = torch.randn(count, old.shape[1], generator=draw) * (NOISE * float(old.std()))
    return nn.Parameter(old.mean(0) + apart)
