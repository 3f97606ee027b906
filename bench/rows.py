"""What many rows cost: memory and time of training, evaluating and predicting, beside the same with a thousand rows.

A tiny model stands in for a real one, so that reading, checking, tokenising and writing are what is measured.
"""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FEW = 1000
STEPS = 100
BATCH = 32
LIMIT = 10**9
"""Bytes by which the resident memory may grow from few rows to many."""


def measure(count: int, words: list[str], model: Path) -> dict[str, Any]:
    """``run``, ``evaluate`` and ``predict`` on few rows and on ``count``, each in a process of its own.

    Rows a second are by the difference of the two, so that starting does not count. Where the machine has other work
    the seconds of the clock say less than those of the processor, so both are kept, and the load beside them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        files = {rows: write(place / f"{rows}.csv", rows, words) for rows in (FEW, count)}
        held_out = write(place / "held-out.csv", FEW, words, seed=1)
        found: dict[str, Any] = {"rows": count, "bytes": files[count].stat().st_size, "limit_bytes": LIMIT}
        for verb in ("run", "evaluate", "predict"):
            few, many = (_asked(verb, files[rows], rows, place, model, held_out) for rows in (FEW, count))
            growth = many["peak_bytes"] - few["peak_bytes"]
            found[verb] = {
                "growth_bytes": growth,
                "within_limit": growth < LIMIT,
                **many,
                "rows_per_second": (count - FEW) / max(many["seconds"] - few["seconds"], 1e-9),
                "rows_per_cpu_second": (count - FEW) / max(many["cpu_seconds"] - few["cpu_seconds"], 1e-9),
                "load": os.getloadavg()[1],
            }
            print(f"  {verb}: {found[verb]}", file=sys.stderr)
    return found


def write(path: Path, count: int, words: list[str], seed: int | None = None) -> Path:
    """Rows of 5 to 20 words and two labels, all different."""
    draw = random.Random(count if seed is None else seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(count):
            text = " ".join(draw.choices(words, k=draw.randint(5, 20)))
            rows.writerow([f"{text} {number}", ("good", "bad")[number % 2]])
    return path


def _asked(verb: str, data: Path, rows: int, place: Path, model: Path, held_out: Path) -> dict[str, Any]:
    run = place / f"run-{FEW}"
    words = {
        "run": [
            *("run", str(data), "--model", str(model), "--out", str(place / f"run-{rows}")),
            *(f"--set=data.validation={held_out}", f"--set=data.test={held_out}"),
            *(f"--set=train.epochs={STEPS * BATCH / rows}", f"--set=train.batch_size={BATCH}"),
        ],
        "evaluate": ["evaluate", str(run), str(data), "--out", str(place / f"evaluation-{rows}")],
        "predict": ["predict", str(run), str(data), "--out", str(place / f"answers-{rows}.jsonl")],
    }[verb]
    began = time.perf_counter()
    environment = {**os.environ, "WHET_CACHE": str(place / f"cache-{verb}-{rows}")}
    process = subprocess.Popen(
        [sys.executable, "-m", "whet.cli", *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 5):  # 5: a tiny model need not beat the baseline
        raise RuntimeError(said.decode()[-2000:])
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
