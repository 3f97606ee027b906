"""The benches of single questions: four epochs beside the tuned Trainer, the start of the command line, many rows."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import rows
from bench.processes import DATA, MODEL, ROOT, directory, peer, whet


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


def _texts(data: dict[str, Path]) -> dict[str, str]:
    return {split: str(path) for split, path in data.items()}


BENCHES = {"sst2": sst2, "wnut17": wnut17, "stories": stories, "start": start, "rows": many_rows}
