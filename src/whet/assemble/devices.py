"""Which devices this machine has."""

from __future__ import annotations

import torch


def devices() -> list[str]:
    """The devices at hand, the fastest first: cuda, mps, cpu."""
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [name for name, there in found.items() if there]


def best_device() -> str:
    """The fastest device at hand."""
    return devices()[0]
