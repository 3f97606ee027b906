"""Optimizers from torch by name, over the groups that a strategy names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from whet.strategies.contract import Group
from whet.train import adamw

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

    The peak rate of each stands in its group's ``peak``, since ``lr`` follows the schedule. AdamW goes by the kernels
    where they can.
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
    if name == "adamw" and adamw.takes(parameters[name] for group in groups for name in group.names):
        return adamw.AdamW(described, network)
    return OPTIMIZERS[name](described, **SETTINGS.get(name, {}))


def clip(optimizer: torch.optim.Optimizer, limit: float) -> float:
    """The gradient's norm over all that moves; above ``limit`` (0: none) the step will be scaled down to it."""
    if isinstance(optimizer, adamw.AdamW):
        return optimizer.clip(limit)
    moving = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return float(torch.nn.utils.clip_grad_norm_(moving, limit or math.inf, foreach=True))


def moved_each_step(optimizer: torch.optim.Optimizer) -> int:
    """How many numbers a step moves: all of them, but for tables of which it moves the rows that were read."""
    late = optimizer.tables if isinstance(optimizer, adamw.AdamW) else {}
    moving = (parameter for group in optimizer.param_groups for parameter in group["params"])
    return sum(parameter.numel() for parameter in moving if parameter not in late)


def settle(optimizer: torch.optim.Optimizer) -> None:
    """Make the weights and the optimizer's memory what they should be, before anyone reads them between two steps."""
    if isinstance(optimizer, adamw.AdamW):
        optimizer.settle()


def release(optimizer: torch.optim.Optimizer) -> None:
    """Settle, and let go of the network."""
    if isinstance(optimizer, adamw.AdamW):
        optimizer.release()


def state_by_name(optimizer: torch.optim.Optimizer, groups: Sequence[Group]) -> dict[str, torch.Tensor]:
    """The optimizer's memory as flat tensors named ``parameter/moment``, for safetensors.

    Numbers that torch keeps as plain Python values (a step count) become tensors of no dimension.
    """
    names = [name for group in groups for name in group.names]
    found: dict[str, torch.Tensor] = {}
    for index, moments in optimizer.state_dict()["state"].items():
        for moment, value in moments.items():
            if value is not None:
                found[f"{names[index]}/{moment}"] = torch.as_tensor(value).detach().contiguous()
    return found


def restore(optimizer: torch.optim.Optimizer, groups: Sequence[Group], state: dict[str, torch.Tensor]) -> None:
    """Give an optimizer the memory that ``state_by_name`` took, bit for bit."""
    numbers = {name: index for index, name in enumerate(name for group in groups for name in group.names)}
    whole = optimizer.state_dict()
    for key, value in state.items():
        name, _, moment = key.rpartition("/")
        whole["state"].setdefault(numbers[name], {})[moment] = value
    optimizer.load_state_dict(whole)
