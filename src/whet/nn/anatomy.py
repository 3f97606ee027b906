"""The parts of any transformer by what they are for, so that strategies and families need not know each other.

A family is one row of a table: where its blocks stand, which modules come before them, and how a block calls its
linear layers. What the table does not know is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from whet.core.errors import ModelError, nearest
from whet.nn.heads import MeanHead

Kind = Literal["query", "key", "value", "out", "up", "down", "gate"]
Side = Literal["encoder", "decoder"]
KINDS: tuple[Kind, ...] = ("query", "key", "value", "out", "up", "down", "gate")


@dataclass(frozen=True)
class Shape:
    """A family's row: its stacks of blocks, what stands before them, and a block's linear layers by kind.

    Names are inside the base model; a fused layer stands under every kind that it serves. ``shared`` blocks are one
    block used over and over (ALBERT).
    """

    stacks: tuple[tuple[Side, str], ...]
    embeddings: tuple[str, ...]
    linears: Mapping[Kind, tuple[str, ...]]
    shared: bool = False


@dataclass(frozen=True)
class Block:
    """One transformer block: its module's name, its side, and its linear layers by kind."""

    name: str
    side: Side
    linears: Mapping[Kind, tuple[str, ...]]


@dataclass(frozen=True)
class Anatomy:
    """A network's parts, by the full names of their modules.

    ``base`` is the name of the model without its head ("" where the network is that itself). ``shared`` says that
    the one block stands for all.
    """

    family: str
    base: str
    embeddings: tuple[str, ...]
    blocks: tuple[Block, ...]
    head: tuple[str, ...]
    shared: bool = False

    @property
    def depth(self) -> int:
        """L, how many blocks follow each other, the decoder's after the encoder's."""
        return len(self.blocks)

    @property
    def encoder_decoder(self) -> bool:
        return {block.side for block in self.blocks} == {"encoder", "decoder"}

    @property
    def causal(self) -> bool:
        """Whether it is a decoder alone."""
        return {block.side for block in self.blocks} == {"decoder"}

    def depth_of(self, name: str) -> int:
        """Where a parameter or module stands: 0 the embeddings, 1 to L the blocks, L + 1 what follows them.

        The norm behind an encoder's last block stands with that block where a decoder follows, which reads it.
        """
        for number, block in enumerate(self.blocks, 1):
            if _under(name, block.name):
                return number
        if any(_under(name, part) for part in self.embeddings):
            return 0
        encoder = [block.name for block in self.blocks if block.side == "encoder"]
        behind = self.encoder_decoder and _under(name, encoder[0].rpartition(".")[0].rpartition(".")[0])
        return len(encoder) if behind else self.depth + 1

    def linears(self, kinds: Sequence[str]) -> list[str]:
        """The names of all linear layers of some kinds, in the order of the blocks, each once."""
        found = [
            name for block in self.blocks for kind in KINDS if kind in kinds for name in block.linears.get(kind, ())
        ]
        return list(dict.fromkeys(found))

    def below(self, cut: int) -> list[str]:
        """The modules below a cut: nothing for 0, else the embeddings and the first ``cut`` blocks."""
        return [] if cut <= 0 else [*self.embeddings, *(block.name for block in self.blocks[:cut])]


def read_anatomy(network: nn.Module) -> Anatomy:
    """Name the parts of a network. Raises ModelError where its family is not in the table or does not look like it."""
    family = getattr(network.config, "model_type", "?")
    if family not in FAMILIES:
        cure = f"known families: {', '.join(sorted(FAMILIES))}; {nearest(family, sorted(FAMILIES))}"
        raise ModelError(f"the parts of a {family} model are not known", "model", cure)
    shape, base = FAMILIES[family], _base_of(network)
    prefix = f"{base}." if base else ""
    modules = dict(network.named_modules())
    embeddings = tuple(prefix + name for name in shape.embeddings if prefix + name in modules)
    blocks: list[Block] = []
    for side, stack in shape.stacks:
        for place in _places(modules, prefix + stack):
            named = {
                kind: tuple(f"{place}.{end}" for end in ends if f"{place}.{end}" in modules)
                for kind, ends in shape.linears.items()
            }
            blocks.append(Block(place, side, {kind: names for kind, names in named.items() if names}))
    if not blocks or not embeddings or any(not {"query", "value", "out"} <= set(one.linears) for one in blocks):
        raise ModelError(f"this {family} model does not have the parts of its family", "model", "use its usual class")
    return Anatomy(family, base, embeddings, tuple(blocks), _head_of(network, base), shape.shared)


def _places(modules: Mapping[str, nn.Module], stack: str) -> list[str]:
    if stack not in modules:
        return []
    return [f"{stack}.{number}" for number in range(len(list(modules[stack].children())))]


def _base_of(network: nn.Module) -> str:
    if isinstance(network, MeanHead):
        return "base"
    prefix = getattr(network, "base_model_prefix", "")
    return prefix if prefix and isinstance(getattr(network, prefix, None), nn.Module) else ""


def _head_of(network: nn.Module, base: str) -> tuple[str, ...]:
    if base:
        children = network.named_children()
        return tuple(name for name, child in children if name != base and any(True for _ in child.parameters()))
    return tuple(name for name in ("lm_head", "classification_head") if hasattr(network, name))


def _under(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


_BERT: dict[Kind, tuple[str, ...]] = {
    "query": ("attention.self.query",),
    "key": ("attention.self.key",),
    "value": ("attention.self.value",),
    "out": ("attention.output.dense",),
    "up": ("intermediate.dense",),
    "down": ("output.dense",),
}
_DEBERTA: dict[Kind, tuple[str, ...]] = {
    **_BERT,
    "query": ("attention.self.query_proj", "attention.self.pos_query_proj"),
    "key": ("attention.self.key_proj", "attention.self.pos_key_proj"),
    "value": ("attention.self.value_proj",),
}
_MPNET: dict[Kind, tuple[str, ...]] = {
    **_BERT,
    "query": ("attention.attn.q",),
    "key": ("attention.attn.k",),
    "value": ("attention.attn.v",),
    "out": ("attention.attn.o",),
}
_DISTILBERT: dict[Kind, tuple[str, ...]] = {
    "query": ("attention.q_lin",),
    "key": ("attention.k_lin",),
    "value": ("attention.v_lin",),
    "out": ("attention.out_lin",),
    "up": ("ffn.lin1",),
    "down": ("ffn.lin2",),
}
_ALBERT_ENDS: dict[Kind, str] = {
    "query": "attention.query",
    "key": "attention.key",
    "value": "attention.value",
    "out": "attention.dense",
    "up": "ffn",
    "down": "ffn_output",
}
_ALBERT: dict[Kind, tuple[str, ...]] = {  # a group may hold several layers
    kind: tuple(f"albert_layers.{n}.{end}" for n in range(8)) for kind, end in _ALBERT_ENDS.items()
}
_MODERNBERT: dict[Kind, tuple[str, ...]] = {
    "query": ("attn.Wqkv",),
    "key": ("attn.Wqkv",),
    "value": ("attn.Wqkv",),
    "out": ("attn.Wo",),
    "up": ("mlp.Wi",),
    "gate": ("mlp.Wi",),
    "down": ("mlp.Wo",),
}
_GPT2: dict[Kind, tuple[str, ...]] = {
    "query": ("attn.c_attn",),
    "key": ("attn.c_attn",),
    "value": ("attn.c_attn",),
    "out": ("attn.c_proj",),
    "up": ("mlp.c_fc",),
    "down": ("mlp.c_proj",),
}
_LLAMA: dict[Kind, tuple[str, ...]] = {
    "query": ("self_attn.q_proj",),
    "key": ("self_attn.k_proj",),
    "value": ("self_attn.v_proj",),
    "out": ("self_attn.o_proj",),
    "up": ("mlp.up_proj",),
    "down": ("mlp.down_proj",),
    "gate": ("mlp.gate_proj",),
}
_T5: dict[Kind, tuple[str, ...]] = {
    "query": ("layer.0.SelfAttention.q", "layer.1.EncDecAttention.q"),
    "key": ("layer.0.SelfAttention.k", "layer.1.EncDecAttention.k"),
    "value": ("layer.0.SelfAttention.v", "layer.1.EncDecAttention.v"),
    "out": ("layer.0.SelfAttention.o", "layer.1.EncDecAttention.o"),
    "up": tuple(f"layer.{n}.DenseReluDense.{end}" for n in (1, 2) for end in ("wi", "wi_1")),
    "gate": tuple(f"layer.{n}.DenseReluDense.wi_0" for n in (1, 2)),
    "down": tuple(f"layer.{n}.DenseReluDense.wo" for n in (1, 2)),
}
_BART: dict[Kind, tuple[str, ...]] = {
    "query": ("self_attn.q_proj", "encoder_attn.q_proj"),
    "key": ("self_attn.k_proj", "encoder_attn.k_proj"),
    "value": ("self_attn.v_proj", "encoder_attn.v_proj"),
    "out": ("self_attn.out_proj", "encoder_attn.out_proj"),
    "up": ("fc1",),
    "down": ("fc2",),
}
_ENCODER: tuple[tuple[Side, str], ...] = (("encoder", "encoder.layer"),)
_bert = Shape(_ENCODER, ("embeddings", "embeddings_project"), _BERT)
_llama = Shape((("decoder", "layers"),), ("embed_tokens",), _LLAMA)
_bart = Shape(
    (("encoder", "encoder.layers"), ("decoder", "decoder.layers")),
    tuple(
        ["shared"]
        + [
            f"{s}.{p}"
            for s in ("encoder", "decoder")
            for p in ("embed_tokens", "embed_positions", "layernorm_embedding")
        ]
    ),
    _BART,
)
FAMILIES: dict[str, Shape] = {
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "electra"), _bert),
    "deberta-v2": Shape(
        _ENCODER, ("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm", "encoder.conv"), _DEBERTA
    ),
    "mpnet": Shape(_ENCODER, ("embeddings", "encoder.relative_attention_bias"), _MPNET),
    "distilbert": Shape((("encoder", "transformer.layer"),), ("embeddings",), _DISTILBERT),
    "albert": Shape(
        (("encoder", "encoder.albert_layer_groups"),),
        ("embeddings", "encoder.embedding_hidden_mapping_in"),
        _ALBERT,
        shared=True,
    ),
    "modernbert": Shape((("encoder", "layers"),), ("embeddings",), _MODERNBERT),
    "gpt2": Shape((("decoder", "h"),), ("wte", "wpe", "drop"), _GPT2),
    **dict.fromkeys(("llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"), _llama),
    "t5": Shape(
        (("encoder", "encoder.block"), ("decoder", "decoder.block")),
        ("shared", "encoder.embed_tokens", "decoder.embed_tokens"),
        _T5,
    ),
    **dict.fromkeys(("bart", "mbart", "marian"), _bart),
}
"""Each family by transformers' own name for it."""
