"""transformers' text-classification pipeline over a file of rows, in the precision that whet's probe takes.

``python -m bench.peers.pipeline run MODEL FILE OUT SIZE`` answers every row of FILE (JSON lines with ``text``) into
OUT; ``... try MODEL FILE ROWS SIZE...`` prints the seconds that the first ROWS take in batches of each SIZE.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers

from whet.nn import machine


def classifier(model: str) -> Any:
    network = transformers.AutoModelForSequenceClassification.from_pretrained(model)
    network = network.to(getattr(torch, machine.precision(network))).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    return transformers.pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu")


def texts(path: str) -> Iterator[str]:
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def run(model: str, path: str, out: str, size: str) -> None:
    answers = classifier(model)(texts(path), batch_size=int(size), truncation=True, top_k=None)
    with Path(out).open("w", encoding="utf-8") as file:
        for number, scores in enumerate(answers, 1):
            best = max(scores, key=lambda one: one["score"])
            row = {"row": number, "label": best["label"], "scores": {one["label"]: one["score"] for one in scores}}
            file.write(json.dumps(row) + "\n")


def tried(model: str, path: str, rows: str, *sizes: str) -> None:
    ask, few = classifier(model), list(texts(path))[: int(rows)]
    seconds = {}
    for size in sizes:
        began = time.perf_counter()
        ask(few, batch_size=int(size), truncation=True, top_k=None)
        seconds[size] = time.perf_counter() - began
    print(json.dumps({"rows": len(few), "seconds": seconds}))


if __name__ == "__main__":
    {"run": run, "try": tried}[sys.argv[1]](*sys.argv[2:])
