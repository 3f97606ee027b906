"""A course of ten steps with a look and a checkpoint after every third, on a model of two narrow blocks."""

from __future__ import annotations

from pathlib import Path

from tasks import tiny_models
from whet.tasks.contract import Head

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


def tiny(place: Path) -> Path:
    """A transformers directory with a model whose runs take a fraction of a second."""
    tiny_models.network(Head("sequence", 2)).save_pretrained(place)
    tiny_models.tokenizer().save_pretrained(place)
    return place
