"""Tiny language models over single characters, which know every language a little."""

from __future__ import annotations

from functools import cache

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from whet.judge.shipped import LANGUAGES, Asked, asked, shipped
from whet.nn.anatomy import read_anatomy
from whet.nn.packed import Engine, choose_path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@cache
def tokenizer_of_letters() -> PreTrainedTokenizerFast:
    letters = sorted({c for language in LANGUAGES for text in shipped(language).paragraphs for c in text})
    vocabulary = {piece: k for k, piece in enumerate([*SPECIAL, *letters])}
    found = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    found.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=found, **names)


def language_model(kind: str) -> tuple[nn.Module, Engine, list[Asked]]:
    """A fresh model, its engine, and 60 letters of each paragraph."""
    torch.manual_seed(0)
    tokenizer = tokenizer_of_letters()
    sizes = {"vocab_size": len(tokenizer), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 24, "pad_token_id": 0, "initializer_range": 0.3}
    network = LlamaForCausalLM(LlamaConfig(**sizes)) if kind == "causal" else BertForMaskedLM(BertConfig(**sizes))
    network.eval()
    anatomy = read_anatomy(network)
    texts, _ = asked(tokenizer, 60, kind)
    return network, Engine(network, anatomy, choose_path(network, anatomy).path), texts
