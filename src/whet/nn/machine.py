"""What this machine is good at: measured once, kept, and written into every run.

Nothing here rests on what is free at the moment, so that the same machine always chooses the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from whet.core import memory, rundir
from whet.nn.anatomy import Anatomy

PRECISIONS = ("float32", "bfloat16")
FASTER = 1.15
"""How much faster bfloat16 must be to be chosen: less is not worth its rounding."""
TOKENS = 512
MOST_TOKENS = 4096
"""More take memory and no less time (docs/log.md)."""
LEAST_TOKENS = 512
SHARE = 0.25
"""The share of the machine's memory that a micro-batch's activations may take."""
FLOATS_A_TOKEN = 34
"""Numbers of the model's width that one block keeps for a token until its backward pass (Korthikanti et al. 2022)."""


def cache_file() -> Path:
    """Where choices are kept: ``machine.json`` in ``WHET_CACHE``, by default ``~/.cache/whet``."""
    root = os.environ.get("WHET_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "whet") / "machine.json"


def keep_pages() -> None:
    """Let glibc keep freed memory for the next step instead of giving it back and faulting it in anew.

    A step frees and takes some hundred megabytes; without this a tenth of its time goes into clearing fresh pages
    (docs/log.md). Other systems have no ``mallopt``, and nothing happens there.
    """
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError, TypeError):
        return


_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""The numbers of these settings in glibc's malloc.h."""


def precision(network: nn.Module) -> str:
    """``bfloat16`` where products of this model's shape are clearly faster in it here, else ``float32``."""
    device = next(network.parameters()).device
    width, inner = shape(network.config)
    key = _key(device, width, inner)
    known = _read()
    if key not in known:
        slow, fast = (_seconds(kind, width, inner, device) for kind in (torch.float32, torch.bfloat16))
        known = {
            **_read(),
            key: {"precision": "bfloat16" if slow / fast > FASTER else "float32", "ratio": slow / fast},
        }
        _write(known)
    chosen: str = known[key]["precision"]
    return chosen


def at_most(wanted: str, network: nn.Module) -> str:
    """The precision of a bundle, or float32 where this machine is slow in it."""
    return wanted if wanted == "float32" else precision(network)


def tokens_per_batch(network: nn.Module, anatomy: Anatomy) -> int:
    """How many tokens may go through the model at once, from the machine's total memory and the model's shape."""
    device = next(network.parameters()).device
    total = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else memory.total_bytes()
    fitting = int(total * SHARE / bytes_a_token(network, anatomy))
    return max(LEAST_TOKENS, min(MOST_TOKENS, 1 << max(fitting, 1).bit_length() - 1))


def bytes_a_token(network: nn.Module, anatomy: Anatomy) -> int:
    """What the blocks keep of one token from the forward to the backward pass, by the formula, in float32."""
    width, inner = shape(network.config)
    depth = max(anatomy.depth, getattr(network.config, "num_hidden_layers", 1))
    return 4 * (FLOATS_A_TOKEN * width + 2 * inner) * depth


def shape(config: Any) -> tuple[int, int]:
    """A model's width and that of its feed-forward layers."""
    width = getattr(config, "hidden_size", None) or config.d_model
    for name in ("intermediate_size", "n_inner", "hidden_dim", "d_ff", "encoder_ffn_dim", "ffn_dim"):
        if getattr(config, name, None):
            return int(width), int(getattr(config, name))
    return int(width), 4 * int(width)


def _key(device: torch.device, width: int, inner: int) -> str:
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.processor()}-{device.type}"
    flags = hashlib.blake2b(_processor().encode(), digest_size=6).hexdigest()
    return f"{where}/{flags}/{os.cpu_count()}/{torch.get_num_threads()}/torch-{torch.__version__}/{width}x{inner}"


def _processor() -> str:
    """What tells processors apart: their name and instruction sets, where the system says so."""
    found = Path("/proc/cpuinfo")
    if not found.is_file():
        return platform.machine()
    lines = found.read_text("utf-8", "replace").splitlines()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _seconds(kind: torch.dtype, width: int, inner: int, device: torch.device) -> float:
    """The best of some trials of a block's two large products."""
    states = torch.ones(TOKENS, width, dtype=kind, device=device)
    up = torch.ones(inner, width, dtype=kind, device=device)
    best = float("inf")
    for _ in range(8):
        began = time.perf_counter()
        for _ in range(4):
            nn.functional.linear(states, up)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, (time.perf_counter() - began) / 4)
    return best


def _read() -> dict[str, Any]:
    """What was measured before; what is not of our shape counts as never measured."""
    try:
        found = json.loads(cache_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {key: one for key, one in known if isinstance(one, dict) and one.get("precision") in PRECISIONS}


def _write(known: dict[str, Any]) -> None:
    try:
        rundir.write_json(cache_file(), known)
    except OSError:  # a read-only home: the probe is asked again next time
        return
