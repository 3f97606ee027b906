"""transformers' Trainer, tuned: bf16 where faster, batches of like length, fused AdamW, dynamic padding; or PEFT.

``python -m bench.peers.trainer KIND ARGUMENTS`` with KIND one of classify, tag, language; the arguments are JSON.
Its clock runs from the first batch to the last save, validation and checkpoints included, as whet's does.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer, Trainer, TrainingArguments

from whet.core import memory
from whet.nn import machine


def arguments(given: dict[str, Any], out: str, metric: str | None, model: Any) -> TrainingArguments:
    """As tuned as the Trainer can be here; in bfloat16 only where whet's probe finds that faster, as whet itself."""
    return TrainingArguments(
        out,
        num_train_epochs=given["epochs"],
        max_steps=given.get("steps", -1),
        per_device_train_batch_size=given["batch_size"],
        per_device_eval_batch_size=64,
        learning_rate=given["learning_rate"],
        weight_decay=0.01,
        warmup_steps=given.get("warmup", 0.1),
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        bf16=machine.precision(model) == "bfloat16",
        use_cpu=True,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=metric is not None,
        metric_for_best_model=metric,
        logging_steps=10,
        report_to=[],
        seed=given["seed"],
        disable_tqdm=True,
    )


def adapted(model: Any, kind: str | None) -> Any:
    """The model with only a part of it moving: PEFT's LoRA as its guide has it but on all linear layers, with whet's
    rank and strength; or BitFit, which is biases and head and needs no library."""
    if kind == "lora":
        import peft

        config = peft.LoraConfig("SEQ_CLS", r=16, lora_alpha=32, target_modules="all-linear", lora_dropout=0.0)
        return peft.get_peft_model(model, config)
    if kind == "bitfit":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith("bias") or name.startswith("classifier"))
    return model


def fit(trainer: Trainer) -> float:
    began = time.perf_counter()
    trainer.train()
    return time.perf_counter() - began


def classify(given: dict[str, Any]) -> dict[str, Any]:
    """Lines of ``text<TAB>label``."""
    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    rows = {split: read_tsv(Path(given[split]))[: given.get("rows")] for split in ("train", "validation", "test")}
    labels = sorted({label for _, label in rows["train"]})
    sets = {
        split: [
            {**tokenizer(text, truncation=True, max_length=256), "labels": labels.index(label)} for text, label in part
        ]
        for split, part in rows.items()
    }
    transformers.set_seed(given["seed"])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(given["model"], num_labels=len(labels))
    model = adapted(model, given.get("adapter"))
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model,
            arguments(given, out, "accuracy", model),
            train_dataset=sets["train"],
            eval_dataset=sets["validation"],
            data_collator=transformers.DataCollatorWithPadding(tokenizer),
            compute_metrics=lambda found: {"accuracy": float((found[0].argmax(-1) == found[1]).mean())},
        )
        seconds = fit(trainer)
        found = {split: trainer.predict(sets[split]).metrics["test_accuracy"] for split in ("validation", "test")}
    return {
        "seconds": seconds,
        "score": found["test"],
        "validation": found["validation"],
        "examples": len(sets["train"]) * given["epochs"],
        "moved": sum(one.numel() for one in model.parameters() if one.requires_grad),
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
        seconds = fit(trainer)
        value = trainer.predict(sets["test"]).metrics["test_f1"]
    return {"seconds": seconds, "score": value, "examples": len(sets["train"]) * given["epochs"]}


def language(given: dict[str, Any]) -> dict[str, Any]:
    """Stories split by <|endoftext|>, each between two begin tokens, as the model was trained.

    A long story makes several rows here and one example in whet, so the steps are made equal, not the epochs.
    """
    tokenizer = AutoTokenizer.from_pretrained(given["model"])
    longest = given["max_tokens"]

    def encode(path: Path) -> list[dict[str, Any]]:
        found = []
        for story in path.read_text("utf-8").split("<|endoftext|>"):
            if story.strip():
                ids = [*tokenizer(story.strip()).input_ids, tokenizer.bos_token_id]
                found += [ids[at : at + longest] for at in range(0, max(1, len(ids) - 1), longest - 1)]
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
        seconds = fit(trainer)
        trainer.model.eval()
        total = count = 0.0
        with torch.inference_mode():
            for row in sets["test"]:
                ids = torch.tensor([row["input_ids"]])
                count += ids.shape[1] - 1
                total += float(trainer.model(ids, labels=ids).loss) * (ids.shape[1] - 1)
    return {"seconds": seconds, "score": math.exp(total / count), "examples": given["steps"] * given["batch_size"]}


def read_tsv(path: Path) -> list[tuple[str, str]]:
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
