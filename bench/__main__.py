"""``python -m bench [NAMES] [--pairs 5]``: measure whet beside its peers, print the table, keep one JSON.

Every figure is taken in a fresh process; whet's and the peers' runs alternate, so that a busy machine hurts all.
Without names the benches of docs/benchmarks.md run; the others answer single questions and run by name.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench import earlier, table
from bench.ahead import answering, training
from bench.ahead.kernels import kernels
from bench.processes import ROOT
from whet.core import rundir
from whet.papers import versions

RESULTS = ROOT / "bench" / "results"
AHEAD: dict[str, Callable[[Path, int, int | None], dict[str, Any]]] = {
    "full": training.full,
    "bert": training.bert,
    "reviews": training.reviews,
    "lora": training.lora,
    "freeze": training.freeze,
    "decoder": training.decoder,
    "cold": answering.cold,
    "predict": answering.predict,
    "kernels": kernels,
}
"""The benches of the tables: each takes a scratch folder, the count of pairs, and how few rows to try it on."""


def machine() -> dict[str, Any]:
    """What the figures were taken on, and by which code."""
    found: dict[str, Any] = {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "system": platform.platform()}
    info = Path("/proc/cpuinfo")
    names = info.read_text("utf-8", "replace").splitlines() if info.is_file() else []
    found["processor"] = next(
        (line.partition(":")[2].strip() for line in names if line.startswith("model name")), platform.processor()
    )
    found["load_before"] = list(os.getloadavg()) if hasattr(os, "getloadavg") else None
    return found


def commit() -> dict[str, Any]:
    """The commit, and whether files differed from it; nothing outside a checkout."""
    try:
        asked = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        said = [subprocess.check_output(["git", *words], cwd=ROOT, text=True).strip() for words in asked]
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": said[0], "changed": bool(said[1])}


def main() -> None:
    names = [*AHEAD, *earlier.BENCHES]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=[], help=f"some of {', '.join(names)}; by default {', '.join(AHEAD)}"
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=None, help="for sst2, wnut17 and stories")
    parser.add_argument("--rows", type=int, default=1_000_000, help="for rows")
    parser.add_argument("--few", type=int, default=None, help="try a bench on so few rows; its figures mean nothing")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder of the JSON")
    options = parser.parse_args()
    if unknown := sorted({*options.names} - {*names}):
        parser.error(f"there is no bench called {', '.join(unknown)}")
    began = datetime.datetime.now()
    found: dict[str, Any] = {"date": began.date().isoformat(), "began": began.isoformat(timespec="seconds")}
    found |= {"pairs": options.pairs, "few": options.few, "machine": machine(), "versions": versions(), **commit()}
    options.out.mkdir(parents=True, exist_ok=True)
    place = options.out / f"{began:%Y-%m-%d-%H%M%S}-{'-'.join(options.names) or 'all'}.json"
    for name in options.names or AHEAD:
        print(f"{name} ...", file=sys.stderr, flush=True)
        if name in AHEAD:
            with tempfile.TemporaryDirectory() as scratch:
                found[name] = AHEAD[name](Path(scratch), options.pairs, options.few)
        else:
            found[name] = earlier.BENCHES[name](options)
            figures = {key: value for key, value in found[name].items() if "median" in key or "mean" in key}
            print(json.dumps({name: figures}), flush=True)
        rundir.write_json(place, found)
    print("\n\n".join(block for block in table.blocks(table.rows_of(found)).values() if block != table.NONE))
    print(f"raw figures: {place}", file=sys.stderr)


if __name__ == "__main__":
    main()
