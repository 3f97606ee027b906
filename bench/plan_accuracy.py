"""``python -m bench.plan_accuracy [NAMES]``: what ``whet plan`` predicts beside what ``whet run`` takes, as a table.

Each configuration is planned in one fresh process and run in another, one after the other, on a few rows of SST-2 (for
long texts, several sentences joined), with data read, validation rows answered, checkpoints saved and the report
written. None of these configurations was looked at while the forecast was made: those of ``FITTED`` were, and run
only where they are named.

On a machine with other work the seconds of both wander. ``--processor`` counts seconds of the processor in both, with
one thread: on an idle machine they are the same, and beside other work they are nearly what an idle machine would say.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import BELOW, DATA, ROOT, directory

MODELS = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128},
    "small": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
"""Shapes of BERT with random weights and the vocabulary of the default model, which is the fourth."""
MEMORY, SECONDS = 0.15, 0.25
"""How far a prediction may be off."""


@dataclass(frozen=True)
class Case:
    """One configuration; ``joined`` sentences make a text, ``limit`` the most addresses that a process may have."""

    model: str
    strategy: str
    precision: str
    rows: int
    joined: int = 1
    more: dict[str, Any] = field(default_factory=dict)
    limit: int | None = None


FITTED = {
    "minilm-full": Case("minilm", "full", "float32", 500),
    "minilm-lora": Case("minilm", "lora", "float32", 400),
    "minilm-freeze-long": Case("minilm", "freeze", "float32", 120, 4),
    "minilm-lora-long": Case("minilm", "lora", "float32", 120, 8),
    "base-full": Case("base", "full", "float32", 70),
    "tiny-full": Case("tiny", "full", "float32", 2500),
    "tiny-bitfit-long": Case("tiny", "bitfit", "float32", 400, 4),
    "minilm-bitfit-long": Case("minilm", "bitfit", "float32", 100, 3),
    "base-full-bfloat16": Case("base", "full", "bfloat16", 40, 1, {"train.batch_size": 8}),
}
CASES = {
    "tiny-discriminative": Case("tiny", "discriminative", "float32", 1500),
    "tiny-sgd": Case("tiny", "full", "float32", 1200, 2, {"train.optimizer": "sgd", "train.learning_rate": 0.01}),
    "small-full-long": Case("small", "full", "float32", 100, 3, {"train.batch_size": 16}),
    "small-lora-bfloat16": Case("small", "lora", "bfloat16", 200, 2),
    "minilm-full-several-looks": Case("minilm", "full", "float32", 110, 2, {"train.epochs": 3}),
    "minilm-full-long": Case("minilm", "full", "float32", 90, 5),
    "minilm-full-bfloat16": Case("minilm", "full", "bfloat16", 110, 2),
    "minilm-freeze-few": Case("minilm", "freeze", "float32", 200, 1, {"strategy.blocks": 3}),
    "minilm-bitfit": Case("minilm", "bitfit", "float32", 200),
    "minilm-head": Case("minilm", "head", "float32", 200, 2),
    "minilm-full-limited": Case("minilm", "full", "float32", 100, 3, {"train.tokens_per_batch": 1024}, 5 * 10**9),
    "base-lora": Case("base", "lora", "float32", 60),
    "base-freeze": Case("base", "freeze", "float32", 50, 2, {"train.batch_size": 8}),
    "base-full-two-looks": Case("base", "full", "bfloat16", 48, 2, {"train.batch_size": 16, "train.epochs": 2}),
}


PROCESSOR = "import sys, time; time.perf_counter = time.process_time; from whet.cli import main; sys.exit(main())"
"""The command line with seconds of the processor for those of the clock."""


def measure(case: Case, place: Path, processor: bool) -> dict[str, Any]:
    """Plan in one process, run in another."""
    place.mkdir(parents=True)
    data = write(place / "rows.csv", case)
    settings = {"train.epochs": 1, "train.precision": case.precision, **case.more}
    settings |= {"train.threads": 1} if processor else {}
    words = [str(data), "--model", model(case.model, place.parent), "--strategy", case.strategy, "--json"]
    words += [f"--set={key}={value}" for key, value in settings.items()]
    planned = whet(["plan", *words], case.limit, processor)
    found = whet(["run", *words, "--out", str(place / "run")], case.limit, processor)
    took = found["timing"]["train_seconds"]
    peak = found["memory"]["peak_bytes"]
    return {
        "predicted_bytes": planned["peak_memory_bytes"],
        "peak_bytes": peak,
        "memory_off": planned["peak_memory_bytes"] / peak - 1,
        "predicted_seconds": planned["train_seconds"],
        "train_seconds": took,
        "seconds_off": planned["train_seconds"] / took - 1,
        "load": os.getloadavg()[0],
    }


def whet(words: list[str], limit: int | None, processor: bool) -> dict[str, Any]:
    """One command in a fresh process, which may be limited; its JSON."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    command = [sys.executable, *(["-c", PROCESSOR] if processor else ["-m", "whet.cli"]), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, preexec_fn=limited)
    if done.returncode not in (0, BELOW):
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(path: Path, case: Case) -> Path:
    """So many rows of SST-2, each of several sentences of one label."""
    with (DATA / "sst2" / "train.tsv").open(encoding="utf-8", newline="") as file:
        lines = list(itertools.islice(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 6000))
    texts = {label: [line[0] for line in lines if line[1] == label] for label in ("0", "1")}
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(case.rows):
            label, first = str(number % 2), number // 2 * case.joined
            own = texts[label]
            rows.writerow([" . ".join(own[(first + k) % len(own)] for k in range(case.joined)), label])
    return path


def model(name: str, place: Path) -> str:
    """The default model's directory, or one of random weights that is made at first."""
    if name == "minilm":
        return directory("all-MiniLM-L6-v2")
    made = place / f"model-{name}"
    if not made.is_dir():
        import torch
        from transformers import AutoTokenizer, BertConfig, BertModel

        torch.manual_seed(0)
        tokenizer = AutoTokenizer.from_pretrained(directory("all-MiniLM-L6-v2"))
        BertModel(BertConfig(vocab_size=len(tokenizer), **MODELS[name])).save_pretrained(made)
        tokenizer.save_pretrained(made)
    return str(made)


def line(name: str, found: dict[str, Any]) -> str:
    """A row of the table; what is too far off is marked."""
    off = (found["memory_off"], MEMORY), (found["seconds_off"], SECONDS)
    memory, seconds = (f"{value:+.0%}{'' if abs(value) <= most else ' !'}" for value, most in off)
    return (
        f"| {name} | {found['predicted_bytes'] / 1e6:,.0f} | {found['peak_bytes'] / 1e6:,.0f} | {memory} "
        f"| {found['predicted_seconds']:.1f} | {found['train_seconds']:.1f} | {seconds} | {found['load']:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.plan_accuracy", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join([*CASES, *FITTED])}; those of CASES by default")
    parser.add_argument("--processor", action="store_true", help="one thread, and seconds of the processor")
    parser.add_argument("--out", type=Path, default=None, help="a JSON file for the figures")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    print("| case | MB predicted | MB | off | s predicted | s | off | load |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.names or CASES:
            began = time.perf_counter()
            found[name] = measure({**CASES, **FITTED}[name], Path(scratch) / name, options.processor)
            found[name]["bench_seconds"] = time.perf_counter() - began
            print(line(name, found[name]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
