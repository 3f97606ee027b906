"""DeBERTa's wrapper beyond equal answers: few calls a batch, and copies of a network that wrap themselves."""

from __future__ import annotations

import copy

import torch
from transformers import AlbertConfig, AlbertForSequenceClassification
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention

from families import FAMILIES
from whet.nn.anatomy import read_anatomy
from whet.nn.packed import Engine, Flat

ROWS = [[5 + length] * length for length in range(20, 40)]


def test_lengths_alike_share_a_call(monkeypatch):
    """Each call projects the table of distances anew: twenty lengths in twenty calls took eight times a padded batch."""
    calls: list[tuple[int, ...]] = []
    bias = DisentangledSelfAttention.disentangled_attention_bias

    def counted(self, query, *given):
        calls.append(tuple(query.shape))
        return bias(self, query, *given)

    monkeypatch.setattr(DisentangledSelfAttention, "disentangled_attention_bias", counted)
    network = FAMILIES["deberta-v2"]("sequence")
    engine = Engine(network, read_anatomy(network), "wrapped")
    with torch.no_grad():
        engine.sequence(Flat.join(ROWS))
    assert 2 <= len(calls) <= 2 * 4


def test_a_copy_is_wrapped_for_itself():
    network = FAMILIES["deberta-v2"]("sequence")
    anatomy = read_anatomy(network)
    Engine(network, anatomy, "wrapped")
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.5)
        found = Engine(other, anatomy, "wrapped").sequence(Flat.join(ROWS))
        alone = torch.cat([other(input_ids=torch.tensor([row])).logits for row in ROWS])
        before = torch.cat([network(input_ids=torch.tensor([row])).logits for row in ROWS])
    assert (found - alone).abs().max() < 1e-4
    assert (alone - before).abs().max() > 1e-2


def test_albert_names_every_layer_of_a_group():
    config = AlbertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=4,
        num_hidden_groups=2,
        inner_group_num=2,
        num_attention_heads=4,
        intermediate_size=64,
        embedding_size=16,
    )
    anatomy = read_anatomy(AlbertForSequenceClassification(config))
    assert anatomy.shared and anatomy.depth == 2
    assert len(anatomy.linears(["query"])) == 4
