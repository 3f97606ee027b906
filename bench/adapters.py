"""LoRA and BitFit on SST-2 beside PEFT and plain BitFit in the tuned Trainer: the same rows, epochs, batch and seeds.

Both sides choose their rate among the same three, on the validation rows with seed 0; the test rows of all seeds are
then compared seed by seed. Scores are the point; seconds are noted and only mean something on a quiet machine.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from typing import Any

RATES = {"lora": 5e-4, "bitfit": 1e-3}
Run = Callable[[str, float, int], dict[str, Any]]


def beside(kind: str, ours: Run, theirs: Run, seeds: int) -> dict[str, Any]:
    """Search both sides' rates, run every seed on both, and compare the test scores pairwise."""
    rates = [RATES[kind] * factor for factor in (1 / 3, 1, 3)]
    found: dict[str, Any] = {}
    for name, run in (("whet", ours), ("peer", theirs)):
        tried = {rate: run(kind, rate, 0) for rate in rates}
        best = max(tried, key=lambda rate: tried[rate]["validation"])
        found[name] = {"searched": {str(rate): one["validation"] for rate, one in tried.items()}, "rate": best}
        found[name]["runs"] = [tried[best]]
    for seed in range(1, seeds):
        for name, run in (("whet", ours), ("peer", theirs)):
            found[name]["runs"].append(run(kind, found[name]["rate"], seed))
            print(f"  {kind}, seed {seed}, {name}: {found[name]['runs'][-1]}", file=sys.stderr)
    pairs = zip(found["whet"]["runs"], found["peer"]["runs"], strict=True)
    gaps = [our["score"] - their["score"] for our, their in pairs]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("nan")
    return {**found, "difference_mean": statistics.mean(gaps), "difference_standard_error": error}
