"""The negative log-likelihood of next tokens under a linear language head, with its gradient made on the way.

Logits over a vocabulary are the largest thing in a step of a language model. They are made piece by piece, and each
piece is turned into its own gradient where it lies and spent at once on the gradients of states and weights: nothing
as wide as the vocabulary is kept, and no product is computed twice (the idea is Liger Kernel's, Hsu et al. 2024).

Shape legend: N positions, D width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels
from whet.nn.products import typed_as

PIECE = 512
"""Positions whose logits stand at once: 60 MB of them for 30,000 tokens."""


def surprised(states_nd: Tensor, head: nn.Linear, truth_n: Tensor) -> Tensor:
    """``cross_entropy(head(states), truth)`` of each position, ``[N]``."""
    found: Tensor = _Surprised.apply(states_nd, head.weight, head.bias, truth_n, torch.is_grad_enabled())
    return found


def fits(head: nn.Module, states_nd: Tensor) -> bool:
    """Whether this is a plain linear head with float32 weights, and the kernels are in use."""
    if type(head) is not nn.Linear or head.weight.dtype != torch.float32:
        return False
    return kernels.take(states_nd) and kernels.take(head.weight)


class _Surprised(torch.autograd.Function):
    """Its gradients are made in the forward pass for a factor of 1 each, and anew where the factors differ."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, truth: Tensor, learns: bool) -> Tensor:
        ctx.moves = tuple(learns and needed for needed in ctx.needs_input_grad[:3])  # which answering does not change
        ones = torch.ones(len(truth)) if any(ctx.moves) else None
        nll, ctx.grads = _swept(states, weight, bias, truth, ones, ctx.moves)
        ctx.save_for_backward(states, weight, bias, truth)
        return nll

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        first, equal = grad[0], bool((grad == grad[0]).all())
        if equal and ctx.grads is not None:
            grads, ctx.grads = ctx.grads, None
            return *(None if one is None else one.mul_(first) for one in grads), None, None
        states, weight, bias, truth = ctx.saved_tensors
        _, grads = _swept(states, weight, bias, truth, grad.contiguous(), ctx.moves)
        return *grads, None, None


Grads = tuple[Tensor | None, Tensor | None, Tensor | None]


def _swept(
    states: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    truth: Tensor,
    factors: Tensor | None,
    moves: tuple[bool, ...],
) -> tuple[Tensor, Grads]:
    """All pieces once: the surprises ``[N]``, and with ``factors`` ``[N]`` the gradients of their weighted sum."""
    nll, half = torch.empty(len(truth)), kernels.is_half(states)
    wanted = moves if factors is not None else (False,) * 3
    parts = (states, weight, bias)
    to_states, to_weight, to_bias = (
        torch.zeros_like(one) if yes and one is not None else None for one, yes in zip(parts, wanted, strict=True)
    )
    taken, shift = typed_as(weight, states), None if bias is None else bias.to(states.dtype)
    for first in range(0, len(truth), PIECE):
        place = slice(first, first + PIECE)
        logits = nn.functional.linear(states[place], taken, shift)
        own = None if factors is None else factors[place]
        kernels.call("whet_surprise", logits, truth[place], nll[place], own, *logits.shape, half)
        if to_states is not None:
            torch.mm(logits, taken, out=to_states[place])
        if to_weight is not None and half:
            to_weight += logits.t() @ states[place]
        elif to_weight is not None:
            to_weight.addmm_(logits.t(), states[place])
        if to_bias is not None:
            to_bias += logits.sum(0, dtype=torch.float32)
    return nll, (to_states, to_weight, to_bias)
