"""Optimizers from torch by name, over the groups that a strategy names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from whet.strategies.contract import Group

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adafactor": torch.optim.Adafactor,
    "sgd": torch.optim.SGD,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "adamw": {"betas": (0.9, 0.999), "eps": 1e-8, "fused": True},  # the fused kernel: one pass over memory
    "adam": {"betas": (0.9, 0.999), "eps": 1e-8, "fused": True, "decoupled_weight_decay": True},
    "nadam": {"decoupled_weight_decay": True},
    "radam": {"decoupled_weight_decay": True},
    "sgd": {"momentum": 0.9},
}


def build(name: str, network: nn.Module, groups: Sequence[Group]) -> torch.optim.Optimizer:
    """The optimizer ``name`` with one parameter group a group of the strategy, in the same order.

    The peak rate of each stands in its group's ``peak``, since ``lr`` follows the schedule.
    """
    parameters = dict(network.named_parameters())
    described = [
        {
            "params": [parameters[name] for name in group.names],
            "lr": group.rate,
            "peak": group.rate,
            "weight_decay": group.decay,
        }
        for group in groups
    ]
    return OPTIMIZERS[name](described, **SETTINGS.get(name, {}))


def state_by_name(optimizer: torch.optim.Optimizer, groups: Sequence[Group]) -> dict[str, torch.Tensor]:
    """The optimizer's memory as flat tensors named ``parameter/moment``, for safetensors.

    Numbers that torch keeps as plain Python values (a step count) become tensors of no dimension.
    """
    names = [name for group in groups for name in group.names]
    found: dict[str, torch.Tensor] = {}
    for index, moments in optimizer.state_dict()["state"].items():
        for moment, value in moments.items():
            if value is not None:
                found[f"{names[index]}/{moment}"] = torch.as_tensor(value).detach().clone().contiguous()
    return found


def restore(optimizer: torch.optim.Optimizer, groups: Sequence[Group], state: dict[str, torch.Tensor]) -> None:
    """Give an optimizer the memory that ``state_by_name`` took, bit for bit."""
    numbers = {name: index for index, name in enumerate(name for group in groups for name in group.names)}
    whole = optimizer.state_dict()
    for key, value in state.items():
        name, _, moment = key.rpartition("/")
        whole["state"].setdefault(numbers[name], {})[moment] = value
    optimizer.load_state_dict(whole)
