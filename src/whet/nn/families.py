"""What flat rows need of each family: positions, keywords, wrappers; one small answer a question.

Measured family by family on transformers 5.17 to 5.23 (docs/decisions/0001-flat-batches.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from whet.nn import attention
from whet.nn.anatomy import Anatomy
from whet.nn.layout import CURRENT, Flat, Path

SHIFTED = ("roberta", "xlm-roberta")
"""Their positions begin behind the padding's number; a plain count from 0 is silently wrong."""
TYPED = ("bert", "electra", "roberta", "xlm-roberta", "albert", "deberta-v2")
WRAPPED = ("deberta-v2",)
PADDED = ("mpnet",)
OWN_POSITIONS = ("bart", "mbart", "marian")
"""They ignore ``position_ids``: their tables of positions are replaced by one that reads the flat row's."""


def path_of(config: Any) -> Path:
    """The path that a family should take, before the self-test has its say."""
    if config.model_type in PADDED or (config.model_type in WRAPPED and getattr(config, "conv_kernel_size", 0) > 0):
        return "padded"
    return "wrapped" if config.model_type in WRAPPED else "flat"


def prepare(network: nn.Module, anatomy: Anatomy, path: Path) -> None:
    """Make a network ready for a path: register our attention with it, or wrap what has no registry. Repeatable."""
    if path == "wrapped":
        for module in network.modules():
            if type(module).__name__ == "DisentangledSelfAttention":
                _wrap(module, "forward", _by_group)
            elif type(module).__name__ == "DebertaV2Encoder":
                _wrap(module, "get_attention_mask", _mask_as_given)
                _wrap(module, "get_rel_pos", _no_rectangle)
        return
    if anatomy.family in WRAPPED + PADDED:
        return
    attention.register()
    for module in network.modules():
        if isinstance(module, PreTrainedModel):
            module.config._attn_implementation = attention.NAME
    for name, module in network.named_modules():
        if name.endswith(("EncDecAttention", "encoder_attn")):
            module.whet_cross = True  # type: ignore[assignment]
        if name.endswith("EncDecAttention"):
            _wrap(module, "forward", _unbiased)
        elif getattr(module, "has_relative_attention_bias", False):
            _wrap(module, "compute_bias", _bias_of_the_longest)
        elif name.endswith("embed_positions") and anatomy.family in OWN_POSITIONS:
            _wrap(module, "forward", partial(_flat_positions, module))


def _wrap(module: nn.Module, method: str, around: Callable[..., Any]) -> None:
    """Put a function around a method of one module, once; its parameters and their names stay as they are."""
    if method not in vars(module):
        setattr(module, method, partial(around, getattr(module, method)))


def keywords(config: Any, anatomy: Anatomy, positions_t: Tensor, kinds_t: Tensor | None) -> dict[str, Any]:
    """What a base model is told beside its ids in a flat call."""
    found = plain_call(anatomy)
    if config.model_type in SHIFTED:
        positions_t = positions_t + config.pad_token_id + 1
    found["position_ids"] = positions_t[None]
    if kinds_t is not None and takes_kinds(config):
        found["token_type_ids"] = kinds_t[None]
    return found


def plain_call(anatomy: Anatomy) -> dict[str, Any]:
    """Keywords of every call: a decoder keeps no cache while it learns."""
    return {"use_cache": False} if anatomy.causal else {}


def takes_kinds(config: Any) -> bool:
    """Whether the family knows token types, and has more than one."""
    return config.model_type in TYPED and getattr(config, "type_vocab_size", 0) > 1


def pools_mean(config: Any) -> bool:
    """Whether the family's own head takes the mean over the states (ModernBERT may)."""
    return getattr(config, "classifier_pooling", "cls") == "mean"


def stacks(network: nn.Module, base: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The encoder and the decoder of an encoder-decoder."""
    return base.encoder, base.decoder  # type: ignore[return-value]


def with_decoder(flat: Flat, config: Any) -> Flat:
    """The batch with its own tokens, shifted right in each example, as the decoder's row (for answers about a text)."""
    own = config.model_type == "mbart"  # its rows end with their language, which also starts the decoder
    parts = (part.tolist() for part in flat.ids.split(flat.lengths))
    rows = [[row[-1] if own else config.decoder_start_token_id, *row[:-1]] for row in parts]
    return Flat(flat.ids, flat.lengths, flat.kinds, Flat.join(rows).to(flat.ids.device))


def with_decoder_if_needed(flat: Flat, config: Any, anatomy: Anatomy) -> Flat:
    """``with_decoder`` for encoder-decoders, the batch itself for all others."""
    return with_decoder(flat, config) if anatomy.encoder_decoder else flat


def answers_at(flat: Flat, config: Any) -> Tensor:
    """Where each text's last end token stands, whose state an encoder-decoder's sequence head reads: places ``[B]``.

    mBART's rows go on behind it with their language. A text without one is read at its last token.
    """
    places = torch.arange(flat.tokens, device=flat.ids.device)
    marked = torch.where(flat.ids == config.eos_token_id, places, -1).split(flat.lengths)
    found = torch.stack([part.max() for part in marked])
    last = torch.tensor(flat.starts, device=found.device) + torch.tensor(flat.lengths, device=found.device) - 1
    return torch.where(found < 0, last, found)


def vocabulary(network: nn.Module, rows_nd: Tensor) -> Tensor:
    """Logits ``[N, V]`` of an encoder-decoder's decoder states, as its own forward computes them."""
    config: Any = network.config
    tied = getattr(config, "tie_word_embeddings", True)
    if config.model_type == "t5" and getattr(config, "scale_decoder_outputs", tied):  # the first T5s, not 1.1 or Flan
        rows_nd = rows_nd * config.d_model**-0.5
    logits: Tensor = network.lm_head(rows_nd)  # type: ignore[operator]
    bias = getattr(network, "final_logits_bias", None)
    return logits if bias is None else logits + bias


def _bias_of_the_longest(plain: Callable[..., Tensor], query_length: int, key_length: int, **given: Any) -> Tensor:
    """T5's bias ``[1, H, l, l]`` for the longest example, since all shorter ones read its corner.

    For the whole row it would be ``[1, H, T, T]``: two gigabytes for 8,192 tokens and eight heads.
    """
    if (layout := CURRENT.get()) is not None:
        query_length = key_length = layout.longest
    return plain(query_length, key_length, **given)


def _unbiased(plain: Callable[..., Any], hidden_states: Tensor, *args: Any, **given: Any) -> Any:
    """T5's cross-attention, which would make a bias of nothing but zeros as large as queries times keys."""
    if CURRENT.get() is not None and given.get("position_bias") is None:
        given["position_bias"] = hidden_states.new_zeros(())
    return plain(hidden_states, *args, **given)


def _mask_as_given(plain: Callable[..., Tensor], attention_mask: Tensor) -> Tensor:
    """DeBERTa's mask without its square of tokens, which ``_by_group`` does not read."""
    return attention_mask if CURRENT.get() is not None else plain(attention_mask)


def _no_rectangle(plain: Callable[..., Tensor | None], *args: Any, **given: Any) -> Tensor | None:
    """DeBERTa's table of distances between all tokens, which each run makes for its own length."""
    return None if CURRENT.get() is not None else plain(*args, **given)


def _flat_positions(table: nn.Module, plain: Callable[..., Tensor], *args: Any, **given: Any) -> Tensor:
    """A table of positions that reads a flat row's own positions, and is the plain table in every other call."""
    layout = CURRENT.get()
    if layout is None:
        return plain(*args, **given)
    weight: Tensor = table.weight  # type: ignore[assignment]
    return nn.functional.embedding(layout.positions + getattr(table, "offset", 0), weight)[None]


def _by_group(
    plain: Callable[..., Any], hidden_states: Tensor, attention_mask: Tensor, *args: Any, **given: Any
) -> Any:
    """DeBERTa's attention, which no registry reaches: its own forward on a few padded groups of like length.

    Not on every length apart: each call projects its table of distances anew, at the cost of hundreds of tokens.
    """
    layout = CURRENT.get()
    if layout is None:
        return plain(hidden_states, attention_mask, *args, **given)
    plan, parts = layout.plan(False, 1), []
    places_sd = hidden_states[0].index_select(0, plan.queries.rows)
    for group in plan.groups:
        place = slice(group.first, group.first + group.count * group.length)
        rows = places_sd[place].unflatten(0, (group.count, group.length))
        real = (
            torch.ones_like(rows[..., 0], dtype=torch.bool) if plan.queries.real is None else plan.queries.real[place]
        )
        seen = real.view(group.count, 1, 1, group.length)
        parts.append(plain(rows, seen, *args, **{**given, "relative_pos": None})[0].flatten(0, 1))
    return torch.cat(parts).index_select(0, plan.queries.back)[None], None
