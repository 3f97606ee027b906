"""Tiny random models of every family, seeded, for every suite: two blocks of width 32 and a hundred words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import transformers
from torch import nn

Kind = Literal["base", "sequence", "token", "causal", "masked", "seq2seq"]
WORDS = 100
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_ENCODER = {**_SIZES, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "max_position_embeddings": 80}
_DECODER = {
    "classifier_dropout": 0.0,
    **_SIZES,
    "num_key_value_heads": 2,
    "max_position_embeddings": 80,
    "pad_token_id": 0,
}
_SEVERAL = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "dropout": 0.0,
    "max_position_embeddings": 80,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}
CLASSES: dict[Kind, Any] = {
    "base": transformers.AutoModel,
    "sequence": transformers.AutoModelForSequenceClassification,
    "token": transformers.AutoModelForTokenClassification,
    "causal": transformers.AutoModelForCausalLM,
    "masked": transformers.AutoModelForMaskedLM,
    "seq2seq": transformers.AutoModelForSeq2SeqLM,
}


@dataclass(frozen=True)
class Family:
    """A configuration, the kinds of head that the family has, and the path that it must take."""

    config: type
    settings: dict[str, Any]
    kinds: tuple[Kind, ...]
    path: str = "flat"
    words: int = WORDS
    extra: dict[str, Any] = field(default_factory=dict)

    def __call__(self, kind: Kind = "sequence", **changes: Any) -> nn.Module:
        """A fresh network with the same weights every time."""
        settings = {"vocab_size": self.words, **self.settings, **changes}
        config = self.config(**settings)
        torch.manual_seed(0)
        network = CLASSES[kind].from_config(config)
        with torch.no_grad():
            for parameter in network.parameters():  # biases and norms too, lest a lost one goes unseen
                if parameter.ndim == 1:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        return network.eval()


_PLAIN: tuple[Kind, ...] = ("base", "sequence", "token", "masked")
_LANGUAGE: tuple[Kind, ...] = ("base", "sequence", "token", "causal")
_BOTH: tuple[Kind, ...] = ("base", "sequence", "seq2seq")
_c = transformers
FAMILIES: dict[str, Family] = {
    "bert": Family(_c.BertConfig, _ENCODER, _PLAIN),
    "electra": Family(_c.ElectraConfig, {**_ENCODER, "embedding_size": 16}, _PLAIN),
    "roberta": Family(_c.RobertaConfig, {**_ENCODER, "pad_token_id": 1}, _PLAIN),
    "xlm-roberta": Family(_c.XLMRobertaConfig, {**_ENCODER, "pad_token_id": 1}, _PLAIN),
    "distilbert": Family(
        _c.DistilBertConfig,
        {
            "dim": 32,
            "n_layers": 2,
            "n_heads": 4,
            "hidden_dim": 64,
            "dropout": 0.0,
            "attention_dropout": 0.0,
            "seq_classif_dropout": 0.0,
            "max_position_embeddings": 80,
        },
        _PLAIN,
    ),
    "albert": Family(_c.AlbertConfig, {**_ENCODER, "embedding_size": 16, "classifier_dropout_prob": 0.0}, _PLAIN),
    "modernbert": Family(
        _c.ModernBertConfig,
        {
            **_SIZES,
            "max_position_embeddings": 80,
            "local_attention": 8,
            "global_attn_every_n_layers": 2,
            "pad_token_id": 0,
        },
        _PLAIN,
    ),
    "modernbert-mean": Family(
        _c.ModernBertConfig,
        {
            **_SIZES,
            "max_position_embeddings": 80,
            "local_attention": 8,
            "pad_token_id": 0,
            "classifier_pooling": "mean",
        },
        ("sequence",),
    ),
    "deberta-v2": Family(
        _c.DebertaV2Config,
        {
            **_ENCODER,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pooler_dropout": 0.0,
        },
        _PLAIN,
        path="wrapped",
    ),
    "deberta-v2-conv": Family(
        _c.DebertaV2Config,
        {
            **_ENCODER,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "conv_kernel_size": 3,
            "conv_act": "gelu",
        },
        ("base", "sequence"),
        path="padded",
    ),
    "mpnet": Family(_c.MPNetConfig, {**_ENCODER, "pad_token_id": 1}, _PLAIN, path="padded"),
    "gpt2": Family(
        _c.GPT2Config,
        {
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 80,
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
            "classifier_dropout": 0.0,
            "pad_token_id": 0,
        },
        _LANGUAGE,
    ),
    "llama": Family(_c.LlamaConfig, _DECODER, _LANGUAGE),
    "qwen2": Family(
        _c.Qwen2Config, {**_DECODER, "use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}, _LANGUAGE
    ),
    "qwen3": Family(_c.Qwen3Config, {**_DECODER, "head_dim": 8}, _LANGUAGE),
    "gemma": Family(_c.GemmaConfig, {**_DECODER, "head_dim": 8}, _LANGUAGE),
    "gemma2": Family(_c.Gemma2Config, {**_DECODER, "head_dim": 8, "sliding_window": 6}, _LANGUAGE),
    "gemma3": Family(
        _c.Gemma3TextConfig, {**_DECODER, "head_dim": 8, "sliding_window": 6}, ("base", "sequence", "causal")
    ),
    "t5": Family(
        _c.T5Config,
        {
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 64,
            "num_layers": 2,
            "num_heads": 4,
            "dropout_rate": 0.0,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "decoder_start_token_id": 0,
            "relative_attention_num_buckets": 8,
            "relative_attention_max_distance": 16,
        },
        _BOTH,
    ),
    "bart": Family(_c.BartConfig, _SEVERAL, _BOTH),
    "mbart": Family(_c.MBartConfig, _SEVERAL, _BOTH),
    "marian": Family(_c.MarianConfig, _SEVERAL, ("base", "seq2seq")),
}
