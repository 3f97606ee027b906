"""AdamW by the kernels: one pass over everything that moves, and of a table of words only the rows that were read.

A step of plain AdamW moves every row of an embedding, also those that no text of the step held: by weight decay, and by
what is left of their first moment. Here such a row is left behind and brought up when it is next read, step by step
with the rates of the steps that it missed, so that it is then what plain AdamW would have made of it. What is left out
is only a motion of less than 1e-10 of the rate, far below the last place of any weight.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from whet.nn import kernels
from whet.nn.products import copy_of, keep

LARGE = 2048
"""Rows from which on a table is worth it."""
PIECE = 16384
"""Numbers that the kernels sum at a time."""
LAZY = 1 << 18
"""Numbers from which on memory is asked of the system: what malloc gives may have been in use, and is then cleared."""
BETAS, EPS = (0.9, 0.999), 1e-8


class Table:
    """The embedding of a network whose rows are brought up when they are read.

    ``last`` counts, for each row, the steps of ``history`` that it has gone through; ``history`` holds a step's rate,
    root and decay (see kernels/adamw.c) since all rows were last brought up.
    """

    def __init__(self, module: nn.Embedding) -> None:
        self.module = module
        self.last = torch.zeros(module.num_embeddings, dtype=torch.int32)
        self.work = torch.empty(module.num_embeddings, 2, dtype=torch.int64)
        self.history: list[tuple[float, float, float]] = []
        self.moments: dict[str, Any] = {}
        if (other := getattr(module, "_table", None)) is not None:
            other.release()
        module._table, module.sparse = self, True  # type: ignore[assignment]
        self.hook = module.register_forward_pre_hook(self._before)

    def _before(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        """What is read must be as it should be; outside of training that is everything."""
        self.bring(given[0] if module.training and torch.is_grad_enabled() else None)

    def bring(self, ids: Tensor | None) -> None:
        """Bring some rows up to the present step, or all."""
        if not self.history:
            return
        weight = self.module.weight
        count, width = len(weight) if ids is None else ids.numel(), weight.shape[1]
        past = torch.tensor(self.history)
        told = (weight, self.moments["exp_avg"], self.moments["exp_avg_sq"], self.last)
        chosen = None if ids is None else ids.contiguous()
        kernels.call("whet_rows_bring", *told, chosen, count, width, past, len(past), self.work, *BETAS, EPS)
        if ids is None:
            self.history.clear()
            self.last.zero_()

    def step(self, grad: Tensor, numbers: tuple[float, float, float], scale: float) -> None:
        """Move the rows that had a gradient; the others stay behind."""
        weight = self.module.weight
        rows, values = grad.indices()[0], grad.values()
        self.history.append(numbers)
        told = (weight, self.moments["exp_avg"], self.moments["exp_avg_sq"], self.last)
        given = (rows.contiguous(), values.contiguous(), len(rows), weight.shape[1], *numbers, len(self.history))
        kernels.call("whet_rows_step", *told, *given, *BETAS, EPS, scale)

    def release(self) -> None:
        """Bring all rows up and leave the module as it was."""
        self.bring(None)
        self.module.sparse, self.module._table = False, None  # type: ignore[assignment]
        self.hook.remove()


class AdamW(torch.optim.Optimizer):
    """torch's AdamW (Loshchilov and Hutter 2019) with betas .9 and .999; its memory has torch's names.

    ``clip`` is to be asked before ``step``, and ``settle`` before anyone reads the weights or the memory; ``release``
    ends it. Parameters are float32 and on the processor.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], network: nn.Module) -> None:
        super().__init__(groups, {"lr": 1e-3, "weight_decay": 0.0})
        mine = [parameter for group in self.param_groups for parameter in group["params"]]
        self.tables = {table.module.weight: table for table in _tables(network, mine)}
        self.scale = 1.0

    def clip(self, limit: float) -> float:
        """The norm of all gradients; above ``limit`` (0: none) the next step scales them down to it."""
        grads = []
        for parameter in self._moving():
            if parameter.grad is not None and parameter.grad.is_sparse:
                parameter.grad = parameter.grad.coalesce()
                grads.append(parameter.grad.values())
            elif parameter.grad is not None:
                parameter.grad = parameter.grad.contiguous()
                grads.append(parameter.grad)
        counts = torch.tensor([grad.numel() for grad in grads])
        parts = torch.empty(int((counts // PIECE + 1).sum()), dtype=torch.float64)
        places = torch.tensor([grad.data_ptr() for grad in grads])
        norm = math.sqrt(kernels.call("whet_squares", places, counts, len(grads), parts))
        self.scale = min(1.0, limit / (norm + 1e-6)) if limit else 1.0
        return norm

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move everything that has a gradient."""
        places, counts, numbers, moved = [], [], [], []
        for group in self.param_groups:
            for parameter in group["params"]:
                if (grad := parameter.grad) is None:
                    continue
                memory, now = self._remembered(parameter), self._numbers(parameter, group)
                if parameter in self.tables:
                    self.tables[parameter].moments = memory
                    self.tables[parameter].step(grad, now, self.scale)
                    continue
                moments = (memory["exp_avg"], memory["exp_avg_sq"])
                copy = copy_of(parameter)
                told = (parameter, grad, *moments, copy)
                places.append([0 if one is None else one.data_ptr() for one in told])
                counts.append(parameter.numel())
                numbers.append(now)
                moved.append(parameter)
        if counts:
            lists = (torch.tensor(places), torch.tensor(counts), torch.tensor(numbers), len(counts))
            kernels.call("whet_adamw", *lists, *BETAS, EPS, self.scale)
            torch.autograd.graph.increment_version(moved)  # which torch does by itself where it moves them
            for parameter in moved:
                if (copy := copy_of(parameter)) is not None:
                    keep(parameter, copy)
        self.scale = 1.0

    def settle(self) -> None:
        """Bring every row of every table up to the present step."""
        with torch.no_grad():
            for table in self.tables.values():
                table.bring(None)

    def release(self) -> None:
        """Settle, and leave the network as it was."""
        with torch.no_grad():
            for table in self.tables.values():
                table.release()
        self.tables = {}

    def _moving(self) -> Iterable[nn.Parameter]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def _remembered(self, parameter: nn.Parameter) -> dict[str, Any]:
        memory = self.state[parameter]
        if not memory:
            memory["step"] = torch.zeros(())
            memory["exp_avg"], memory["exp_avg_sq"] = _zeros(parameter), _zeros(parameter)
        memory["step"] += 1
        return memory

    def _numbers(self, parameter: nn.Parameter, group: dict[str, Any]) -> tuple[float, float, float]:
        """The step's rate over the first moment's bias correction, one over the root of the second's, and the decay."""
        step = float(self.state[parameter]["step"])
        rate = group["lr"] / (1 - BETAS[0] ** step)
        return rate, 1 / math.sqrt(1 - BETAS[1] ** step), 1 - group["lr"] * group["weight_decay"]


def _zeros(like: Tensor) -> Tensor:
    """Zeros that take memory only where they are written: most rows of a table never are."""
    if like.numel() < LAZY or not hasattr(mmap, "MAP_PRIVATE"):  # Windows has no such thing
        return torch.zeros_like(like)
    fresh = mmap.mmap(-1, 4 * like.numel(), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return torch.frombuffer(fresh, dtype=torch.float32).view(like.shape)


def takes(parameters: Iterable[nn.Parameter]) -> bool:
    """Whether these are parameters for the kernels: float32, on the processor, each in one piece."""
    return kernels.chosen() == "compiled" and all(
        one.dtype == torch.float32 and one.device.type == "cpu" and one.is_contiguous() for one in parameters
    )


def _tables(network: nn.Module, moving: list[nn.Parameter]) -> list[Table]:
    """The large embeddings that move and serve nothing else (a tied language head reads every row)."""
    users: dict[nn.Parameter, list[nn.Module]] = {}
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            users.setdefault(parameter, []).append(module)
    mine = set(moving)
    alone = [(parameter, modules[0]) for parameter, modules in users.items() if len(modules) == 1]
    return [
        Table(module)
        for parameter, module in alone
        if parameter in mine and type(module) is nn.Embedding and len(parameter) >= LARGE
        if not module.scale_grad_by_freq and module.max_norm is None
    ]
