"""Layer norm and RMS norm, with what stands before a norm in an encoder's block: dropout and the residual.

Shape legend: R rows (tokens), D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels
from whet.nn.dropout import STEPS, Noise, dropout, dropped_steps, new_key, noise


def add_norm(states: Tensor, residual: Tensor, norm: nn.LayerNorm, probability: float) -> Tensor:
    """``norm(dropout(states) + residual)``, ``[..., D]`` each."""
    fitting = states.shape == residual.shape and dropped_steps(probability) < STEPS
    if fitting and _known(norm, states, residual):
        key = new_key() if probability > 0 else 0
        found: Tensor = _Norm.apply(states, residual, norm.weight, norm.bias, norm.eps, probability, key)
        return found
    return _plain(norm, (dropout(states, probability) if probability > 0 else states) + residual)


def layer_norm(norm: nn.LayerNorm, states: Tensor) -> Tensor:
    """What ``norm`` gives for ``[..., D]``."""
    if _known(norm, states):
        found: Tensor = _Norm.apply(states, None, norm.weight, norm.bias, norm.eps, 0.0, 0)
        return found
    return _plain(norm, states)


def rms_norm(states: Tensor, gain: Tensor, eps: float) -> Tensor:
    """``states / sqrt(mean(states^2) + eps) * gain`` for ``[..., D]``, computed in float32."""
    if kernels.take_rows(states) and kernels.take_rows(gain) and gain.dtype == torch.float32:
        found: Tensor = _Rms.apply(states, gain, eps)
        return found
    wide = states.float()
    normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return gain * normed.to(states.dtype)


def _known(norm: nn.LayerNorm, *states: Tensor) -> bool:
    """Whether the kernels have this norm: over the last dimension alone, with gain and shift in float32."""
    if norm.weight is None or norm.bias is None or len(norm.normalized_shape) != 1:
        return False
    return norm.weight.dtype == torch.float32 and kernels.take_rows(*states) and kernels.take(norm.weight, norm.bias)


def _plain(norm: nn.LayerNorm, states: Tensor) -> Tensor:
    return nn.functional.layer_norm(states, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class _Norm(torch.autograd.Function):
    """One pass over dropout, residual and norm. Keeps the norm's input and two numbers a row."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        residual: Tensor | None,
        gain: Tensor,
        shift: Tensor,
        eps: float,
        probability: float,
        key: int,
    ) -> Tensor:
        states = states.contiguous()
        residual = None if residual is None else residual.contiguous()
        summed = states if residual is None else torch.empty_like(states)
        out, stats = normed(states, None, residual, summed, gain, shift, eps, noise(probability, key))
        ctx.save_for_backward(summed, gain, stats)
        ctx.probability, ctx.key, ctx.added = probability, key, residual is not None
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        summed, gain, stats = ctx.saved_tensors
        to_states = torch.empty_like(summed) if ctx.probability > 0 else None
        drawn = noise(ctx.probability, ctx.key)
        to_summed, to_gain, to_shift = normed_back(grad, summed, gain, stats, to_states, None, drawn)
        first = to_summed if to_states is None else to_states
        return first, to_summed if ctx.added else None, to_gain, to_shift, None, None, None


def normed(
    states: Tensor,
    bias: Tensor | None,
    residual: Tensor | None,
    summed: Tensor,
    gain: Tensor,
    shift: Tensor,
    eps: float,
    drawn: Noise,
) -> tuple[Tensor, Tensor]:
    """The kernel's norm of ``dropout(states + bias) + residual``, which ``summed`` becomes; and its numbers."""
    width, half = states.shape[-1], kernels.is_half(states)
    rows, out = states.numel() // width, torch.empty_like(states)
    stats = torch.empty(rows, 2)
    given = (states, bias, residual, gain, shift, out, summed, stats, rows, width, float(eps))
    kernels.call("whet_norm", *given, *drawn, half)
    return out, stats


def normed_back(
    grad: Tensor,
    summed: Tensor,
    gain: Tensor,
    stats: Tensor,
    to_states: Tensor | None,
    to_bias: Tensor | None,
    drawn: Noise,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of ``summed``, gain and shift; ``to_states`` and ``to_bias`` are filled where they are given."""
    width, grad = summed.shape[-1], grad.to(summed.dtype).contiguous()
    to_summed, to_gain, to_shift = torch.empty_like(summed), torch.empty_like(gain), torch.empty_like(gain)
    parts = torch.empty(torch.get_num_threads(), 3, width)
    given = (grad, summed, gain, stats, to_summed, to_states, parts, to_gain, to_shift, to_bias)
    kernels.call("whet_norm_backward", *given, len(stats), width, *drawn, kernels.is_half(summed))
    return to_summed, to_gain, to_shift


class _Rms(torch.autograd.Function):
    """RMS norm. Keeps its input and one number a row."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, gain: Tensor, eps: float) -> Tensor:
        states = states.contiguous()
        width, out = states.shape[-1], torch.empty_like(states)
        stats = torch.empty(states.numel() // width)
        kernels.call("whet_rms", states, gain, out, stats, len(stats), width, float(eps), kernels.is_half(states))
        ctx.save_for_backward(states, gain, stats)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        states, gain, stats = ctx.saved_tensors
        grad, width = grad.to(states.dtype).contiguous(), states.shape[-1]
        to_states, to_gain = torch.empty_like(states), torch.empty_like(gain)
        parts = torch.empty(torch.get_num_threads(), width)
        given = (grad, states, gain, stats, to_states, parts, to_gain)
        kernels.call("whet_rms_backward", *given, len(stats), width, kernels.is_half(states))
        return to_states, to_gain, None
