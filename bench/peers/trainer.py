"""transformers' Trainer, tuned or documented (arguments.py says how), or PEFT in it.

``python -m bench.peers.trainer KIND ARGUMENTS`` with KIND one of classify, tag, language; the arguments are JSON.
Tuned pads a batch to its longest text, documented every text to one length. Its clock runs from the first batch to the
last save, validation and checkpoints included, as whet's does.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer, Trainer

from bench.peers.arguments import DOCUMENTED_TOKENS, arguments, documented, fit
from bench.peers.moving import adapted, frozen
from whet.core import memory


def classify(given: dict[str, Any]) -> dict[str, Any]:
    """Lines of ``text<TAB>label``."""
    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    rows = {split: read_tsv(Path(given[split]))[: given.get("rows")] for split in ("train", "validation", "test")}
    labels = sorted({label for _, label in rows["train"]})
    cut = {"truncation": True, "max_length": given.get("max_tokens", 256)}
    if documented(given):
        cut |= {"padding": "max_length", "max_length": given.get("max_tokens", DOCUMENTED_TOKENS)}
    sets = {
        split: [{**tokenizer(text, **cut), "labels": labels.index(label)} for text, label in part]
        for split, part in rows.items()
    }
    transformers.set_seed(given["seed"])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(given["model"], num_labels=len(labels))
    model = frozen(adapted(model, given.get("adapter")), given.get("frozen", 0))
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model,
            arguments(given, out, "accuracy", model),
            train_dataset=sets["train"],
            eval_dataset=sets["validation"],
            data_collator=transformers.DataCollatorWithPadding(tokenizer),
            compute_metrics=lambda found: {"accuracy": float((found[0].argmax(-1) == found[1]).mean())},
        )
        figures = fit(trainer)
        found = {split: trainer.predict(sets[split]).metrics["test_accuracy"] for split in ("validation", "test")}
    return {
        **figures,
        "score": found["test"],
        "validation": found["validation"],
        "examples": len(sets["train"]) * given["epochs"],
    }


def tag(given: dict[str, Any]) -> dict[str, Any]:
    """CoNLL columns: the word first, the tag last; F1 of entities by seqeval."""
    from seqeval.metrics import f1_score

    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    rows = {split: read_conll(Path(given[split])) for split in ("train", "validation", "test")}
    tags = sorted({tag for _, part in rows["train"] for tag in part})

    def encode(words: list[str], part: list[str]) -> dict[str, Any]:
        found = tokenizer(words, is_split_into_words=True, truncation=True, max_length=256)
        labels, before = [], None
        for place in found.word_ids():
            labels.append(-100 if place is None or place == before else tags.index(part[place]))
            before = place
        return {**found, "labels": labels}

    sets = {split: [encode(*row) for row in part] for split, part in rows.items()}

    def score(found: Any) -> dict[str, float]:
        best = found[0].argmax(-1)
        kept = found[1] != -100
        said = [[tags[tag] for tag in row[keep]] for row, keep in zip(best, kept, strict=True)]
        truth = [[tags[tag] for tag in row[keep]] for row, keep in zip(found[1], kept, strict=True)]
        return {"f1": float(f1_score(truth, said))}

    transformers.set_seed(given["seed"])
    model = transformers.AutoModelForTokenClassification.from_pretrained(given["model"], num_labels=len(tags))
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model,
            arguments(given, out, "f1", model),
            train_dataset=sets["train"],
            eval_dataset=sets["validation"],
            data_collator=transformers.DataCollatorForTokenClassification(tokenizer),
            compute_metrics=score,
        )
        figures = fit(trainer)
        value = trainer.predict(sets["test"]).metrics["test_f1"]
    return {**figures, "score": value, "examples": len(sets["train"]) * given["epochs"]}


def language(given: dict[str, Any]) -> dict[str, Any]:
    """Documents split by <|endoftext|>, each between the tokenizer's begin token and ``given["end"]``, by default a
    second begin token, as stories260K was trained.

    A long document makes several rows here and one example in whet: where there are such, ``given["steps"]`` makes the
    steps equal instead of the epochs.
    """
    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    longest = given["max_tokens"]
    end = tokenizer.eos_token_id if given.get("end") == "eos" else tokenizer.bos_token_id

    def encode(path: Path) -> list[dict[str, Any]]:
        found = documents(path, tokenizer, end, longest)
        return [{"input_ids": ids, "attention_mask": [1] * len(ids), "labels": ids} for ids in found]

    sets = {split: encode(Path(given[split])) for split in ("train", "validation", "test")}
    transformers.set_seed(given["seed"])
    model = transformers.AutoModelForCausalLM.from_pretrained(given["model"])
    tokenizer.pad_token = tokenizer.eos_token
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model,
            arguments(given, out, "loss", model),
            train_dataset=sets["train"],
            eval_dataset=sets["validation"],
            data_collator=transformers.DataCollatorForSeq2Seq(tokenizer),
        )
        figures = fit(trainer)
        trainer.model.eval()
        total = count = 0.0
        with torch.inference_mode():
            for row in sets["test"]:
                ids = torch.tensor([row["input_ids"]])
                count += ids.shape[1] - 1
                total += float(trainer.model(ids, labels=ids).loss) * (ids.shape[1] - 1)
    steps = given.get("steps", -1)
    examples = steps * given["batch_size"] if steps > 0 else len(sets["train"]) * given["epochs"]
    return {**figures, "score": math.exp(total / count), "examples": examples}


def documents(path: Path, tokenizer: Any, end: int, longest: int) -> list[list[int]]:
    """The tokens of every document, in pieces of at most ``longest`` that share a token."""
    found = []
    for text in path.read_text("utf-8").split("<|endoftext|>"):
        if text.strip():
            ids = [*tokenizer(text.strip()).input_ids, end]
            found += [ids[at : at + longest] for at in range(0, max(1, len(ids) - 1), longest - 1)]
    return found


def read_tsv(path: Path) -> list[tuple[str, str]]:
    """Lines of text and label; as whet reads tsv, no quotes are understood."""
    lines = path.read_text("utf-8").splitlines()
    return [tuple(line.rsplit("\t", 1)) for line in lines if line.strip()]  # type: ignore[misc]


def read_conll(path: Path) -> list[tuple[list[str], list[str]]]:
    rows: list[tuple[list[str], list[str]]] = []
    words: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        cells = line.split()
        if cells:
            words.append(cells[0])
            tags.append(cells[-1])
        elif words:
            rows.append((words, tags))
            words, tags = [], []
    return rows


if __name__ == "__main__":
    np.random.seed(0)
    found = {"classify": classify, "tag": tag, "language": language}[sys.argv[1]](json.loads(sys.argv[2]))
    print(json.dumps({**found, "peak_bytes": memory.peak_bytes()}))
