"""``python -m bench.pool [--seeds 3]``: what labels chosen by ``--pool`` are worth, against as many chosen by chance.

On SST-2: train on 200 rows drawn by chance, rank all others as a pool, add 200 rows by the ranking, by doubt
alone, or by chance, and train anew. Prints the accuracy on the whole test file, and keeps one JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "sst2"
START, MORE, VALIDATION = 200, 200, 200


def run(folder: Path, rows: list[str], seed: int, *more: str) -> float:
    """The accuracy on the test file after training on these rows."""
    folder.mkdir()
    (folder / "train.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    words = [sys.executable, "-m", "whet.cli", "run", str(folder / "train.tsv"), "--out", str(folder / "run")]
    words += [f"--seed={seed}", "--json", f"--set=data.validation={folder.parent / 'dev.tsv'}"]
    words += [f"--set=data.test={DATA / 'test.tsv'}", "--set=data.on_leak=allow", *more]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode not in (0, 5):
        raise SystemExit(found.stderr)
    return float(json.loads(found.stdout)["test"]["accuracy"]["value"])


def one(place: Path, seed: int) -> dict[str, float]:
    """All ways with one draw of the first rows."""
    draw = np.random.default_rng(seed)
    rows, dev = ((DATA / name).read_text("utf-8").splitlines() for name in ("train.tsv", "dev.tsv"))
    (place / "dev.tsv").write_text("\n".join(dev[k] for k in sorted(draw.permutation(len(dev))[:VALIDATION])), "utf-8")
    order = draw.permutation(len(rows))
    start, others = [rows[k] for k in order[:START]], [rows[k] for k in order[START:]]
    pool = place / "pool.jsonl"
    cells = [{"text": row.rpartition("\t")[0]} for row in others]
    pool.write_text("".join(json.dumps(row) + "\n" for row in cells), "utf-8")
    found = {"start": run(place / "start", start, seed, "--pool", str(pool))}
    ranked = [json.loads(line) for line in (place / "start" / "run" / "pool.jsonl").open(encoding="utf-8")]
    doubtful = sorted(ranked, key=lambda row: -row["doubt"])
    ways = {
        "pool": [row["row"] - 1 for row in ranked[:MORE]],
        "doubt alone": [row["row"] - 1 for row in doubtful[:MORE]],
        "chance": draw.permutation(len(others))[:MORE].tolist(),
    }
    for name, places in ways.items():
        found[name] = run(place / name.replace(" ", "-"), [*start, *(others[k] for k in places)], seed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    found = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as place:
            found.append(one(Path(place), seed))
            print(found[-1], flush=True)
    summary = {name: [row[name] for row in found] for name in found[0]}
    for name, values in summary.items():
        print(f"{name:12} mean {np.mean(values):.4f}  {' '.join(f'{value:.4f}' for value in values)}")
    (ROOT / "bench" / "results" / "pool.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
