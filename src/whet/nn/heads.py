"""A head of ours where a family has none that fits: the mean of a text's states, then one linear layer.

Models trained as sentence embedders pool the mean; a head that reads the first token only would throw that away
(measured on SST-2: see docs/log.md).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MeanHead(nn.Module):
    """A base model, the mean over each example's states, dropout, and a linear classifier.

    Shape legend: T tokens, B examples, D width, C outputs.
    """

    def __init__(self, base: nn.Module, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.base = base
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(base.config.hidden_size, outputs)  # type: ignore[union-attr]
        nn.init.normal_(self.classifier.weight, std=getattr(base.config, "initializer_range", 0.02))
        nn.init.zeros_(self.classifier.bias)

    @property
    def config(self) -> Any:
        """The base model's configuration."""
        return self.base.config

    def answer(self, pooled_bd: Tensor) -> Tensor:
        """Logits ``[B, C]`` from pooled states ``[B, D]``."""
        answered: Tensor = self.classifier(self.dropout(pooled_bd))
        return answered


def segment_mean(states_td: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """The mean of each example's states, ``[B, D]``, for examples that lie one after another in ``[T, D]``."""
    sizes_b = torch.tensor(lengths, device=states_td.device)
    rows_t = torch.repeat_interleave(torch.arange(len(lengths), device=states_td.device), sizes_b)
    sums = states_td.new_zeros(len(lengths), states_td.shape[1]).index_add(0, rows_t, states_td)
    return sums / sizes_b[:, None]
