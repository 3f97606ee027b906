"""Dropout from random bits: its share and its mean, the seed, the two ends, and where it is put."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from families import FAMILIES
from whet.nn.dropout import STEPS, BitDropout, keep_mask, replace_dropouts

ENTRIES = 400_000


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.5, 0.9])
def test_it_drops_its_share_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    mask = keep_mask(torch.empty(ENTRIES), probability)
    deviation = (probability * (1 - probability) / ENTRIES) ** 0.5
    assert (mask == 0).double().mean().item() == pytest.approx(probability, abs=5 * deviation)
    assert mask.double().mean().item() == pytest.approx(1, abs=5 * deviation / (1 - probability))
    exact = STEPS / (STEPS - round(probability * STEPS))
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(exact).item()}


def test_neighbours_that_share_a_word_of_bits_are_independent():
    torch.manual_seed(0)
    dropped = (keep_mask(torch.empty(ENTRIES // 4, 4), 0.5) == 0).double()
    together = torch.corrcoef(dropped.t())
    assert (together - torch.eye(4)).abs().max() < 5 / (ENTRIES // 4) ** 0.5


def test_the_seed_fixes_it_and_another_seed_changes_it():
    like = torch.empty(7, 13)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(keep_mask(like, 0.5))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5), (3, 1, 7), (0,)])
def test_shapes_and_types_are_kept(shape):
    for kind in (torch.float32, torch.bfloat16):
        mask = keep_mask(torch.empty(shape, dtype=kind), 0.3)
        assert mask.shape == shape and mask.dtype == kind


def test_a_transposed_tensor_gets_a_mask_of_its_shape():
    states = torch.ones(4, 6).t()
    assert keep_mask(states, 0.5).shape == (6, 4)


def test_nothing_and_everything():
    states = torch.randn(50)
    assert torch.equal(keep_mask(states, 0.0), torch.ones(50))
    assert torch.equal(keep_mask(states, 1.0), torch.zeros(50))
    assert torch.equal(BitDropout(0.0).train()(states), states)
    assert not BitDropout(1.0).train()(states).any()


def test_it_is_still_outside_training_and_draws_nothing():
    states = torch.randn(50)
    layer = BitDropout(0.5).eval()
    before = torch.get_rng_state()
    assert layer(states) is states
    assert torch.equal(torch.get_rng_state(), before)


def test_gradients_go_where_states_went():
    torch.manual_seed(0)
    states = torch.ones(100, requires_grad=True)
    out = BitDropout(0.5).train()(states)
    out.sum().backward()
    assert torch.equal(states.grad, out.detach())


def test_every_dropout_of_a_network_is_replaced_once():
    network = FAMILIES["bert"]("sequence", hidden_dropout_prob=0.25).train()
    plain = [name for name, module in network.named_modules() if type(module) is nn.Dropout]
    names = set(network.state_dict())
    assert replace_dropouts(network) == len(plain) > 4
    assert replace_dropouts(network) == 0
    assert all(isinstance(network.get_submodule(name), BitDropout) for name in plain)
    assert network.get_submodule("bert.embeddings.dropout").p == 0.25
    assert network.get_submodule("bert.embeddings.dropout").training
    assert set(network.state_dict()) == names
