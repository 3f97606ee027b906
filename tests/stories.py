"""stories260K, a real small decoder, turned from llama2.c's format into a transformers directory; never committed.

The file format is llama2.c's first version: seven integers, then float32 tensors. Its rotary pairs are neighbours
where transformers' are halves, so the rows of query and key are reordered.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, processors

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"


def convert(source: Path, place: Path) -> Path:
    """Write configuration, weights and tokenizer into ``place`` from the folder of stories260K.bin and tok512.bin."""
    header = np.fromfile(source / "stories260K.bin", dtype=np.int32, count=7)
    width, inner, layers, heads, key_heads, words, longest = (int(number) for number in header)
    config = transformers.LlamaConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=longest,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    network = transformers.LlamaForCausalLM(config)
    network.load_state_dict(_weights(source / "stories260K.bin", config), strict=False)
    network.tie_weights()
    network.save_pretrained(place)
    tokenizer(source / "tok512.bin", words).save_pretrained(place)
    return place


def _weights(path: Path, config: transformers.LlamaConfig) -> dict[str, torch.Tensor]:
    numbers = torch.from_numpy(np.fromfile(path, dtype=np.float32, offset=28))
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    keys = width // config.num_attention_heads * config.num_key_value_heads
    at = 0

    def take(*shape: int) -> torch.Tensor:
        nonlocal at
        size = int(np.prod(shape))
        at += size
        return numbers[at - size : at].view(*shape)

    def halves(rows: torch.Tensor, count: int) -> torch.Tensor:
        return rows.view(count, -1, 2, width).transpose(1, 2).reshape(-1, width)

    found = {"model.embed_tokens.weight": take(config.vocab_size, width)}
    read = {
        "input_layernorm": take(layers, width),
        "self_attn.q_proj": take(layers, width, width),
        "self_attn.k_proj": take(layers, keys, width),
        "self_attn.v_proj": take(layers, keys, width),
        "self_attn.o_proj": take(layers, width, width),
        "post_attention_layernorm": take(layers, width),
        "mlp.gate_proj": take(layers, inner, width),
        "mlp.down_proj": take(layers, width, inner),
        "mlp.up_proj": take(layers, inner, width),
    }
    found["model.norm.weight"] = take(width)
    for name, tensors in read.items():
        for layer, tensor in enumerate(tensors):
            if name.endswith("q_proj"):
                tensor = halves(tensor, config.num_attention_heads)
            if name.endswith("k_proj"):
                tensor = halves(tensor, config.num_key_value_heads)
            found[f"model.layers.{layer}.{name}.weight"] = tensor.clone()
    return found


def tokenizer(path: Path, words: int) -> transformers.PreTrainedTokenizerFast:
    """llama2.c's byte-pair encoding by scores: the order of merges is that of the joined pieces' scores."""
    data, at = path.read_bytes(), 4
    pieces: list[tuple[str, float]] = []
    for _ in range(words):
        score, length = (
            float(np.frombuffer(data, np.float32, 1, at)[0]),
            int(np.frombuffer(data, np.int32, 1, at + 4)[0]),
        )
        pieces.append((data[at + 8 : at + 8 + length].decode("utf-8").replace(" ", "▁"), score))
        at += 8 + length
    names = [UNKNOWN, BEGIN, END, *(f"<0x{byte:02X}>" for byte in range(256)), *(text for text, _ in pieces[259:])]
    numbers = {name: number for number, name in enumerate(names)}
    merges = []
    for text, _ in sorted(pieces[259:], key=lambda piece: -piece[1]):
        splits = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
        merges += [pair for pair in splits if pair[0] in numbers and pair[1] in numbers]
    core = Tokenizer(models.BPE(numbers, merges, unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True))
    core.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    core.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token=UNKNOWN, bos_token=BEGIN, eos_token=END, model_max_length=512
    )
