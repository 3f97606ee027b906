"""Run a family's own head on rows of states that were made elsewhere.

Sequence heads of transformers take ``[:, 0]`` or the last token of each row, so a flat call would give one answer for a
whole batch. Instead the base runs flat, the wanted rows are gathered to ``[B, 1, D]``, and the family's own forward runs
with its base replaced by a stand-in that returns those rows. So there is no head of ours per family, and what is trained
is what plain transformers loads. The replacement is made on a shallow copy: the network itself never changes, and threads
cannot meet.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import (
    BaseModelOutput,
    BaseModelOutputWithPast,
    BaseModelOutputWithPooling,
    Seq2SeqModelOutput,
)

from whet.nn.anatomy import Anatomy


def head(network: nn.Module, anatomy: Anatomy, rows: Tensor) -> Tensor:
    """The network's own head on states ``[n, s, D]`` (s is 1 for sequence heads); returns its logits."""
    shell: Any = copy.copy(network)
    ids = torch.ones(rows.shape[:2], dtype=torch.int64, device=rows.device)
    if not anatomy.base:
        return _bare(shell, rows, ids)
    base = network.get_submodule(anatomy.base)
    config = copy.copy(network.config)
    if anatomy.shape == "encoder-decoder":
        ids = torch.full_like(ids, config.eos_token_id)
        config.pad_token_id = config.pad_token_id or 0
    elif anatomy.shape == "decoder":
        config.pad_token_id = 0
    shell.__dict__["config"] = config
    shell.__dict__[anatomy.base] = _StandIn(base, anatomy, rows)
    logits: Tensor = shell(input_ids=ids).logits
    return logits


def _bare(shell: Any, rows: Tensor, ids: Tensor) -> Tensor:
    """T5 for generation keeps its stacks beside the head, with no base between."""
    shell.__dict__["decoder"] = lambda *args, **keywords: BaseModelOutputWithPast(last_hidden_state=rows)
    logits: Tensor = shell(
        encoder_outputs=BaseModelOutput(last_hidden_state=rows), decoder_input_ids=ids, use_cache=False
    ).logits
    return logits


class _StandIn:
    """Answers like a base model, with given states."""

    def __init__(self, base: nn.Module, anatomy: Anatomy, rows: Tensor) -> None:
        self.base, self.anatomy, self.rows = base, anatomy, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["base"], name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if self.anatomy.shape == "encoder-decoder":
            return Seq2SeqModelOutput(last_hidden_state=self.rows)
        if self.anatomy.shape == "decoder":
            return BaseModelOutputWithPast(last_hidden_state=self.rows)
        return BaseModelOutputWithPooling(last_hidden_state=self.rows, pooler_output=self._pooled())

    def _pooled(self) -> Tensor | None:
        pooler = getattr(self.base, "pooler", None)
        if pooler is None or self.rows.shape[1] != 1:
            return None
        if hasattr(self.base, "pooler_activation"):  # ALBERT's pooler is a bare linear layer
            pooled: Tensor = self.base.pooler_activation(pooler(self.rows[:, 0]))
            return pooled
        pooled = pooler(self.rows)
        return pooled
