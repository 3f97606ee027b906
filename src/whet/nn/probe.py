"""Two seconds of looking at a machine: how fast its products are, in which type, with how many threads, and its memory.

What is measured is what training does: a block's large product in its three layouts (forward, the gradient of the
inputs, the gradient of the weights), and a triad over arrays that no cache of a core holds. Each figure is the best of
some rounds, for other work on the machine only ever slows one down.

Shape legend: T tokens, D width, I width of the feed-forward layer.
"""

from __future__ import annotations

import contextlib
import mmap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = ("float32", "bfloat16")
LAYOUTS = ("forward", "inputs", "weights")
FASTER = 1.15
"""How much faster bfloat16 must be to be chosen: less is not worth its rounding."""
MORE_PAYS = 1.1
"""How much faster more threads must be: two that share one core are not, and each has its costs elsewhere."""
TOKENS, FEW = 512, 32
"""Tokens of a product: as many as a step of sentences has; few at first, where nobody knows yet how slow it is."""
TOKENS_ON_A_GPU = 8192
LARGEST = (2048, 4096)
"""A processor's products are no faster with wider matrices, and these would not be done in two seconds."""
LONGEST_SECONDS = 0.04
"""A product that would take longer is measured with fewer tokens: bfloat16 may be a hundred times slower."""
ROUNDS, SECONDS = 8, 1.2
TRIAD_BYTES = 1 << 26
"""Each of three arrays: together beyond every core's own cache and most shared ones."""
TRIAD_ROUNDS = 3


@dataclass(frozen=True)
class Roof:
    """What so many threads reach: products a second by type and layout, and what the memory gives meanwhile.

    ``gflops`` holds 10^9 operations a second (a multiplication and an addition are two) as ``{precision: {layout:
    figure}}``; ``bandwidth`` is 10^9 bytes a second, read and written.
    """

    threads: int
    gflops: Mapping[str, Mapping[str, float]]
    bandwidth: float

    def products(self, precision: str) -> float:
        """10^9 operations a second over the three layouts, of which full training takes equal parts."""
        figures = self.gflops[precision]
        return len(figures) / sum(1 / figure for figure in figures.values())

    @property
    def precision(self) -> str:
        """The type to compute in: bfloat16 where products are clearly faster in it, else float32."""
        return "bfloat16" if self.products("bfloat16") > FASTER * self.products("float32") else "float32"


@dataclass(frozen=True)
class Probe:
    """A machine's figures for models of one shape, by the number of threads from few to many.

    What is chosen rests on them and never on what is free at the moment: the same machine always chooses the same.
    ``load`` is how many processes wanted a core when they were taken.
    """

    roofs: tuple[Roof, ...]
    memory_bytes: int
    load: float = 0.0

    def roof(self, threads: int) -> Roof:
        """The figures for so many threads, or for the most below that are known."""
        known = [one for one in self.roofs if one.threads <= threads]
        return known[-1] if known else self.roofs[0]

    def threads(self, precision: str | None = None) -> int:
        """How many threads to take: more only where products are clearly faster with them."""
        best = self.roofs[0]
        for roof in self.roofs[1:]:
            slower, faster = (one.products(precision or one.precision) for one in (best, roof))
            best = roof if faster > MORE_PAYS * slower else best
        return best.threads

    def about_precision(self, precision: str, threads: int, why: str = "") -> str:
        """The choice of a type with its reason."""
        roof = self.roof(threads)
        other = next(one for one in PRECISIONS if one != precision)
        own, others = (_rate(roof.products(one)) for one in (precision, other))
        return f"{precision}{why}: products run at {own}, in {other} at {others}"

    def about_threads(self, threads: int, precision: str, why: str = "") -> str:
        """The choice of a number of threads with its reason."""
        said = f"{threads} thread{'s' if threads > 1 else ''}{why}"
        others = [one for one in self.roofs if one.threads != threads]
        if not others:
            return said
        own = self.roof(threads).products(precision)
        if threads > 1:
            first = self.roofs[0]
            times = own / first.products(precision)
            return f"{said}: products run {times:.1f} times as fast as with {_spelt(first.threads)}"
        most = others[-1]
        return f"{said}: with {most.threads} products run {most.products(precision) / own:.2f} times as fast"


def _spelt(threads: int) -> str:
    return "one" if threads == 1 else str(threads)


def _rate(gflops: float) -> str:
    return f"{gflops / 1000:,.1f} TFLOP/s" if gflops >= 10_000 else f"{gflops:,.0f} GFLOP/s"


def products(width: int, inner: int, device: torch.device, counts: tuple[int, ...]) -> dict[int, dict[str, Any]]:
    """10^9 operations a second, ``{threads: {precision: {layout: figure}}}``, in at most about a second."""
    trials = {(kind, layout): _trial(kind, layout, width, inner, device) for kind in PRECISIONS for layout in LAYOUTS}
    best: dict[tuple[int, str, str], float] = {}
    began = time.perf_counter()
    for round_ in range(ROUNDS + 1):
        for threads in counts:
            with _threads(threads):
                for (kind, layout), (work, operations) in trials.items():
                    figure = operations / max(timed(work, device), 1e-9) / 1e9
                    if round_:  # the first builds kernels
                        best[threads, kind, layout] = max(figure, best.get((threads, kind, layout), 0.0))
        if round_ and time.perf_counter() - began > SECONDS:
            break
    return {
        threads: {kind: {layout: best[threads, kind, layout] for layout in LAYOUTS} for kind in PRECISIONS}
        for threads in counts
    }


def bandwidth(device: torch.device, counts: tuple[int, ...]) -> dict[int, float]:
    """10^9 bytes a second of ``a = b + 2 c``, by the number of threads."""
    if device.type == "cpu":
        held = mmap.mmap(-1, 3 * TRIAD_BYTES)  # given back to the system at once, unlike torch's own
        arrays = torch.frombuffer(held, dtype=torch.float32).fill_(1.0).chunk(3)  # unwritten pages would be one page
    else:
        arrays = torch.ones(3 * TRIAD_BYTES // 4, device=device).chunk(3)
    found = {}
    for threads in counts:
        with _threads(threads):
            seconds = [timed(lambda: _triad(*arrays), device) for _ in range(TRIAD_ROUNDS + 1)]
        found[threads] = 3 * TRIAD_BYTES / min(seconds[1:]) / 1e9
    return found


def _triad(a: Tensor, b: Tensor, c: Tensor) -> None:
    torch.add(b, c, alpha=2.0, out=a)


def _trial(kind: str, layout: str, width: int, inner: int, device: torch.device) -> tuple[Callable[[], Tensor], float]:
    """A product to time, and its operations; with fewer tokens where it is slow."""
    most = TOKENS_ON_A_GPU
    if device.type == "cpu":
        most, width, inner = TOKENS, min(width, LARGEST[0]), min(inner, LARGEST[1])
    work = _product(kind, layout, FEW, width, inner, device)
    timed(work, device)
    longest = most / FEW * timed(work, device)
    share = min(1.0, LONGEST_SECONDS / max(longest, 1e-9))
    tokens = max(FEW, int(most * share) // FEW * FEW)
    return _product(kind, layout, tokens, width, inner, device), 2.0 * tokens * width * inner


def _product(kind: str, layout: str, tokens: int, width: int, inner: int, device: torch.device) -> Callable[[], Tensor]:
    given = {"dtype": getattr(torch, kind), "device": device}
    x_td, w_id, g_ti = (torch.ones(*size, **given) for size in ((tokens, width), (inner, width), (tokens, inner)))
    if layout == "forward":
        return lambda: nn.functional.linear(x_td, w_id)
    return (lambda: g_ti @ w_id) if layout == "inputs" else (lambda: g_ti.t() @ x_td)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Inside, torch works with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds until the work is done; a GPU is asked to finish first, as it works on behind the program's back."""
    finish(device)
    began = time.perf_counter()
    work()
    finish(device)
    return time.perf_counter() - began


def finish(device: torch.device) -> None:
    """Wait for a GPU's queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
