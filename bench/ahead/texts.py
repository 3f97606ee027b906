"""The texts of the benches: SST-2 sentences, reviews of some 256 tokens made of them, and instructions with answers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers.trainer import read_tsv
from bench.processes import DATA

SPLITS = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
REVIEW_TOKENS = 250
"""A review grows by whole sentences until it has so many tokens; what passes 256 is cut on both sides."""
INSTRUCTION_TOKENS = 512


def sentences(place: Path, train: int | None = None, held_out: int | None = None) -> dict[str, str]:
    """SST-2's files, or the first rows of each where fewer are asked for."""
    found = {}
    for split, name in SPLITS.items():
        most = train if split == "train" else held_out
        found[split] = str(DATA / "sst2" / name)
        if most is not None:
            found[split] = write(place / name, read_tsv(Path(found[split]))[:most])
    return found


def reviews(place: Path, tokenizer: Any, train: int, held_out: int) -> dict[str, str]:
    """Texts of one label, joined from SST-2's sentences of that label, drawn anew for every text.

    The test rows stay sentences: nobody's clock runs there, and whet explains errors, which takes long of long texts.
    """
    found = {"test": sentences(place, held_out=held_out)["test"]}
    for split, name in SPLITS.items():
        if split == "test":
            continue
        rows = read_tsv(DATA / "sst2" / name)
        draw = random.Random(split)
        pools = {label: [text for text, its in rows if its == label] for label in ("0", "1")}
        texts = []
        for number in range(train if split == "train" else held_out):
            label = str(number % 2)
            texts.append((_review(pools[label], tokenizer, draw), label))
        found[split] = write(place / f"reviews-{name}", texts)
    return found


def _review(pool: Sequence[str], tokenizer: Any, draw: random.Random) -> str:
    text = draw.choice(pool)
    while len(tokenizer(text).input_ids) < REVIEW_TOKENS:
        text = f"{text} . {draw.choice(pool)}"
    return text


def instructions() -> list[str]:
    """Prompt and answer as one document each, of any length, in the order of the file."""
    rows = json.loads((DATA / "llama-factory-demo" / "alpaca_en_demo.json").read_text("utf-8"))
    return [
        "\n".join(part for part in (row["instruction"], row["input"], "", row["output"]) if part or part == "").strip()
        for row in rows
    ]


def documents(place: Path, texts: Sequence[str], tokenizer: Any, train: int, held_out: int) -> dict[str, str]:
    """Files of documents that fit into one block, so that a document is a row on both sides."""
    fitting = [text for text in texts if len(tokenizer(text).input_ids) < INSTRUCTION_TOKENS]
    counts = {"train": train, "validation": held_out, "test": held_out}
    found, at = {}, 0
    for split, count in counts.items():
        path = place / f"{split}.txt"
        path.write_text("<|endoftext|>".join(fitting[at : at + count]), "utf-8")
        found[split], at = str(path), at + count
    return found


def write(path: Path, rows: Sequence[tuple[str, str]]) -> str:
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), "utf-8")
    return str(path)
