"""The useful operations of a training step, counted on paper: what a faster program could not do without.

A matrix of N numbers costs 2 N operations a row in the forward pass, 2 N more where its input needs a gradient (that is
where something below it moves), and 2 N more where it moves itself. Padding, products that are made a second time to
save memory, norms, softmax and the optimizer are no part of it; nor are DeBERTa's products with distances, and a
sliding window counts as if all could be seen.

Shape legend: T tokens, B examples, L blocks, D width; an example has l tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from whet.nn.anatomy import Anatomy
from whet.nn.layout import Flat, Path, filling
from whet.nn.lowrank import LowRank, weight_of
from whet.nn.rows import OutRows

Rows = Literal["examples", "tokens", "targets"]
"""What goes through the head: one row an example, every token, or the tokens that are supervised."""
Place = tuple[int, float]
"""Where a layer stands: its depth (see ``Anatomy.depth_of``), and how late it comes there."""
LATE: dict[str, float] = {"query": 0, "key": 0, "value": 0, "out": 1, "up": 2, "gate": 2, "down": 3}
BEFORE = ("input_layernorm", "ln_1", "attn_norm", "layer.0.layer_norm")
"""Norms before a block's attention, by family; any other stands behind all layers of its block."""


@dataclass(frozen=True)
class Work:
    """The operations of a network with the weights that move at present: a token's, a head's row's, a seen pair's."""

    a_token: float
    a_row: float
    a_pair: float
    rows: Rows
    causal: bool

    def of(self, lengths: Sequence[int], targets: float) -> float:
        """Forward and backward of examples of these lengths with so many supervised targets."""
        tokens = sum(lengths)
        pairs = sum(one * (one + 1) / 2 if self.causal else one * one for one in lengths)
        rows = {"examples": len(lengths), "tokens": tokens, "targets": targets}[self.rows]
        return self.a_token * tokens + self.a_row * rows + self.a_pair * pairs


def work(network: nn.Module, anatomy: Anatomy, rows: Rows, known: int = 0) -> Work:
    """Count a network's operations as its weights stand: those with ``requires_grad`` move.

    The states behind the first ``known`` blocks are there already, and cost nothing.
    """
    layers = dict(_layers(network))
    places = _places(layers, anatomy)
    moving = [_place(name, places, anatomy) for name, one in network.named_parameters() if one.requires_grad]
    lowest = min(moving, default=(anatomy.depth + 2, 0.0))
    config: Any = network.config
    times = int(config.num_hidden_layers) if anatomy.shared else 1
    a_token = a_row = 0.0
    for name, layer in layers.items():
        found = _operations(layer, lowest < places[name])
        depth = places[name][0]
        if known and depth <= known:
            continue
        a_row += found if depth > anatomy.depth else 0.0
        a_token += 0.0 if depth > anatomy.depth else found * (times if depth else 1)
    a_pair = 0.0
    for depth, block in enumerate(anatomy.blocks, 1):
        if depth <= known:
            continue
        backward = 2 if lowest <= (depth, 0) else 0
        widths = (weight_of(_base(layers[name])).shape[1] for name in block.linears["out"] if name in layers)
        a_pair += times * 4 * (1 + backward) * sum(widths)
    return Work(a_token, a_row, a_pair, rows, anatomy.causal)


def computed(flat: Flat, path: Path, encoder_decoder: bool, precision: str) -> int:
    """How many places of tokens go through the blocks for a batch: its tokens, and what fills it up."""
    if path == "padded":
        return len(flat.lengths) * max(flat.lengths)
    return flat.tokens if encoder_decoder else flat.tokens + filling(flat.tokens, precision)


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every layer that multiplies by a matrix; what stands inside a low-rank layer is a part of it."""
    inside = tuple(f"{name}." for name, module in network.named_modules() if isinstance(module, LowRank))
    for name, module in network.named_modules():
        if isinstance(module, (nn.Linear, Conv1D, LowRank, OutRows)) and not name.startswith(inside):
            yield name, module


def _places(layers: dict[str, nn.Module], anatomy: Anatomy) -> dict[str, Place]:
    """Where each layer stands; outside the blocks they come in the order of their names in the network."""
    late = {name: LATE[kind] for block in anatomy.blocks for kind, names in block.linears.items() for name in names}
    return {name: (anatomy.depth_of(name), late.get(name, float(at))) for at, name in enumerate(layers)}


def _place(parameter: str, places: dict[str, Place], anatomy: Anatomy) -> Place:
    """Where a parameter stands: with its layer, or before or behind those of its block."""
    module = parameter.rpartition(".")[0]
    for name in (module, module.removesuffix(".base")):
        if name in places:
            return places[name]
    before = module.endswith(BEFORE) or anatomy.depth_of(parameter) == 0
    return anatomy.depth_of(parameter), -1.0 if before else 1e9


def _operations(layer: nn.Module, below_moves: bool) -> float:
    """A row's operations in one layer, forward and backward."""
    return sum(
        2.0 * weight.numel() * (1 + below + weight.requires_grad) for weight, below in _matrices(layer, below_moves)
    )


def _matrices(layer: nn.Module, below_moves: bool) -> list[tuple[Tensor, bool]]:
    """A layer's matrices, each with whether its input needs a gradient."""
    if isinstance(layer, LowRank):
        own = weight_of(layer.base)
        return [(own, below_moves), (layer.A, below_moves), (layer.B, below_moves or layer.A.requires_grad)]
    if isinstance(layer, OutRows):
        return [(layer.weight, below_moves), (layer.new, below_moves)]
    return [(layer.weight, below_moves)]  # type: ignore[list-item]


def _base(layer: nn.Module) -> nn.Module:
    return layer.base if isinstance(layer, LowRank) else layer
