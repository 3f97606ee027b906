"""The products of a linear layer, forward and backward: in float32, or in bfloat16 over float32 weights.

In bfloat16 a weight stands beside a copy of itself in that type, made when it is first used and again once it has
moved: a still weight is converted once, where torch's autocast converts it in every forward pass.

Shape legend: R rows (tokens), I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

Layer = tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None, float]
"""The input, a linear layer's weight and bias, and the two matrices and the scale of a low-rank layer beside it."""


def in_bfloat16() -> bool:
    """Whether products on the processor are to be computed in bfloat16, as ``Engine`` says by torch's autocast."""
    return torch.is_autocast_enabled("cpu")


def as_taken(states: Tensor) -> Tensor:
    """States in the type that products take now."""
    return states.to(torch.bfloat16) if in_bfloat16() else states


def typed_as(weight: Tensor, states: Tensor) -> Tensor:
    """A weight in the type of ``states``; its copy in bfloat16 is kept beside it until the weight moves."""
    if weight.dtype == states.dtype:
        return weight
    copy = copy_of(weight)
    if copy is None or weight._copy[0] != _now(weight):  # type: ignore[attr-defined]
        copy = weight.detach().to(states.dtype)
        keep(weight, copy)
    return copy


def copy_of(weight: Tensor) -> Tensor | None:
    """The kept copy of a weight, as it was when the weight was last used; None where there is none."""
    kept: tuple[tuple[int, int], Tensor] | None = getattr(weight, "_copy", None)
    return None if kept is None or kept[1].shape != weight.shape else kept[1]


def keep(weight: Tensor, copy: Tensor) -> None:
    """From now on, and until the weight moves, this is its copy."""
    weight._copy = (_now(weight), copy)  # type: ignore[attr-defined]


def _now(weight: Tensor) -> tuple[int, int]:
    return weight.data_ptr(), weight._version


def product(ctx: Any, states: Tensor, weight: Tensor, low: Sequence[Any], bias: Tensor | None = None) -> Tensor:
    """``x W^T + bias`` with the low-rank part, if any; ``ctx`` keeps its inner states for the backward pass."""
    shift = None if bias is None else bias.to(states.dtype)
    made = nn.functional.linear(states, typed_as(weight, states), shift)
    down, up, ctx.scale = low
    ctx.inner = None
    if down is not None:
        ctx.inner = states.reshape(-1, states.shape[-1]) @ typed_as(down, states).t()
        made.view(-1, made.shape[-1]).addmm_(ctx.inner, typed_as(up, states).t(), alpha=ctx.scale)
    return made


def needed(ctx: Any, states: Tensor, low: Sequence[Any]) -> Tensor | None:
    """The input, where its layer's weight moves or has a low-rank layer beside it: a still one keeps nothing."""
    return states if ctx.needs_input_grad[1] or low[0] is not None else None


def product_back(
    ctx: Any, grad: Tensor, states: Tensor | None, weight: Tensor, low: Sequence[Any]
) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, None]:
    """Gradients of input, weight and both narrow matrices, as far as they are needed; float32 for what is a weight."""
    down, up = low
    grad_ro = grad.reshape(-1, grad.shape[-1])
    states_ri = None if states is None else states.reshape(-1, states.shape[-1])
    to_states = grad_ro @ typed_as(weight, grad) if ctx.needs_input_grad[0] else None
    to_weight = (grad_ro.t() @ states_ri).float() if states_ri is not None and ctx.needs_input_grad[1] else None
    to_down = to_up = None
    if down is not None and states_ri is not None:
        felt = (grad_ro @ typed_as(up, grad)).mul_(ctx.scale)
        to_down, to_up = (felt.t() @ states_ri).float(), (grad_ro.t() @ ctx.inner).float().mul_(ctx.scale)
        if to_states is not None:
            to_states.addmm_(felt, typed_as(down, grad))
    shaped = None if to_states is None else to_states.view(*grad.shape[:-1], weight.shape[1])
    return shaped, to_weight, to_down, to_up, None
