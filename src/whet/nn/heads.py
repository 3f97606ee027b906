"""A head of ours for the one case that no family has everywhere: the mean of a text's states, then a linear layer.

Sentence encoders such as MiniLM were trained with the mean as their text's vector; reading the first token instead
throws that training away (docs/decisions/0003). Every other head is the family's own class from transformers.

Shape legend: T tokens, B examples, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import SequenceClassifierOutput

from whet.core.errors import ModelError


class MeanHead(nn.Module):
    """Mean pooling, dropout and a linear ``classifier`` over a base model; anatomy reads it like a family's class."""

    base_model_prefix = "base"
    pooling = "mean"

    def __init__(self, base: Any, outputs: int, dropout: float = 0.1) -> None:
        """``base`` is a plain transformers model with states of ``config.hidden_size``; ``outputs`` counts the logits.

        Raises ModelError for an encoder-decoder, whose text has two rows of states.
        """
        super().__init__()
        if hasattr(base, "encoder") and hasattr(base, "decoder"):
            raise ModelError("the mean of an encoder-decoder's states is not defined", cure="give its encoder alone")
        self.base = base
        self.config = base.config
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(base.config.hidden_size, outputs)
        nn.init.normal_(self.classifier.weight, std=float(getattr(base.config, "initializer_range", 0.02)))
        nn.init.zeros_(self.classifier.bias)

    @property
    def base_model(self) -> Any:
        """The pretrained model below the head."""
        return self.base

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **inputs: Any) -> Any:
        """Logits ``[B, outputs]`` of a padded batch; the mean is over tokens whose mask is 1."""
        states = self.base(input_ids=input_ids, attention_mask=attention_mask, **inputs).last_hidden_state
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        weights = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return SequenceClassifierOutput(logits=self.answer(mean))

    def answer(self, pooled_bd: Tensor) -> Tensor:
        """Logits ``[B, outputs]`` from pooled states."""
        logits: Tensor = self.classifier(self.dropout(pooled_bd))
        return logits


def segment_mean(states_td: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """The mean of each example's states, ``[B, D]``, for examples that lie one after another in ``[T, D]``.

    Beside the CPU the sums are a product with zeros and ones, since ``index_add`` adds in any order there.
    """
    sizes_b = torch.tensor(lengths, device=states_td.device)
    rows_t = torch.repeat_interleave(torch.arange(len(lengths), device=states_td.device), sizes_b)
    if states_td.device.type == "cpu":
        sums_bd = states_td.new_zeros(len(lengths), states_td.shape[1]).index_add(0, rows_t, states_td)
    else:
        sums_bd = nn.functional.one_hot(rows_t, len(lengths)).T.to(states_td.dtype) @ states_td
    return sums_bd / sizes_b[:, None]
