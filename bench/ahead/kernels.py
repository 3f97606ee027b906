"""Every kernel beside the plain torch code that stands in for it: forward and backward, at the shapes of a step.

``python -m bench.ahead.kernels`` measures them all in this process and prints one JSON; the bench ``kernels`` asks a
fresh process a pair. Shapes are those of MiniLM on 32 sentences and of a small Llama; attention also has long texts.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.ahead.row import Aim, Row, alternate
from bench.processes import script
from whet.nn import kernels as compiled
from whet.nn.activations import gelu, swiglu
from whet.nn.attention import attend
from whet.nn.dropout import dropout
from whet.nn.fused import linear_add_norm, linear_gelu
from whet.nn.layout import Layout, runs
from whet.nn.lowrank import LowRank
from whet.nn.norms import add_norm, rms_norm
from whet.nn.surprise import surprised
from whet.strategies.contract import Group
from whet.train import optimizers

WIDTH, INNER, HEADS = 384, 1536, 12
SHORT = [*range(60, 20, -2), *range(20, 8, -1)]
TOKENS = sum(SHORT)
LONG = [256, 240, 200, 104]
POSITIONS, WORDS = 512, 8000
TABLE, READ = 30_000, 500
ROUNDS = 15
Work = Callable[[], object]


def kernels(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """How many times as fast each kernel is as the plain code, a fresh process a pair."""
    sides = {"kernels": lambda pair: script("bench.ahead.kernels", *(["2"] if few else []))}
    runs = alternate(sides, count)["kernels"]
    rows = []
    for told in runs[0]:
        values = [run[told]["plain"] / run[told]["compiled"] for run in runs]
        milliseconds = 1e3 * statistics.median(run[told]["compiled"] for run in runs)
        aim = Aim(f"kernels/{told}", told, 1.0)
        rows.append(Row(aim, values, (), [f"{milliseconds:.2f} ms"]).as_dict())
    return {"rows": rows, "runs": runs}


def cases() -> Iterator[tuple[str, Work]]:
    """Each kernel's name and a call of it, forward and backward."""
    for kind in (torch.float32, torch.bfloat16):
        said = str(kind).removeprefix("torch.")
        for name, work in _by_type(kind):
            yield f"{name}, {said}", work
    yield "AdamW of 5 M numbers and a table of which 500 rows were read", _updates()


def _by_type(kind: torch.dtype) -> Iterator[tuple[str, Work]]:
    states, other, wide, gate = (_drawn(kind, TOKENS, width) for width in (WIDTH, WIDTH, INNER, INNER))
    norm, up, down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
    low, head = LowRank(nn.Linear(WIDTH, WIDTH), 16, 32.0), nn.Linear(WIDTH, WORDS, bias=False)
    low.base.requires_grad_(False)
    truth = torch.arange(POSITIONS) % WORDS
    for told, lengths, noise in (("short texts with dropout", SHORT, 0.1), ("long texts", LONG, 0.0)):
        yield f"attention, {told}", _learning(kind, _attention(kind, lengths, noise))
    yield "dropout, residual and layer norm", _learning(kind, lambda: add_norm(states, other, norm, 0.1))
    yield "RMS norm", _learning(kind, lambda: rms_norm(states, norm.weight, 1e-6))
    yield "GELU", _learning(kind, lambda: gelu(wide))
    yield "SwiGLU", _learning(kind, lambda: swiglu(gate, wide))
    yield "dropout", _learning(kind, lambda: dropout(states, 0.1))
    yield "linear layer and GELU", _learning(kind, lambda: linear_gelu(up, states))
    yield (
        "linear layer, dropout, residual and norm",
        _learning(kind, lambda: linear_add_norm(down, wide, other, norm, 0.1)),
    )
    yield "LoRA beside a still layer", _learning(kind, lambda: low(states))
    yield "language head", _learning(kind, lambda: _told(head, states[:POSITIONS], truth).mean())


def _told(head: nn.Linear, states: Tensor, truth: Tensor) -> Tensor:
    if compiled.chosen() == "compiled":
        return surprised(states, head, truth)
    return nn.functional.cross_entropy(head(states).float(), truth, reduction="none")


def _attention(kind: torch.dtype, lengths: list[int], noise: float) -> Callable[[], Tensor]:
    tokens = sum(lengths)
    parts = [_drawn(kind, 1, tokens, HEADS, WIDTH // HEADS).transpose(1, 2) for _ in range(3)]
    layout = Layout(runs(lengths), torch.zeros(1, dtype=torch.int64))
    return lambda: attend(nn.Module(), *parts, None, dropout=noise, is_causal=False, layout=layout)[0]


def _drawn(kind: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(shape).to(kind).requires_grad_()


def _learning(kind: torch.dtype, forward: Callable[[], Tensor]) -> Work:
    """The pass forward, in the type of an engine's products, and back from a fixed gradient."""
    slope: list[Tensor] = []

    def work() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == torch.bfloat16):
            out = forward()
        if not slope:
            slope.append(torch.randn_like(out))
        out.backward(slope[0])

    return work


def _updates() -> Work:
    """One update; the table's gradient is sparse for the kernels, and dense for torch's AdamW, as each has it."""
    built: dict[str, tuple[nn.Module, torch.optim.Optimizer]] = {}
    rows = torch.randint(TABLE, (READ,))

    def work() -> None:
        kind = compiled.chosen()
        if kind not in built:
            network = nn.Sequential(nn.Embedding(TABLE, WIDTH), nn.Linear(2240, 2240))
            group = Group(tuple(name for name, _ in network.named_parameters()), 1e-4, 0.01, 0)
            built[kind] = network, optimizers.build("adamw", network, [group])
            network[1].weight.grad = torch.randn(2240, 2240)
        network, optimizer = built[kind]
        network[0].weight.grad = None
        network[0](rows).sum().backward()
        optimizers.clip(optimizer, 1.0)
        optimizer.step()

    return work


def seconds(work: Work, rounds: int) -> dict[str, float]:
    """The median of some rounds, compiled and plain in turn, each after one that warms up."""
    spent: dict[str, list[float]] = {"compiled": [], "plain": []}
    for number in range(rounds + 1):
        for kind, found in spent.items():
            compiled.choose(kind)  # type: ignore[arg-type]
            began = time.perf_counter()
            work()
            if number:
                found.append(time.perf_counter() - began)
    compiled.choose("compiled")
    return {kind: statistics.median(found) for kind, found in spent.items()}


def main(rounds: int = ROUNDS) -> None:
    if compiled.library() is None:
        raise SystemExit("no C compiler is here, so there is nothing to compare")
    torch.manual_seed(0)
    print(json.dumps({name: seconds(work, rounds) for name, work in cases()}))


if __name__ == "__main__":
    import sys

    main(*map(int, sys.argv[1:2]))
