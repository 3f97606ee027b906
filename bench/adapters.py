"""LoRA and BitFit of a ``whet compare`` beside PEFT and plain BitFit in the tuned Trainer, on the same rows.

``python -m bench.adapters COMPARISON OUT``: COMPARISON is the directory of a comparison that has ``lora`` and
``bitfit``; from it come files, epochs, batch and seeds. The peer takes the rate that is best on the validation rows
with the first seed, of whet's own, a third and three times of it. OUT is written after each training, and the same
command goes on there. What is asked is the score, seed by seed; seconds mean something only where nothing else ran.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.processes import MODEL, directory, peer
from whet.core import rundir
from whet.strategies.contract import STRATEGIES

KINDS = ("lora", "bitfit")
Runs = dict[str, list[dict[str, Any]]]


def main(place: Path, out: Path) -> None:
    kept: Runs = rundir.read_json(out) if out.is_file() else {kind: [] for kind in KINDS}
    comparison = rundir.read_json(place / "comparison.json")
    asked = comparison["asked"]

    def trained(kind: str, rate: float, seed: int) -> dict[str, Any]:
        """One training of the peer, or what is kept of it."""
        for one in kept[kind]:
            if (one["rate"], one["seed"]) == (rate, seed):
                return one
        recipe = asked["strategies"][kind]
        given = {split: recipe["data"][split] for split in ("train", "validation", "test")}
        given |= {name: recipe["train"][name] for name in ("epochs", "batch_size")}
        given |= {"learning_rate": rate, "model": directory(MODEL), "seed": seed, "adapter": kind}
        kept[kind].append({"rate": rate, "seed": seed, **peer("classify", given)})
        rundir.write_json(out, kept)
        print(f"{kind} {kept[kind][-1]}", file=sys.stderr, flush=True)
        return kept[kind][-1]

    for kind in KINDS:
        first = asked["strategies"][kind]["seed"]
        rates = [STRATEGIES[kind]().learning_rate * factor for factor in (1.0, 1 / 3, 3.0)]
        rate = max(rates, key=lambda one: trained(kind, one, first)["validation"])
        theirs = {seed: trained(kind, rate, seed) for seed in range(first, first + asked["seeds"])}
        ours = {run["seed"]: run for run in comparison["runs"] if run["strategy"] == kind and "score" in run}
        print(json.dumps({"kind": kind, "peer_rate": rate, **beside(ours, theirs)}))


def beside(ours: dict[int, Any], theirs: dict[int, Any]) -> dict[str, Any]:
    """Means of both sides and their difference over the seeds that both have, with its standard error."""
    seeds = sorted(ours.keys() & theirs.keys())
    if len(seeds) < 2:
        return {"seeds": len(seeds)}
    gaps = [ours[seed]["score"] - theirs[seed]["score"] for seed in seeds]
    return {
        "seeds": len(seeds),
        "whet_rate": ours[seeds[0]]["learning_rate"],
        "whet_mean": statistics.mean(ours[seed]["score"] for seed in seeds),
        "peer_mean": statistics.mean(theirs[seed]["score"] for seed in seeds),
        "difference_mean": statistics.mean(gaps),
        "difference_standard_error": statistics.stdev(gaps) / len(gaps) ** 0.5,
        "time_ratio": statistics.median(theirs[s]["seconds"] / ours[s]["seconds"] for s in seeds),
        "memory_ratio": statistics.median(ours[s]["peak_bytes"] / theirs[s]["peak_bytes"] for s in seeds),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
