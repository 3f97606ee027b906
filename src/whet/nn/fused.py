"""A linear layer together with what follows it in a block: bias and GELU, or bias, dropout, residual and norm.

As one node of the graph the answer of the product belongs to it alone, so that it can be worked on where it lies: at
some hundred tokens a step such passes over memory, not the sums, are what takes time beside the products. A backward
pass therefore uses up what was kept, and cannot be run twice.

Shape legend: R rows (tokens), I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels
from whet.nn.activations import gelu, gelued, gelued_back
from whet.nn.dropout import STEPS, dropped_steps, new_key, noise
from whet.nn.lowrank import product_of
from whet.nn.norms import add_norm, normed, normed_back
from whet.nn.products import as_taken, needed, product, product_back


def linear_gelu(linear: nn.Module, states: Tensor) -> Tensor:
    """``gelu(linear(states))``: ``[..., I]`` to ``[..., O]``."""
    layer = product_of(linear, states)
    if layer is not None and _fits(layer[2]):
        found: Tensor = _LinearGelu.apply(*layer)
        return found
    return gelu(linear(states))


def linear_add_norm(
    linear: nn.Module, states: Tensor, residual: Tensor, norm: nn.LayerNorm, probability: float
) -> Tensor:
    """``norm(dropout(linear(states)) + residual)``: ``[..., I]`` and ``[..., O]`` to ``[..., O]``."""
    fitting = dropped_steps(probability) < STEPS
    layer = product_of(linear, states)
    if fitting and layer is not None and _fits(layer[2], norm.weight, norm.bias):
        key = new_key() if probability > 0 else 0
        rest = (as_taken(residual), norm.weight, norm.bias, norm.eps, probability, key)
        found: Tensor = _LinearAddNorm.apply(*layer, *rest)
        return found
    return add_norm(linear(states), residual, norm, probability)


def _fits(*rows: Tensor | None) -> bool:
    """Whether the kernels read such a bias, gain and shift."""
    found = [row for row in rows if row is not None]
    return len(found) == len(rows) and kernels.take_rows(*found)


class _LinearGelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, *low: Any) -> Tensor:
        ctx.made = product(ctx, states, weight, low)
        ctx.save_for_backward(needed(ctx, states, low), weight, bias, *low[:2])
        return gelued(ctx.made, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        states, weight, bias, *low = ctx.saved_tensors
        made = _taken(ctx)
        to_bias = gelued_back(grad, made, bias, made)
        to_states, to_weight, *to_low = product_back(ctx, made, states, weight, low)
        return to_states, to_weight, to_bias, *to_low


class _LinearAddNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor,
        down: Tensor | None,
        up: Tensor | None,
        scale: float,
        residual: Tensor,
        gain: Tensor,
        shift: Tensor,
        eps: float,
        probability: float,
        key: int,
    ) -> Tensor:
        made = product(ctx, states, weight, (down, up, scale))
        out, stats = normed(made, bias, residual.contiguous(), made, gain, shift, eps, noise(probability, key))
        ctx.save_for_backward(needed(ctx, states, (down,)), weight, gain, stats, down, up)
        ctx.made, ctx.probability, ctx.key = made, probability, key
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        states, weight, gain, stats, *low = ctx.saved_tensors
        made, to_bias = _taken(ctx), torch.empty_like(gain)
        drawn = noise(ctx.probability, ctx.key)
        to_residual, to_gain, to_shift = normed_back(grad, made, gain, stats, made, to_bias, drawn)
        to_states, to_weight, *to_low = product_back(ctx, made, states, weight, low)
        return to_states, to_weight, to_bias, *to_low, to_residual, to_gain, to_shift, None, None, None


def _taken(ctx: Any) -> Tensor:
    """What a node kept, once. Raises RuntimeError the second time, as torch does for a graph that was freed."""
    if ctx.made is None:
        raise RuntimeError("a second backward pass through a fused layer: what it had kept is used up")
    made: Tensor = ctx.made
    ctx.made = None
    return made
