"""Made-up cells: metrics files and answers without any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from whet.recipe import Recipe
from whet.search import table
from whet.search.asked import Entry
from whet.search.cells import Cell, Outcome

ROOT = Path("/nowhere")
SPECS: dict[str, dict[str, Any]] = {
    "full": {"score": 0.9, "seconds": 70.0, "peak": 2_000, "bytes": 90, "cka": 0.8},
    "lora": {"score": 0.899, "seconds": 60.0, "peak": 1_400, "bytes": 3, "cka": 0.9},
    "head": {"score": 0.7, "seconds": 10.0, "peak": 700, "bytes": 90, "cka": 1.0},
    "freeze": {"score": 0.69, "seconds": 30.0, "peak": 900, "bytes": 90, "cka": 0.95},
}


def entry(label: str) -> Entry:
    return Entry(label, Recipe.of({"data": {"train": "x.csv"}, "strategy": label.split()[0]}))


def outcome(
    label: str, seed: int, value: float | None, rate: float | None = 1e-4, reason: str = "", **spec: Any
) -> Outcome:
    """A finished cell, or one that failed for a reason."""
    cell = Cell(entry(label), seed, None, ROOT / label / f"seed-{seed}")
    if reason:
        return Outcome(cell, None, reason, rate)
    low, high = spec.get("interval", (None, None))
    metric = spec.get("metric", "accuracy")
    metrics = {
        "test": {"accuracy": {"value": value}},
        "validation": {metric: {"value": spec.get("validation", value), "low": low, "high": high}},
        "timing": {"train_seconds": spec.get("seconds", 1.0), "total_seconds": 2.0},
        "memory": {"peak_bytes": spec.get("peak", 1)},
        "parameters": {"trainable": 7},
        **({"retention": {"probes": [], "cka": [spec["cka"], 1.0]}} if "cka" in spec else {}),
    }
    return Outcome(cell, metrics, "", rate, spec.get("bytes", 1))


def measured(label: str, seeds: int = 3, rows: int = 400, fails: tuple[int, ...] = ()) -> table.Measured:
    """A strategy of ``SPECS`` on made-up rows; the rows are as hard for all."""
    spec = dict(SPECS[label])
    share = spec.pop("score")
    hard = np.random.default_rng(0).permutation(rows) / rows
    picks = np.random.default_rng(1).integers(0, rows, (100, rows))
    cells, values, drawn = {}, {}, {}
    for seed in range(seeds):
        if seed in fails:
            cells[seed] = outcome(label, seed, None, reason="the loss diverged")
            continue
        right = hard < share + 0.002 * seed
        right = right ^ (np.random.default_rng(seed + len(label)).random(rows) < 0.02)
        values[seed] = float(right.mean())
        drawn[seed] = right[picks].mean(1)
        cells[seed] = outcome(label, seed, values[seed], **spec)
    return table.Measured(label, cells, values, drawn)


def comparison(labels: tuple[str, ...] = tuple(SPECS), seeds: int = 3, **fails: tuple[int, ...]) -> dict[str, Any]:
    """What ``comparison.json`` would say of them."""
    found = [measured(label, seeds, fails=fails.get(label, ())) for label in labels]
    runs = [table.run_row(one, "accuracy", ROOT) for each in found for one in each.cells.values()]
    lines, pairs = table.summary(found, 400, runs, "accuracy", 0.95), table.pairs(found, 400, "accuracy", 0.95)
    tried = [{"learning_rate": 1e-4, "validation": 0.9}, {"learning_rate": 3e-4, "validation": 0.88}]
    return {
        "status": "finished",
        "task": "text-classification",
        "model": "/models/all-MiniLM-L6-v2",
        "metric": "accuracy",
        "confidence": 0.95,
        "test_rows": 400,
        "same_rows": True,
        "epochs": 4.0,
        "runs": runs,
        "summary": lines,
        "pairs": pairs,
        "frontiers": table.frontiers(lines, "accuracy"),
        "search": [{"strategy": label, "chosen": 1e-4, "tried": tried} for label in labels],
        "asked": {"strategies": {label: {} for label in labels}, "seeds": seeds, "rates": 2, "budget": None},
    }
