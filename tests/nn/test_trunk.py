"""A batch from the states below a cut is the same batch, bit for bit, as from its ids: family by family."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from families import FAMILIES
from whet.nn.anatomy import read_anatomy
from whet.nn.packed import Engine, Flat, choose_path
from whet.nn.trunk import Trunk, trunk_of

TEXTS = [list(range(5, 5 + length)) for length in (4, 70, 9, 70, 70, 60, 9)]  # over the length that is filled up
KINDS = [[place % 2 for place in range(len(text))] for text in TEXTS]
WITHOUT = {
    "albert": "one block over and over",
    "deberta-v2": "not laid flat",
    "deberta-v2-conv": "not laid flat",
    "mpnet": "not laid flat",
    "t5": "encoder-decoder",
    "bart": "encoder-decoder",
    "mbart": "encoder-decoder",
    "marian": "encoder-decoder",
}


def engine_of(name, precision="float32", kind=None):
    network = FAMILIES[name](kind or FAMILIES[name].kinds[0])
    anatomy = read_anatomy(network)
    return Engine(network, anatomy, choose_path(network, anatomy).path, precision)


def counted(engine, names):
    """How often each module computes, which a module that is put aside does not."""
    calls = dict.fromkeys(names, 0)

    def count(name):
        def heard(*_):
            calls[name] += 1

        return heard

    for name in names:
        inner = next(child for child in engine.network.get_submodule(name).modules() if not list(child.children()))
        inner.register_forward_hook(count(name))
    return calls


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", sorted(set(FAMILIES) - set(WITHOUT)))
def test_from_states_it_is_the_same_bit_for_bit_and_nothing_below_is_computed(name, precision, cut):
    engine = engine_of(name, precision)
    trunk, flat = trunk_of(engine, cut), Flat.join(TEXTS, KINDS)
    assert isinstance(trunk, Trunk), trunk
    blocks = [block.name for block in engine.anatomy.blocks]
    with torch.no_grad():
        with trunk.rounded():
            whole = engine.states(flat)
        calls = counted(engine, blocks)
        states = trunk.states(flat)
        assert states.shape == (flat.tokens, whole.shape[1]) and states.dtype == trunk.kept
        assert list(calls.values()) == [1] * cut + [0] * (2 - cut)
        engine.trunk = trunk
        assert torch.equal(engine.states(flat.with_states(states)), whole)
        assert list(calls.values()) == [1, 1]
        assert torch.equal(engine.states(flat), whole) == (trunk.given == trunk.kept), "it is as it was, not rounded"
    assert list(calls.values()) == [2, 2]


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_families_that_go_without_say_why(name):
    assert WITHOUT[name] in trunk_of(engine_of(name), 1)


def test_every_family_is_in_one_of_the_two_tests():
    assert len(set(FAMILIES) - set(WITHOUT)) >= 13 and set(WITHOUT) < set(FAMILIES)


def test_gradients_above_the_cut_are_the_same():
    found = []
    for known in (False, True):
        engine = engine_of("bert", kind="sequence")
        engine.trunk, flat = Trunk(engine, 1), Flat.join(TEXTS)
        if known:
            with torch.no_grad():
                flat = flat.with_states(engine.trunk.states(flat))
        for name, parameter in engine.network.named_parameters():
            parameter.requires_grad_(engine.anatomy.depth_of(name) > 1)
        engine.sequence(flat).square().sum().backward()
        found.append({name: one.grad for name, one in engine.network.named_parameters() if one.grad is not None})
    assert found[0].keys() == found[1].keys() and len(found[0]) > 10
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_states_of_other_ids_are_not_taken():
    """A task that hides tokens puts other ids in the row, and the states are of the old ones."""
    engine = engine_of("bert")
    engine.trunk, flat = Trunk(engine, 1), Flat.join(TEXTS)
    other = Flat.join([[number + 1 for number in text] for text in TEXTS])
    with torch.no_grad():
        known = flat.with_states(engine.trunk.states(flat))
        assert torch.equal(engine.states(dataclasses.replace(known, ids=other.ids)), engine.states(other))


def test_every_layer_is_asked_from_the_ids():
    engine = engine_of("bert")
    engine.trunk, flat = Trunk(engine, 1), Flat.join(TEXTS)
    with torch.no_grad():
        layers = engine.layers(flat.with_states(torch.zeros(flat.tokens, 32)))
        assert torch.equal(layers.last, engine.states(flat)) and layers.below.any()


def test_a_network_that_computes_in_its_stead_is_found_out(monkeypatch):
    engine = engine_of("bert")
    plain = engine.as_given
    monkeypatch.setattr(engine, "as_given", lambda flat, states: plain(flat, states) + 1e-6)
    assert "not the same" in trunk_of(engine, 1)
    monkeypatch.setattr(engine, "as_given", lambda flat, states: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trunk_of(engine, 1)


def test_the_fingerprint_knows_weights_below_settings_cut_and_precision():
    def print_of(change=lambda network: None, name="bert", cut=1, precision="float32", **settings):
        network = FAMILIES[name](**settings)
        with torch.no_grad():
            change(network)
        engine = Engine(network, read_anatomy(network), "flat", precision)
        return Trunk(engine, cut).fingerprint()

    usual = print_of()
    assert print_of() == usual
    assert print_of(lambda network: network.classifier.weight.add_(1)) == usual
    assert print_of(lambda network: network.bert.encoder.layer[1].output.dense.weight.add_(1)) == usual
    others = [
        print_of(lambda network: network.bert.encoder.layer[0].output.dense.bias[0].add_(1e-3)),
        print_of(lambda network: network.bert.embeddings.word_embeddings.weight[7, 7].add_(1e-3)),
        print_of(cut=2),
        print_of(precision="bfloat16"),
        print_of(layer_norm_eps=1e-6),
    ]
    assert len({usual, *others}) == 1 + len(others)
