"""Attention over a flat row by the kernels: no padding, no gathering, one number kept a query and head.

Shape legend: T tokens, H heads, K heads of keys (H is a multiple of it), d head width, B examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from whet.nn import kernels
from whet.nn.dropout import new_key, noise
from whet.nn.grouped import Pattern


def attended(query: Tensor, key: Tensor, value: Tensor, pattern: Pattern) -> Tensor:
    """Attention of ``[1, H, T, d]`` over ``[1, K, T, d]`` inside each example: ``[1, T, H, d]``. No cap and no bias."""
    drawn = new_key() if pattern.dropout > 0 else 0
    found: Tensor = _Attended.apply(query, key, value, pattern, drawn)
    return found


class _Attended(torch.autograd.Function):
    """Tensors lie in memory as they come; gradients lie as a linear layer's answer does, by token, head and width."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, pattern: Pattern, drawn: int) -> Tensor:
        query, key, value = (part if part.stride(-1) == 1 else part.contiguous() for part in (query, key, value))
        heads, tokens, width = query.shape[1:]
        out, sums = query.new_empty(1, tokens, heads, width), torch.empty(tokens, heads)
        ctx.pattern, ctx.drawn = pattern, drawn
        _call(ctx, (query, key, value, out, sums), None)
        ctx.save_for_backward(query, key, value, out, sums)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad = grad if grad.stride(-1) == 1 else grad.contiguous()
        made = ctx.saved_tensors
        to = [part.new_empty(1, part.shape[2], part.shape[1], part.shape[3]) for part in made[:3]]
        _call(ctx, made, grad, to)
        return (*(part.transpose(1, 2) for part in to), None, None)


def _call(ctx: Any, made: tuple[Tensor, ...], grad: Tensor | None, to: Sequence[Tensor | None] = (None,) * 3) -> None:
    """One way or, with ``grad``, back. Raises MemoryError where the kernel gets no room to work in."""
    query, key, value = made[:3]
    pattern = ctx.pattern
    steps = [part.stride(at) for part in (query, key, value) for at in (2, 1)]
    steps += [0, 0] if grad is None else [grad.stride(1), grad.stride(2)]
    starts, key_starts = pattern.layout.bounds(pattern.cross)
    heads, _, width = query.shape[1:]
    failed = kernels.call(
        "whet_attend",
        *made,
        grad,
        *to,
        torch.tensor(steps),
        starts,
        key_starts,
        len(starts) - 1,
        heads,
        heads // key.shape[1],
        width,
        pattern.causal,
        pattern.window or 0,
        float(pattern.scale),
        *noise(pattern.dropout, ctx.drawn),
        kernels.is_half(query),
    )
    if failed:
        raise MemoryError("attention has no room to work in")
