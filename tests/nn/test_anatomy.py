"""The parts of every family by name: each linear layer of a block under its kinds, each parameter at its depth."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, T5Config, T5ForConditionalGeneration
from transformers.pytorch_utils import Conv1D

from families import FAMILIES
from whet.core.errors import ModelError
from whet.nn.anatomy import FAMILIES as KNOWN
from whet.nn.anatomy import KINDS, read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.lowrank import LowRank, inject

WITH = [(name, kind) for name in sorted(FAMILIES) for kind in FAMILIES[name].kinds]
TOP = re.compile(r"(^|\.)(final_norm|final_layer_norm|layer_norm|ln_f|norm|pooler)(\.|$)")
"""What a base model may have behind its blocks."""
FUSED = {"gpt2": ("query", "key", "value"), "modernbert": ("query", "key", "value")}


def linears(network: nn.Module, below: str) -> set[str]:
    return {
        name
        for name, module in network.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and name.startswith(below + ".")
    }


def test_every_known_family_is_tested():
    tested = {family(family.kinds[0]).config.model_type for family in FAMILIES.values()}
    assert tested == set(KNOWN)


@pytest.mark.parametrize(("name", "kind"), WITH)
def test_every_linear_layer_of_a_block_is_named_under_its_kinds(name, kind):
    network = FAMILIES[name](kind)
    anatomy = read_anatomy(network)
    sides = 2 if anatomy.encoder_decoder else 1
    assert anatomy.depth == (1 if anatomy.shared else 2 * sides)
    for block in anatomy.blocks:
        own = [layer for layers in block.linears.values() for layer in layers]
        assert set(own) == linears(network, block.name)
        fused = FUSED.get(anatomy.family, ())
        for one in fused:
            assert block.linears[one] == block.linears["query"]
        single = [layer for one, layers in block.linears.items() if one not in fused for layer in layers]
        if anatomy.family != "modernbert":  # its up and gate are one layer too
            assert len(single) == len(set(single))
    assert len(anatomy.linears(KINDS)) == len(set(anatomy.linears(KINDS)))
    assert anatomy.linears(()) == []


@pytest.mark.parametrize(("name", "kind"), WITH)
def test_every_parameter_stands_at_one_depth(name, kind):
    network = FAMILIES[name](kind)
    anatomy = read_anatomy(network)
    base = f"{anatomy.base}." if anatomy.base else ""
    at: dict[int, list[str]] = {}
    for part, _ in network.named_parameters():
        at.setdefault(anatomy.depth_of(part), []).append(part)
    assert sorted(set(at) - {anatomy.depth + 1}) == list(range(anatomy.depth + 1))
    for number, block in enumerate(anatomy.blocks, 1):
        beside = [part for part in at[number] if not part.startswith(block.name + ".")]
        behind_encoder = anatomy.encoder_decoder and number == sum(one.side == "encoder" for one in anatomy.blocks)
        assert not beside or (
            behind_encoder and all("encoder.final_layer_norm" in p or "encoder.layer_norm" in p for p in beside)
        )
    within = [
        part.removeprefix(base)
        for part in at.get(anatomy.depth + 1, [])
        if part.startswith(base) and not any(part.startswith(f"{head}.") for head in anatomy.head)
    ]
    assert [part for part in within if not TOP.search(part)] == []
    heads = [part for part in at.get(anatomy.depth + 1, []) if base and not part.startswith(base)]
    assert all(any(part.startswith(f"{head}.") for head in anatomy.head) for part in heads)
    if kind in ("sequence", "token"):
        assert heads


@pytest.mark.parametrize(("name", "side"), [("bert", (False, False)), ("llama", (True, False)), ("t5", (False, True))])
def test_what_kind_of_network_it_is(name, side):
    anatomy = read_anatomy(FAMILIES[name]("base"))
    assert (anatomy.causal, anatomy.encoder_decoder) == side


def test_the_decoder_follows_the_encoder():
    network = FAMILIES["bart"]("seq2seq")
    anatomy = read_anatomy(network)
    assert [block.side for block in anatomy.blocks] == ["encoder", "encoder", "decoder", "decoder"]
    assert len(anatomy.linears(["query"])) == 6
    assert anatomy.depth_of("model.decoder.layers.1.fc1.weight") == 4


def test_a_block_with_two_digits_is_not_taken_for_one_with_one():
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=11, num_attention_heads=2, intermediate_size=8)
    anatomy = read_anatomy(BertForSequenceClassification(config))
    assert anatomy.depth_of("bert.encoder.layer.10.output.dense.weight") == 11
    assert anatomy.depth_of("bert.encoder.layer.1.output.dense.weight") == 2


def test_gated_layers_of_t5_are_told_apart():
    config = T5Config(
        vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu"
    )
    network = T5ForConditionalGeneration(config)
    anatomy = read_anatomy(network)
    for block in anatomy.blocks:
        assert {layer for layers in block.linears.values() for layer in layers} == linears(network, block.name)
        assert block.linears["gate"][0].endswith("wi_0") and block.linears["up"][0].endswith("wi_1")


def test_below_a_cut_stand_the_embeddings_and_the_first_blocks():
    network = FAMILIES["bert"]("sequence")
    anatomy = read_anatomy(network)
    assert anatomy.below(0) == []
    assert anatomy.below(1) == ["bert.embeddings", "bert.encoder.layer.0"]
    for name in anatomy.below(2):
        network.get_submodule(name)


def test_a_mean_head_is_read_like_a_family_class():
    head = MeanHead(FAMILIES["bert"]("base"), 3, 0.0)
    anatomy = read_anatomy(head)
    assert (anatomy.base, anatomy.head, anatomy.depth) == ("base", ("classifier",), 2)
    assert anatomy.depth_of("classifier.weight") == 3
    assert anatomy.depth_of("base.embeddings.word_embeddings.weight") == 0


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_low_rank_layers_are_found_where_they_stand(name):
    network = FAMILIES[name](FAMILIES[name].kinds[-1])
    before = read_anatomy(network)
    names = before.linears(KINDS)
    inject(network, names, 2, 4.0)
    after = read_anatomy(network)
    assert after.linears(KINDS) == names and after.depth == before.depth
    assert all(isinstance(network.get_submodule(layer), LowRank) for layer in names)
    for part, _ in network.named_parameters():
        if part.rpartition(".")[2] in ("A", "B"):
            assert 1 <= after.depth_of(part) <= after.depth


def test_an_unknown_family_is_refused():
    network = nn.Linear(2, 2)
    network.config = SimpleNamespace(model_type="berd")
    with pytest.raises(ModelError, match="berd") as caught:
        read_anatomy(network)
    assert "bert" in caught.value.faults[0].cure


def test_a_network_that_only_claims_its_family_is_refused():
    network = FAMILIES["bert"]("base")
    network.encoder.layer = nn.ModuleList([nn.Linear(4, 4)])
    with pytest.raises(ModelError, match="does not have the parts"):
        read_anatomy(network)
    assert torch.is_tensor(network.embeddings.word_embeddings.weight)
