"""What this machine is good at: measured once, kept, and written into every run.

Nothing here rests on what is free at the moment, so that the same machine always chooses the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from whet.core import limits, memory, rundir
from whet.nn import probe
from whet.nn.anatomy import Anatomy
from whet.nn.probe import LAYOUTS, PRECISIONS, Probe, Roof

MOST_TOKENS = 4096
"""More take memory and no less time (docs/log.md)."""
LEAST_TOKENS = 512
SHARE = 0.25
"""The share of the machine's memory that a micro-batch's activations may take."""
FLOATS_A_TOKEN = 34
"""Numbers of the model's width that one block keeps for a token until its backward pass (Korthikanti et al. 2022)."""
ASKED = ", as the recipe says"


def cache_file() -> Path:
    """Where figures are kept: ``machine.json`` in ``WHET_CACHE``, by default ``~/.cache/whet``."""
    root = os.environ.get("WHET_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "whet") / "machine.json"


@dataclass(frozen=True)
class Chosen:
    """How products are computed, with the figures on which the choice rests, and a sentence for each."""

    precision: str
    threads: int
    probe: Probe
    reasons: tuple[str, ...]

    @property
    def flops_per_second(self) -> float:
        """The roof: what products alone reach here, in the chosen type and with the chosen threads."""
        return self.probe.roof(self.threads).products(self.precision) * 1e9


def choose(config: Any, device: torch.device, precision: str | None = None, threads: int | None = None) -> Chosen:
    """Settle what is None: the type and the number of threads in which a model of this shape is fastest here.

    ``OMP_NUM_THREADS`` is an order, as it is for torch: nothing else is measured then.
    """
    ordered = _ordered()
    known = probed(shape(config), device, threads)
    count = threads or known.threads(precision)
    kind = precision or known.roof(count).precision
    why = ASKED if threads else ", as OMP_NUM_THREADS says" if ordered else ""
    reasons = [known.about_precision(kind, count, ASKED if precision else "")]
    if device.type == "cpu":
        reasons.append(known.about_threads(count, kind, why))
    return Chosen(kind, count, known, tuple(reasons))


def probed(of: tuple[int, int], device: torch.device, threads: int | None = None) -> Probe:
    """The machine's figures for models of a shape, from the file of kept ones where they stand there.

    Measured are one thread, half of the cores (there may be two threads to one) and all, and ``threads`` beside them.
    """
    counts = _counts(device, threads)
    machine = _machine(device)
    shaped = f"{machine}/{of[0]}x{of[1]}"
    kept = _read()
    gflops, bandwidth = _figures(kept.get(shaped), "gflops"), _figures(kept.get(machine), "bandwidth")
    load = kept.get(shaped, {}).get("load")
    if absent := tuple(count for count in counts if not _is_roof(gflops.get(str(count)))):
        load = _load()
        found = probe.products(*of, device, absent)
        gflops = {**gflops, **{str(count): one for count, one in found.items()}}
        _write({shaped: {"gflops": gflops, "load": load}})
    if absent := tuple(count for count in counts if not _is_figure(bandwidth.get(str(count)))):
        bandwidth = {**bandwidth, **{str(count): one for count, one in probe.bandwidth(device, absent).items()}}
        _write({machine: {"bandwidth": bandwidth}})
    roofs = tuple(Roof(count, gflops[str(count)], bandwidth[str(count)]) for count in counts)
    return Probe(roofs, _total_bytes(device), load if _is_figure(load) else 0.0)


def at_most(wanted: str, network: nn.Module) -> str:
    """The precision of a bundle, or float32 where this machine is slow in it."""
    return wanted if wanted == "float32" else precision(network)


def precision(network: nn.Module) -> str:
    """The type in which products of this network's shape are fastest here, with as many threads as torch uses now."""
    device, threads = next(network.parameters()).device, torch.get_num_threads()
    return probed(shape(network.config), device, threads).roof(threads).precision


def tokens_per_batch(network: nn.Module, anatomy: Anatomy) -> int:
    """How many tokens may go through the model at once, from the machine's total memory and the model's shape."""
    return tokens_for(bytes_a_token(network.config, anatomy.depth), next(network.parameters()).device)


def tokens_for(bytes_a_token: int, device: torch.device) -> int:
    """The same for a model of which a token takes so much: a power of two within bounds."""
    fitting = int(_total_bytes(device) * SHARE / bytes_a_token)
    return max(LEAST_TOKENS, min(MOST_TOKENS, 1 << max(fitting, 1).bit_length() - 1))


def about_tokens(tokens: int, bytes_a_token: int, device: torch.device, why: str = "") -> str:
    """The choice of a budget of tokens with its reason."""
    taken, total = tokens * bytes_a_token / 1e9, _total_bytes(device) / 1e9
    return f"{tokens:,} tokens at once{why}: about {taken:.1f} GB of the {total:.1f} GB of memory"


def bytes_a_token(config: Any, blocks: int) -> int:
    """What the blocks keep of one token from the forward to the backward pass, by the formula, in float32."""
    width, inner = shape(config)
    depth = max(blocks, getattr(config, "num_hidden_layers", 1))
    return 4 * (FLOATS_A_TOKEN * width + 2 * inner) * depth


def shape(config: Any) -> tuple[int, int]:
    """A model's width and that of its feed-forward layers."""
    width = getattr(config, "hidden_size", None) or config.d_model
    for name in ("intermediate_size", "n_inner", "hidden_dim", "d_ff", "encoder_ffn_dim", "ffn_dim"):
        if getattr(config, name, None):
            return int(width), int(getattr(config, name))
    return int(width), 4 * int(width)


def _total_bytes(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else memory.total_bytes()


def _counts(device: torch.device, threads: int | None) -> tuple[int, ...]:
    """The numbers of threads to measure, from few to many; on a GPU they make no difference."""
    if device.type != "cpu":
        return (1,)
    ordered, cores = _ordered(), limits.cores()
    tried = {ordered} if ordered else {1, max(1, cores // 2), cores}
    return tuple(sorted(tried | ({threads} if threads else set())))


def _ordered() -> int | None:
    """The number of threads that the user orders by OMP_NUM_THREADS."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdigit() and int(first) > 0 else None


def _load() -> float:
    """How many processes want a core, this one among them; nothing is known of it on Windows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _machine(device: torch.device) -> str:
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.processor()}-{device.type}"
    flags = hashlib.blake2b(_processor().encode(), digest_size=6).hexdigest()
    return f"{where}/{flags}/{limits.cores()}/torch-{torch.__version__}"


def _processor() -> str:
    """What tells processors apart: their name and instruction sets, where the system says so."""
    found = Path("/proc/cpuinfo")
    if not found.is_file():
        return platform.machine()
    lines = found.read_text("utf-8", "replace").splitlines()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _is_roof(value: Any) -> bool:
    parts = [value.get(kind) for kind in PRECISIONS] if isinstance(value, dict) else [None]
    return all(isinstance(part, dict) and all(_is_figure(part.get(one)) for one in LAYOUTS) for part in parts)


def _figures(entry: Any, name: str) -> dict[str, Any]:
    """A table of an entry; what is not of our shape counts as never measured."""
    found = entry.get(name) if isinstance(entry, dict) else None
    return found if isinstance(found, dict) else {}


def _read() -> dict[str, Any]:
    """What was measured before, here or elsewhere; a file that is no table of tables counts as never written."""
    try:
        found = json.loads(cache_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {key: one for key, one in known if isinstance(one, dict)}


def _write(more: Mapping[str, Any]) -> None:
    try:
        rundir.write_json(cache_file(), {**_read(), **more})
    except OSError:  # a read-only home: the probe is asked again next time
        return
