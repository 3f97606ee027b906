"""How transformers' Trainer is run: as tuned as it can be here, or as its own text-classification example shows it."""

from __future__ import annotations

import time
from typing import Any

from transformers import Trainer, TrainingArguments

from whet.nn import machine

DOCUMENTED_TOKENS = 128
"""The length to which run_glue.py pads every text unless it is told otherwise."""


def arguments(given: dict[str, Any], out: str, metric: str | None, model: Any) -> TrainingArguments:
    """``given["way"]`` is ``tuned`` (the default) or ``documented``; rates, epochs and batch are the same for both."""
    common = {
        "num_train_epochs": given["epochs"],
        "max_steps": given.get("steps", -1),
        "per_device_train_batch_size": given["batch_size"],
        "learning_rate": given["learning_rate"],
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "use_cpu": True,
        "logging_steps": 10,
        "logging_first_step": True,
        "report_to": [],
        "seed": given["seed"],
        "disable_tqdm": True,
    }
    if documented(given):
        return TrainingArguments(out, optim="adamw_torch", **common)
    return TrainingArguments(
        out,
        per_device_eval_batch_size=64,
        weight_decay=0.01,
        warmup_steps=given.get("warmup", 0.1),
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        bf16=machine.precision(model) == "bfloat16",
        save_total_limit=2,
        load_best_model_at_end=metric is not None,
        metric_for_best_model=metric,
        **common,
    )


def documented(given: dict[str, Any]) -> bool:
    return given.get("way", "tuned") == "documented"


def fit(trainer: Trainer) -> dict[str, Any]:
    """Train; the seconds from the first batch to the last save, and what the gates ask of the run."""
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    asked, log = trainer.args, trainer.state.log_history
    norms = [line["grad_norm"] for line in log if "grad_norm" in line]
    losses = [line["loss"] for line in log if "loss" in line]
    return {
        "seconds": seconds,
        "rows": len(trainer.train_dataset),
        "batch_size": asked.per_device_train_batch_size * asked.gradient_accumulation_steps,
        "epochs": asked.num_train_epochs,
        "steps": trainer.state.global_step,
        "precision": "bfloat16" if asked.bf16 else "float32",
        "learning_rate": asked.learning_rate,
        "least_gradient_norm": min(norms) if norms else None,
        "last_loss": losses[-1] if losses else None,
        "moved": sum(one.numel() for one in trainer.model.parameters() if one.requires_grad),
    }
