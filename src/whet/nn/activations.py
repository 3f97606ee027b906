"""GELU and SwiGLU, forward and backward in one pass each; the plain form beside each is torch's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels


def gelu(states: Tensor) -> Tensor:
    """``x`` times the share of a normal distribution below ``x`` (Hendrycks and Gimpel 2016), by the error function."""
    if kernels.take_rows(states):
        found: Tensor = _Gelu.apply(states)
        return found
    return nn.functional.gelu(states)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """``silu(gate) * up`` (Shazeer 2020)."""
    if kernels.take_rows(gate, up) and gate.shape == up.shape:
        found: Tensor = _SwiGlu.apply(gate, up)
        return found
    return nn.functional.silu(gate) * up


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor) -> Tensor:
        states = states.contiguous()
        ctx.save_for_backward(states)
        return gelued(states, None)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (states,) = ctx.saved_tensors
        to_states = torch.empty_like(states)
        gelued_back(grad, states, None, to_states)
        return to_states


def gelued(states: Tensor, bias: Tensor | None) -> Tensor:
    """The kernel's ``gelu(states + bias)``."""
    out, width = torch.empty_like(states), states.shape[-1]
    kernels.call("whet_gelu", states, bias, out, states.numel() // width, width, kernels.is_half(states))
    return out


def gelued_back(grad: Tensor, states: Tensor, bias: Tensor | None, to_states: Tensor) -> Tensor | None:
    """Fills ``to_states``, which may be ``states`` itself; returns the gradient of the bias, where there is one."""
    width = states.shape[-1]
    to_bias = None if bias is None else torch.empty_like(bias)
    parts = None if bias is None else torch.empty(torch.get_num_threads(), width)
    grad, rows = grad.to(states.dtype).contiguous(), states.numel() // width
    given = (grad, states, bias, to_states, parts, to_bias, rows, width)
    kernels.call("whet_gelu_backward", *given, kernels.is_half(states))
    return to_bias


class _SwiGlu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        gate, up = gate.contiguous(), up.contiguous()
        out = torch.empty_like(gate)
        kernels.call("whet_swiglu", gate, up, out, gate.numel(), kernels.is_half(gate))
        ctx.save_for_backward(gate, up)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        grad = grad.contiguous()
        to_gate, to_up = torch.empty_like(gate), torch.empty_like(up)
        kernels.call("whet_swiglu_backward", grad, gate, up, to_gate, to_up, gate.numel(), kernels.is_half(gate))
        return to_gate, to_up
