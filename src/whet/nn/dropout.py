"""Dropout whose noise is a function of (key, row, column): nothing is drawn one after another, no mask is kept.

torch draws a float for every entry on the CPU, serially; here a word is mixed from its place, and sixteen of its bits
decide about one entry. The probability is a whole number of 65,536ths, and kept entries are scaled by its exact
inverse: the mean is unbiased. The kernels draw the same noise (kernels/common.h); this is the plain form of it. On
other devices torch's own dropout is fast already and is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels

STEPS = 1 << 16
LANES = 8
"""One word decides about two columns so far apart: sixteen columns take eight words."""
MASK = 0xFFFFFFFF
Noise = tuple[kernels.Word, float, kernels.Word]


def dropped_steps(probability: float) -> int:
    """How many of 65,536 values drop an entry."""
    return min(STEPS, max(0, round(probability * STEPS)))


def inverse(probability: float) -> float:
    """What kept entries are scaled by; 0 where none is kept."""
    dropped = dropped_steps(probability)
    return 0.0 if dropped == STEPS else STEPS / (STEPS - dropped)


def new_key() -> int:
    """32 bits from torch's default generator, so ``torch.manual_seed`` fixes the noise of all sites after it."""
    return int(torch.randint(0, 1 << 32, (), dtype=torch.int64))


def _mixed(words: Tensor) -> Tensor:
    """Wellons' "lowbias32" on int64 tensors that hold 32-bit words."""
    words = ((words ^ (words >> 16)) * 0x7FEB352D) & MASK
    words = ((words ^ (words >> 15)) * 0x846CA68B) & MASK
    return words ^ (words >> 16)


def kept(rows: Tensor, columns: int, key: int, probability: float) -> Tensor:
    """Which entries of the numbered ``rows`` (int64 ``[R]``) stay: bool ``[R, columns]``."""
    row_keys = _mixed(_mixed((rows + 0x9E3779B9) & MASK) ^ key)
    blocks = max(1, -(-columns // (2 * LANES)))
    places = (torch.arange(blocks * LANES, device=rows.device) * 0x9E3779B9) & MASK
    words = _mixed(places ^ row_keys[:, None]).view(-1, blocks, LANES)
    halves = torch.stack((words & 0xFFFF, words >> 16), 2).view(-1, blocks * 2 * LANES)
    return halves[:, :columns] >= dropped_steps(probability)


def keep_mask(like: Tensor, probability: float) -> Tensor:
    """Factors of ``like``'s shape, type and device: 0 where an entry is dropped, ``1 / kept`` elsewhere."""
    if like.device.type != "cpu":
        return nn.functional.dropout(torch.ones_like(like), probability)
    width = like.shape[-1] if like.dim() else 1
    rows = torch.arange(like.numel() // max(width, 1))
    return (kept(rows, width, new_key(), probability).view(like.shape)).to(like.dtype).mul_(inverse(probability))


class _Dropped(torch.autograd.Function):
    """Dropout by the kernels; the backward pass draws the noise anew."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, probability: float, key: int) -> Tensor:
        ctx.probability, ctx.key = probability, key
        return _noised(states, probability, key)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _noised(grad, ctx.probability, ctx.key), None, None


def _noised(states: Tensor, probability: float, key: int) -> Tensor:
    states = states.contiguous()
    out, width = torch.empty_like(states), states.shape[-1]
    rows, half = states.numel() // width, kernels.is_half(states)
    kernels.call("whet_dropout", states, out, rows, width, *noise(probability, key), half)
    return out


def noise(probability: float, key: int) -> Noise:
    """What the kernels are told of a noise: values that drop, the scale of what stays, and the key."""
    return kernels.Word(dropped_steps(probability)), inverse(probability), kernels.Word(key)


def dropout(states: Tensor, probability: float) -> Tensor:
    """``states`` with entries dropped, by the kernels where they can."""
    if states.device.type != "cpu":
        return nn.functional.dropout(states, probability)
    if dropped_steps(probability) < STEPS and kernels.take_rows(states):
        found: Tensor = _Dropped.apply(states, probability, new_key())
        return found
    return states * keep_mask(states, probability)


class BitDropout(nn.Module):
    """``torch.nn.Dropout`` with its noise from random bits; ``p`` keeps its name because families read it."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, states: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return states
        return dropout(states, self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def replace_dropouts(network: nn.Module) -> int:
    """Put ``BitDropout`` in the place of every ``nn.Dropout``, and say how many there were.

    Families that call ``nn.functional.dropout`` themselves (BART and its kin) keep torch's noise there.
    """
    found: list[tuple[nn.Module, str, Any]] = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Dropout
    ]
    for parent, name, child in found:
        setattr(parent, name, BitDropout(child.p).train(child.training))
    return len(found)
