"""A course of ten steps with a look and a checkpoint after every third, on a model of two narrow blocks."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

from tasks import tiny_models

STEPS = 10
SETTINGS = tuple(
    word
    for setting in (
        "train.epochs=2",
        "train.batch_size=7",
        "train.threads=1",
        "train.precision=float32",
        "train.learning_rate=1e-3",
        "train.evaluate_every=3",
        "train.tokens_per_batch=512",
    )
    for word in ("--set", setting)
)


WORDS = 4000
"""Of MiniLM's vocabulary: its characters and commonest words. A checkpoint then has 2.5 MB."""


def tiny(place: Path) -> Path:
    """A transformers directory with a model whose runs take a fraction of a second."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(place)
    whole = tiny_models.tokenizer()
    known = json.loads(whole.backend_tokenizer.to_str())
    known["model"]["vocab"] = {word: number for word, number in known["model"]["vocab"].items() if number < WORDS}
    whole.save_pretrained(place)
    (place / "tokenizer.json").write_text(json.dumps(known), "utf-8")
    return place


def two_stages(place: Path, rows: Path, model: Path) -> Path:
    """A recipe: first the head alone, then every weight, five steps each."""
    shared = {"batch_size": 7, "threads": 1, "precision": "float32", "evaluate_every": 3, "tokens_per_batch": 512}
    stages = [{"strategy": name, "train": {"epochs": 1, "learning_rate": 1e-3}} for name in ("head", "full")]
    recipe = {"model": str(model), "data": {"train": str(rows)}, "train": shared, "stages": stages}
    place.write_text(json.dumps(recipe), "utf-8")
    return place
