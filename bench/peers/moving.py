"""The part of a plain model that moves, so that a peer trains exactly the weights that whet's strategy trains."""

from __future__ import annotations

from typing import Any

LAYERS = r".*encoder\.layer\.\d+\..*\.(query|key|value|dense)"
"""The linear layers inside BERT's blocks: those beside which whet's ``lora`` stands, without the pooler."""


def adapted(model: Any, kind: str | None) -> Any:
    """The model with only a part of it moving: PEFT's LoRA as its guide has it but on all linear layers of the blocks,
    with whet's rank and strength; or BitFit, which is biases and head and needs no library."""
    if kind == "lora":
        import peft

        config = peft.LoraConfig("SEQ_CLS", r=16, lora_alpha=32, target_modules=LAYERS, lora_dropout=0.0)
        return peft.get_peft_model(model, config)
    if kind == "bitfit":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith("bias") or name.startswith("classifier"))
    return model


def frozen(model: Any, blocks: int) -> Any:
    """The same BERT with its embeddings and its lowest ``blocks`` blocks held still; 0 holds nothing."""
    if blocks:
        for part in (model.base_model.embeddings, *model.base_model.encoder.layer[:blocks]):
            part.requires_grad_(False)
    return model
