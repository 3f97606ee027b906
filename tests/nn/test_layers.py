"""Every layer's states as transformers itself gives them, and adapters that are switched off."""

from __future__ import annotations

import pytest
import torch

from families import FAMILIES
from whet.nn.anatomy import read_anatomy
from whet.nn.lowrank import inject, low_rank_layers, switched_off
from whet.nn.packed import Engine, Flat, choose_path

TEXTS = [list(range(5, 5 + length)) for length in (4, 70, 9, 70, 70, 60, 9)]  # over the length that is filled up


@pytest.mark.parametrize("name", ["bert", "roberta", "albert", "deberta-v2", "mpnet", "gpt2", "llama", "t5", "bart"])
def test_layers_are_those_of_each_text_alone(name):
    network = FAMILIES[name]("base")
    anatomy = read_anatomy(network)
    engine = Engine(network, anatomy, choose_path(network, anatomy).path)
    with torch.no_grad():
        found = engine.layers(Flat.join(TEXTS))
        stack = network.get_encoder() if anatomy.encoder_decoder else network
        alone = [stack(input_ids=torch.tensor([text]), output_hidden_states=True).hidden_states for text in (TEXTS)]
    theirs = [torch.cat([one[k][0] for one in alone]) for k in range(len(alone[0]))]
    ours = (found.below, *found.blocks)
    assert len(ours) == len(theirs) == 3
    for k, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if k + 1 == len(theirs):  # transformers gives its last one behind the final norm
            mine = found.last
        torch.testing.assert_close(mine, other, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", ["plain", "rslora", "dora"])
@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_with_the_adapter_off_it_is_the_base_bit_for_bit(name, variant):
    network = FAMILIES[name]("base")
    anatomy = read_anatomy(network)
    engine, flat = Engine(network, anatomy, choose_path(network, anatomy).path), Flat.join(TEXTS)
    with torch.no_grad():
        base = engine.states(flat)
        inject(network, anatomy.linears(("query", "down")), 2, 4.0, variant=variant)
        for _, layer in low_rank_layers(network):
            layer.B.normal_()
        network.eval()
        tuned = engine.states(flat)
        with switched_off(network):
            off = engine.states(flat)
        again = engine.states(flat)
    assert torch.equal(off, base)
    assert not torch.allclose(tuned, base, atol=1e-3) and torch.equal(tuned, again)
