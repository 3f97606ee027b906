"""The first losses of whet and of the plain model, from the same weights, on one batch, without dropout.

``python -m bench.peers.first_losses ARGUMENTS``: JSON with model, files, strategy and its settings. The model has no
dropout, and the file of training rows is exactly one batch, so that no order of rows plays a part. whet trains through
its own stage, loop and engine; the other side is transformers' model on one padded batch, with the same optimizer.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers

import whet.assemble.source as sources
from bench.peers.moving import frozen
from bench.peers.trainer import read_tsv
from whet import leg as legs
from whet.core.events import Stepped, silent
from whet.recipe import Recipe
from whet.train.fit import fit
from whet.train.keeper import Watch
from whet.train.stop import Stop

STEPS, RATE, DECAY, CLIP = 3, 1e-4, 0.01, 1.0


def ours(given: dict[str, Any], adapter: Path, scratch: Path) -> list[float]:
    """whet's losses; a low-rank adapter is written down before its first step, for the peer to begin with."""
    recipe = Recipe.of(
        {
            "model": {"name": given["model"], "pooling": "family"},
            "data": {**given["data"], "on_leak": "allow"},
            "strategy": given["strategy"],
            **({"task": given["task"]} if "task" in given else {}),
            "train": {
                "epochs": STEPS,
                "batch_size": given["batch_size"],
                "learning_rate": RATE,
                "weight_decay": DECAY,
                "clip_norm": CLIP,
                "warmup": 0.0,
                "schedule": "constant",
                "precision": "float32",
            },
        }
    )
    recipe, corpora = legs.read(recipe, silent)
    leg = legs.assemble(recipe, 0, corpora[0], sources.find(given["model"]), silent)
    engine = leg.model.engine
    if given["strategy"]["name"] == "lora":
        adapter.mkdir()
        leg.stage.strategy.save(engine.network, engine.anatomy, Path(given["model"]), adapter)
    with Stop() as stop:
        watch = Watch(None, leg.metric, scratch / "checkpoints", stop)
        return [event.loss for event in fit(engine, leg.course(), watch) if isinstance(event, Stepped)]


def plain(given: dict[str, Any], adapter: Path) -> list[float]:
    """The losses of transformers' own model (PEFT's around it for an adapter) on the padded batch."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(given["model"])
    if "task" in given:
        batch = _documents(Path(given["data"]["train"]), tokenizer)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(given["model"])
    else:
        batch = _labelled(Path(given["data"]["train"]), tokenizer)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(given["model"])
    model = frozen(model, given.get("frozen", 0))
    if given["strategy"]["name"] == "lora":
        import peft

        model = peft.PeftModel.from_pretrained(model, adapter, is_trainable=True)
    model.train()
    moving = {name: one for name, one in model.named_parameters() if one.requires_grad}
    decayed = [one for name, one in moving.items() if one.ndim >= 2 and "bias" not in name]
    others = [one for name, one in moving.items() if one.ndim < 2 or "bias" in name]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, fused=True)
    found = []
    for _ in range(STEPS):
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(moving.values()), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    return found


def _labelled(path: Path, tokenizer: Any) -> dict[str, Any]:
    rows = read_tsv(path)
    batch = tokenizer([text for text, _ in rows], padding=True, truncation=True, max_length=256, return_tensors="pt")
    return {**batch, "labels": torch.tensor([int(label) for _, label in rows])}


def _documents(path: Path, tokenizer: Any) -> dict[str, Any]:
    texts = path.read_text("utf-8").split("<|endoftext|>")
    rows = [torch.tensor([*tokenizer(text.strip()).input_ids, tokenizer.eos_token_id]) for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        mine = ours(asked, Path(place) / "adapter", Path(place))
        print(json.dumps({"whet": mine, "plain": plain(asked, Path(place) / "adapter")}))
