"""LoRA and BitFit of a ``whet compare`` beside PEFT and plain BitFit in the tuned Trainer, on the same rows.

``python -m bench.adapters COMPARISON OUT``: COMPARISON is the directory of a comparison that has ``lora`` and
``bitfit``; from it come files, epochs, batch and seeds. The peer chooses its rate as whet did: with the first seed, by
the validation rows, among whet's own rate, a third and three times of it. OUT is written after each training, and the
same command goes on there. What is asked is the score, seed by seed; seconds are only those of a machine on which
nothing else ran.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.__main__ import MODEL, directory, peer
from whet.core import rundir
from whet.strategies.contract import STRATEGIES

KINDS = ("lora", "bitfit")


def main(place: Path, out: Path) -> None:
    asked = rundir.read_json(place / "comparison.json")["asked"]
    found = rundir.read_json(out) if out.is_file() else {}
    for kind in KINDS:
        first = asked["strategies"][kind]["seed"]
        kept = found.setdefault(kind, [])
        rates = [STRATEGIES[kind]().learning_rate * factor for factor in (1.0, 1 / 3, 3.0)]
        tried = [trained(asked, kind, rate, first, kept, out, found) for rate in rates]
        best = max(tried, key=lambda one: one["validation"])["rate"]
        for seed in range(first, first + asked["seeds"]):
            trained(asked, kind, best, seed, kept, out, found)
    beside(rundir.read_json(place / "comparison.json"), found)


def trained(
    asked: dict[str, Any], kind: str, rate: float, seed: int, kept: list[Any], out: Path, found: dict[str, Any]
) -> dict[str, Any]:
    """One training of the peer, or what is kept of it."""
    for one in kept:
        if (one["rate"], one["seed"]) == (rate, seed):
            return one
    recipe = asked["strategies"][kind]
    files = {split: recipe["data"][split] for split in ("train", "validation", "test")}
    common = {name: recipe["train"][name] for name in ("epochs", "batch_size")}
    more = {"learning_rate": rate, "model": directory(MODEL), "seed": seed, "adapter": kind}
    kept.append({"rate": rate, "seed": seed, **peer("classify", {**files, **common, **more})})
    rundir.write_json(out, found)
    print(f"{kind} {kept[-1]}", file=sys.stderr, flush=True)
    return kept[-1]


def beside(comparison: dict[str, Any], found: dict[str, Any]) -> None:
    """Means of both sides and their difference over seeds, with its standard error."""
    for kind in KINDS:
        ours = {run["seed"]: run for run in comparison["runs"] if run["strategy"] == kind and "score" in run}
        rate = found[kind][-1]["rate"]
        theirs = {run["seed"]: run for run in found[kind] if run["rate"] == rate}
        seeds = sorted(ours.keys() & theirs.keys())
        if len(seeds) < 2:
            print(f"{kind}: {len(seeds)} seeds of both sides are there")
            continue
        gaps = [ours[seed]["score"] - theirs[seed]["score"] for seed in seeds]
        told = {
            "kind": kind,
            "seeds": len(seeds),
            "whet_rate": ours[seeds[0]]["learning_rate"],
            "peer_rate": rate,
            "whet_mean": statistics.mean(ours[seed]["score"] for seed in seeds),
            "peer_mean": statistics.mean(theirs[seed]["score"] for seed in seeds),
            "difference_mean": statistics.mean(gaps),
            "difference_standard_error": statistics.stdev(gaps) / len(gaps) ** 0.5,
            "time_ratio": statistics.median(theirs[s]["seconds"] / ours[s]["seconds"] for s in seeds),
            "memory_ratio": statistics.median(ours[s]["peak_bytes"] / theirs[s]["peak_bytes"] for s in seeds),
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
