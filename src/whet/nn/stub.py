"""Run a family's own head on rows of states that were made elsewhere.

Sequence heads of transformers take ``[:, 0]`` or the last token of each row, so a flat call would give one answer for
a whole batch. Instead the base runs flat, the wanted rows are gathered to ``[B, 1, D]``, and the family's own forward
runs with its base replaced by a stand-in that returns those rows. So there is no head of ours per family, and what is
trained is what plain transformers loads. The replacement is made on a shallow copy: the network itself never changes.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions, BaseModelOutputWithPooling

from whet.nn.anatomy import Anatomy


def head(network: nn.Module, anatomy: Anatomy, rows: Tensor) -> Tensor:
    """The network's own head on states ``[n, s, D]`` (s is 1 for sequence heads); returns its logits."""
    shell: Any = copy.copy(network)
    ids = torch.ones(rows.shape[:2], dtype=torch.int64, device=rows.device)
    base = network.get_submodule(anatomy.base)
    config: Any = copy.copy(network.config)
    if anatomy.causal:
        config.pad_token_id = 0  # a row of ones has no padding, so the last of each is taken
    shell.__dict__["config"] = config
    shell.__dict__[anatomy.base] = _StandIn(base, anatomy, rows)
    logits: Tensor = shell(input_ids=ids).logits
    return logits


class _StandIn:
    """Answers like a base model, with given states."""

    def __init__(self, base: nn.Module, anatomy: Anatomy, rows: Tensor) -> None:
        self.base, self.anatomy, self.rows = base, anatomy, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["base"], name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if self.anatomy.causal:
            return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=self.rows)
        return BaseModelOutputWithPooling(last_hidden_state=self.rows, pooler_output=self._pooled())

    def _pooled(self) -> Tensor | None:
        base: Any = self.base
        pooler = getattr(base, "pooler", None)
        if pooler is None or self.rows.shape[1] != 1:
            return None
        if hasattr(base, "pooler_activation"):  # ALBERT's pooler is a bare linear layer
            return base.pooler_activation(pooler(self.rows[:, 0]))
        return pooler(self.rows)
