"""What each family of transformers calls its parts: one row a family, the only place that knows their names.

A row's ``stacks`` are its block lists in the order in which data visits them (one, or encoder then decoder);
``linears`` says where, inside a block, the matrices for each purpose lie. Fused matrices stand under every purpose that
they serve. Names are those of the classes in ``transformers.models``, read off the modules of version 5.23.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["encoder", "decoder", "encoder-decoder"]
Pooling = Literal["first", "last", "end", "mean"]
PURPOSES = ("query", "key", "value", "out", "up", "gate", "down")


@dataclass(frozen=True)
class Family:
    """Where a family keeps its parts, below its base model.

    ``early`` run before the first block (or feed every block), ``late`` after the last one. ``offset`` is added to
    positions that count from 0, ``padding`` adds the padding token's number besides. ``pooling`` names the row that the
    family's own sequence head reads. ``cross`` finds the cross-attention in a decoder's block.
    """

    shape: Shape
    stacks: tuple[str, ...]
    early: tuple[str, ...]
    late: tuple[str, ...]
    linears: Mapping[str, tuple[str, ...]]
    pooling: Pooling = "first"
    padded_positions: bool = False
    positions: bool = True
    kinds: bool = False
    shared: bool = False
    path: Literal["flat", "wrapped", "padded"] = "flat"
    cross: str = ""
    between: tuple[str, ...] = field(default=())


_BERT = {
    "query": ("attention.self.query",),
    "key": ("attention.self.key",),
    "value": ("attention.self.value",),
    "out": ("attention.output.dense",),
    "up": ("intermediate.dense",),
    "down": ("output.dense",),
}
_LLAMA = {
    "query": ("self_attn.q_proj",),
    "key": ("self_attn.k_proj",),
    "value": ("self_attn.v_proj",),
    "out": ("self_attn.o_proj",),
    "up": ("mlp.up_proj",),
    "gate": ("mlp.gate_proj",),
    "down": ("mlp.down_proj",),
}
_T5 = {
    "query": ("layer.0.SelfAttention.q", "layer.1.EncDecAttention.q"),
    "key": ("layer.0.SelfAttention.k", "layer.1.EncDecAttention.k"),
    "value": ("layer.0.SelfAttention.v", "layer.1.EncDecAttention.v"),
    "out": ("layer.0.SelfAttention.o", "layer.1.EncDecAttention.o"),
    "up": tuple(f"layer.{n}.DenseReluDense.{name}" for n in (1, 2) for name in ("wi", "wi_1")),
    "gate": tuple(f"layer.{n}.DenseReluDense.wi_0" for n in (1, 2)),
    "down": tuple(f"layer.{n}.DenseReluDense.wo" for n in (1, 2)),
}
_BART = {
    "query": ("self_attn.q_proj", "encoder_attn.q_proj"),
    "key": ("self_attn.k_proj", "encoder_attn.k_proj"),
    "value": ("self_attn.v_proj", "encoder_attn.v_proj"),
    "out": ("self_attn.out_proj", "encoder_attn.out_proj"),
    "up": ("fc1",),
    "down": ("fc2",),
}


def _bert(**changes: object) -> Family:
    row: dict = {"early": ("embeddings", "embeddings_project"), "late": ("pooler",), "linears": _BERT}
    return Family("encoder", ("encoder.layer",), **(row | changes))


def _llama() -> Family:
    return Family("decoder", ("layers",), ("embed_tokens", "rotary_emb"), ("norm",), _LLAMA, "last")


def _bart() -> Family:
    sides = ("encoder", "decoder")
    early = ("shared", *(f"{s}.{p}" for s in sides for p in ("embed_tokens", "embed_positions", "layernorm_embedding")))
    stacks = ("encoder.layers", "decoder.layers")
    return Family(
        "encoder-decoder",
        stacks,
        early,
        ("decoder.layer_norm",),
        _BART,
        "end",
        positions=False,
        cross="encoder_attn",
        between=("encoder.layer_norm",),
    )


FAMILIES: Mapping[str, Family] = {
    "bert": _bert(kinds=True),
    "electra": _bert(kinds=True),
    "roberta": _bert(kinds=True, padded_positions=True),
    "xlm-roberta": _bert(kinds=True, padded_positions=True),
    "distilbert": Family(
        "encoder",
        ("transformer.layer",),
        ("embeddings",),
        (),
        {
            "query": ("attention.q_lin",),
            "key": ("attention.k_lin",),
            "value": ("attention.v_lin",),
            "out": ("attention.out_lin",),
            "up": ("ffn.lin1",),
            "down": ("ffn.lin2",),
        },
    ),
    "albert": Family(
        "encoder",
        ("encoder.albert_layer_groups",),
        ("embeddings", "encoder.embedding_hidden_mapping_in"),
        ("pooler",),
        {
            "query": ("albert_layers.*.attention.query",),
            "key": ("albert_layers.*.attention.key",),
            "value": ("albert_layers.*.attention.value",),
            "out": ("albert_layers.*.attention.dense",),
            "up": ("albert_layers.*.ffn",),
            "down": ("albert_layers.*.ffn_output",),
        },
        kinds=True,
        shared=True,
    ),
    "modernbert": Family(
        "encoder",
        ("layers",),
        ("embeddings", "rotary_emb"),
        ("final_norm",),
        {
            "query": ("attn.Wqkv",),
            "key": ("attn.Wqkv",),
            "value": ("attn.Wqkv",),
            "out": ("attn.Wo",),
            "up": ("mlp.Wi",),
            "gate": ("mlp.Wi",),
            "down": ("mlp.Wo",),
        },
    ),
    "deberta-v2": _bert(
        early=("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"),
        late=(),
        between=("encoder.conv",),
        kinds=True,
        path="wrapped",
        linears=_BERT | {p: (f"attention.self.{p}_proj",) for p in ("query", "key", "value")},
    ),
    "mpnet": _bert(
        early=("embeddings", "encoder.relative_attention_bias"),
        padded_positions=True,
        path="padded",
        linears=_BERT
        | {p: (f"attention.attn.{p[0]}",) for p in ("query", "key", "value")}
        | {"out": ("attention.attn.o",)},
    ),
    "gpt2": Family(
        "decoder",
        ("h",),
        ("wte", "wpe", "drop"),
        ("ln_f",),
        {
            "query": ("attn.c_attn",),
            "key": ("attn.c_attn",),
            "value": ("attn.c_attn",),
            "out": ("attn.c_proj",),
            "up": ("mlp.c_fc",),
            "down": ("mlp.c_proj",),
        },
        "last",
    ),
    **{name: _llama() for name in ("llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")},
    "t5": Family(
        "encoder-decoder",
        ("encoder.block", "decoder.block"),
        ("shared", "encoder.embed_tokens", "decoder.embed_tokens"),
        ("decoder.final_layer_norm",),
        _T5,
        "end",
        positions=False,
        cross="layer.1.EncDecAttention",
        between=("encoder.final_layer_norm",),
    ),
    **{name: _bart() for name in ("bart", "mbart", "marian")},
}
