"""Low-rank layers beside still ones: W + scale * B A, after Hu et al. 2021, computed as PEFT computes it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from whet.core.errors import ModelError
from whet.nn import kernels
from whet.nn.products import Layer, as_taken, in_bfloat16, needed, product, product_back

Variant = Literal["plain", "rslora", "dora"]


class LowRank(nn.Module):
    """A linear layer with a narrow one beside it; ``A`` is ``[rank, inputs]``, ``B`` is ``[outputs, rank]``.

    ``B`` starts at zero, so nothing changes at the start. ``rslora`` scales by alpha / sqrt(rank) (Kalajdzievski
    2023); ``dora`` learns each output's length apart from its direction (Liu et al. 2024) in ``magnitude``.
    """

    def __init__(
        self, base: nn.Module, rank: int, alpha: float, dropout: float = 0.0, variant: Variant = "plain"
    ) -> None:
        super().__init__()
        weight = weight_of(base)
        self.base = base
        self.rank, self.alpha, self.variant = rank, alpha, variant
        self.scale = alpha / math.sqrt(rank) if variant == "rslora" else alpha / rank
        self.dropout = nn.Dropout(dropout)
        self.off = False
        self.A = nn.Parameter(weight.new_empty(rank, weight.shape[1]))
        self.B = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.magnitude = nn.Parameter(weight.detach().norm(dim=1)) if variant == "dora" else None

    def forward(self, states: Tensor) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``."""
        if not self.off and (layer := product_of(self, states)) is not None:
            found: Tensor = _Linear.apply(*layer)
            return found
        answered: Tensor = self.base(states)
        if self.off:
            return answered
        inputs = self.dropout(states)
        if self.magnitude is None:
            return answered + nn.functional.linear(nn.functional.linear(inputs, self.A), self.B) * self.scale
        weight = weight_of(self.base)
        length = (weight + self.scale * (self.B @ self.A)).detach().norm(dim=1)
        ratio = self.magnitude / length
        low = nn.functional.linear(nn.functional.linear(inputs, self.A), self.B) * self.scale
        bias: Tensor | None = self.base.bias  # type: ignore[assignment]
        if self.training and self.dropout.p > 0:  # what dropout leaves of the input also goes through W, as in PEFT
            plain = nn.functional.linear(inputs, weight)
        else:
            plain = answered if bias is None else answered - bias
        return answered + (ratio - 1) * plain + ratio * low

    @property
    def weight(self) -> Tensor:
        """The base layer's own weight, since a few models (T5) ask their layers for it on the way."""
        base: Any = self.base
        return base.weight

    @property
    def bias(self) -> Tensor | None:
        """The base layer's own bias, for the same reason."""
        base: Any = self.base
        return base.bias

    def folded(self) -> nn.Module:
        """The base layer with what was learnt added to its weight."""
        with torch.no_grad():
            weight = weight_of(self.base)
            whole = weight + self.scale * (self.B @ self.A)
            if self.magnitude is not None:
                whole = whole * (self.magnitude / whole.norm(dim=1))[:, None]
            weight.copy_(whole)
        return self.base


class _Linear(torch.autograd.Function):
    """``x W^T + bias + scale * (x A^T) B^T`` as one node: the wide products add up where they lie."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, *low: Any) -> Tensor:
        ctx.save_for_backward(needed(ctx, states, low), weight, *low[:2])
        return product(ctx, states, weight, low, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        states, weight, *low = ctx.saved_tensors
        to_bias = None
        if ctx.needs_input_grad[2]:
            to_bias = grad.reshape(-1, grad.shape[-1]).sum(0, dtype=torch.float32)
        to_states, to_weight, *to_low = product_back(ctx, grad, states, weight, low)
        return to_states, to_weight, to_bias, *to_low


def linear(layer: Any, states: Tensor) -> Tensor:
    """What an ``nn.Linear`` computes, over a kept copy of its weight where products are in bfloat16."""
    if in_bfloat16() and (whole := product_of(layer, states)) is not None:
        found: Tensor = _Linear.apply(*whole)
        return found
    return nn.functional.linear(states, layer.weight, layer.bias)


def product_of(layer: nn.Module, states: Tensor) -> Layer | None:
    """What ``product`` computes for a linear layer, one with a low-rank layer beside it included.

    None where it cannot: off the processor, without the kernels, for DoRA, and under dropout before the low-rank part.
    """
    base: Any = layer.base if isinstance(layer, LowRank) else layer
    if type(base) is not nn.Linear or base.weight.dtype != torch.float32:
        return None
    given = as_taken(states)
    known = torch.bfloat16 if in_bfloat16() else torch.float32
    if given.dtype != known or not kernels.take(given) or not kernels.take(base.weight):
        return None
    if not isinstance(layer, LowRank) or layer.off:
        return given, base.weight, base.bias, None, None, 0.0
    if layer.magnitude is not None or (layer.training and layer.dropout.p > 0):
        return None
    return given, base.weight, base.bias, layer.A, layer.B, layer.scale


def weight_of(layer: nn.Module) -> Tensor:
    """A linear layer's weight as ``[outputs, inputs]``; GPT-2's Conv1D keeps it the other way round."""
    if isinstance(layer, Conv1D):
        return layer.weight.t()
    if not isinstance(layer, nn.Linear):
        raise ModelError(f"a {type(layer).__name__} cannot have a low-rank layer beside it", "strategy.targets")
    return layer.weight


def low_rank_layers(network: nn.Module) -> Iterator[tuple[str, LowRank]]:
    """Every low-rank layer with the name of the layer that it stands for."""
    for name, module in network.named_modules():
        if isinstance(module, LowRank):
            yield name, module


def inject(
    network: nn.Module,
    names: Iterable[str],
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    variant: Variant = "plain",
) -> None:
    """Put a low-rank layer in the place of each named linear layer. Raises ModelError where a name is no such layer."""
    for name in names:
        parent, _, last = name.rpartition(".")
        try:
            holder, layer = network.get_submodule(parent), network.get_submodule(name)
        except AttributeError as error:
            raise ModelError(f"there is no layer '{name}'", "strategy.targets") from error
        setattr(holder, last, LowRank(layer, rank, alpha, dropout, variant))


def merge_all(network: nn.Module) -> None:
    """Fold every low-rank layer into its base, which takes its place again."""
    for name, layer in list(low_rank_layers(network)):
        parent, _, last = name.rpartition(".")
        setattr(network.get_submodule(parent), last, layer.folded())


@contextlib.contextmanager
def switched_off(network: nn.Module) -> Iterator[None]:
    """Inside, every low-rank layer gives what the layer under it gives, bit for bit."""
    layers = [layer for _, layer in low_rank_layers(network)]
    for layer in layers:
        layer.off = True
    try:
        yield
    finally:
        for layer in layers:
            layer.off = False
