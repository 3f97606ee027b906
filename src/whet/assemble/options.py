"""Which model: the options of the recipe's ``model`` section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelOptions:
    """The pretrained model, and how its states become one answer."""

    name: str = "all-MiniLM-L6-v2"
    """A transformers directory, a hub name, a run, a bundle or a PEFT adapter; the default is installed with whet."""
    pooling: Literal["auto", "mean", "family"] = "auto"
    """How a text's states become one: auto takes their mean where the model was trained so, else its family's way."""
    extend_vocab: bool = False
    """Whether characters of the training texts that the tokenizer does not know become tokens, which move whatever the
    strategy; for a language that the model never saw: with the default model, 64 % of a Chinese review is unknown."""
