"""Dropout from random bits: sixteen bits decide about one entry, so that drawing costs a quarter of torch's way.

torch draws a float for every entry on the CPU, one after another; here one 64-bit word serves four entries. The
probability is a whole number of 65,536ths, and kept entries are scaled by its exact inverse: the mean is unbiased.
On other devices torch's own dropout is fast already and is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

STEPS = 1 << 16


def keep_mask(like: Tensor, probability: float) -> Tensor:
    """Factors of ``like``'s shape, type and device: 0 where an entry is dropped, ``1 / kept`` elsewhere.

    Drawn from torch's default generator of the device, so ``torch.manual_seed`` fixes it.
    """
    if like.device.type != "cpu":
        return nn.functional.dropout(torch.ones_like(like), probability)
    dropped = min(STEPS, max(0, round(probability * STEPS)))
    if dropped == STEPS:
        return torch.zeros_like(like)
    count = like.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[:count].view(like.shape)
    return (bits >= dropped - STEPS // 2).to(like.dtype).mul_(STEPS / (STEPS - dropped))


class BitDropout(nn.Module):
    """``torch.nn.Dropout`` with its noise from random bits; ``p`` keeps its name because families read it."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, states: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return states
        if states.device.type != "cpu":
            return nn.functional.dropout(states, self.p)
        return states * keep_mask(states, self.p)

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
