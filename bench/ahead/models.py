"""The models of the benches: MiniLM without dropout, a BERT-base and a small Llama with random weights.

Random weights cost as much as trained ones, and nothing is downloaded; what they answer means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from bench.processes import MODEL, directory
from whet.assemble.load import quiet

LABELS = {0: "0", 1: "1"}
PIECES = 8000
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def minilm_tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(directory(MODEL))


def minilm(place: Path) -> str:
    """The default model with a head for SST-2 and without dropout, for comparing first losses."""
    transformers.set_seed(0)
    numbers = {label: number for number, label in LABELS.items()}
    with quiet():
        network = transformers.AutoModelForSequenceClassification.from_pretrained(
            directory(MODEL), id2label=LABELS, label2id=numbers, **NO_DROPOUT
        )
    return _saved(place, network, minilm_tokenizer())


def bert_base(place: Path, dropout: bool = True) -> str:
    """110 million weights: transformers' default BertConfig, which is BERT-base, with MiniLM's vocabulary."""
    tokenizer = minilm_tokenizer()
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        id2label=LABELS,
        label2id={label: number for number, label in LABELS.items()},
        **({} if dropout else NO_DROPOUT),
    )
    transformers.set_seed(0)
    return _saved(place, transformers.BertForSequenceClassification(config), tokenizer)


def llama(place: Path, texts: Iterable[str]) -> str:
    """34 million weights: eight blocks of width 512 over 8,000 pieces, cut from the texts themselves."""
    tokenizer = _pieces(texts)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    transformers.set_seed(0)
    return _saved(place, transformers.LlamaForCausalLM(config), tokenizer)


def _pieces(texts: Iterable[str]) -> Any:
    """A byte-level tokenizer that begins every text with its begin token, as Llama's does."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=PIECES, special_tokens=special, initial_alphabet=alphabet)
    )
    core.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=1024
    )


def _saved(place: Path, network: Any, tokenizer: Any) -> str:
    with quiet():
        network.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return str(place)
