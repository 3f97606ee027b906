"""Low-rank layers: the formula, PEFT's own outputs and gradients, merging, and what is refused."""

from __future__ import annotations

import copy
import math

import peft
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from families import FAMILIES
from whet.core.errors import ModelError
from whet.nn.anatomy import read_anatomy
from whet.nn.lowrank import LowRank, inject, low_rank_layers, merge_all, weight_of
from whet.nn.packed import Engine, Flat

VARIANTS = ("plain", "rslora", "dora")
INPUTS, OUTPUTS, RANK, ALPHA = 12, 9, 4, 6.0


def linear(turned: bool = False, bias: bool = True) -> nn.Module:
    torch.manual_seed(0)
    layer = Conv1D(OUTPUTS, INPUTS) if turned else nn.Linear(INPUTS, OUTPUTS, bias=bias)
    if turned:
        nn.init.normal_(layer.weight, std=0.3)
        nn.init.normal_(layer.bias)
    return layer


def learnt(layer: LowRank) -> LowRank:
    """As if it had been trained: no part is at its start."""
    torch.manual_seed(1)
    with torch.no_grad():
        layer.A.normal_()
        layer.B.normal_()
        if layer.magnitude is not None:
            layer.magnitude.mul_(torch.rand_like(layer.magnitude) + 0.5)
    return layer


def states() -> torch.Tensor:
    return torch.randn(3, 5, INPUTS, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_changes_nothing_at_the_start(variant, turned):
    base = linear(turned)
    assert torch.allclose(LowRank(base, RANK, ALPHA, 0.0, variant)(states()), base(states()), atol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_the_formula(variant, turned):
    base = linear(turned)
    layer = learnt(LowRank(base, RANK, ALPHA, 0.0, variant))
    scale = ALPHA / (math.sqrt(RANK) if variant == "rslora" else RANK)
    whole = weight_of(base) + scale * layer.B @ layer.A
    if variant == "dora":
        whole = layer.magnitude[:, None] * whole / whole.norm(dim=1, keepdim=True)
    assert torch.allclose(layer(states()), states() @ whole.t() + base.bias, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_folding_keeps_the_answers(variant, turned, bias):
    layer = learnt(LowRank(linear(turned, bias), RANK, ALPHA, 0.0, variant)).eval()
    before = layer(states())
    folded = layer.folded()
    assert type(folded) is type(linear(turned))
    assert torch.allclose(folded(states()), before, atol=1e-5)


class Holder(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.inner = layer

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.inner(given)


def peft_layer(layer: LowRank, turned: bool, dropout: float) -> nn.Module:
    """PEFT's own layer over a copy of the same base, with the same parts."""
    config = peft.LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        lora_dropout=dropout,
        target_modules=["inner"],
        use_rslora=layer.variant == "rslora",
        use_dora=layer.variant == "dora",
        fan_in_fan_out=turned,
    )
    model = peft.get_peft_model(Holder(copy.deepcopy(layer.base)), config)
    theirs = model.base_model.model.inner
    with torch.no_grad():
        theirs.lora_A["default"].weight.copy_(layer.A)
        theirs.lora_B["default"].weight.copy_(layer.B)
        if layer.magnitude is not None:
            theirs.lora_magnitude_vector["default"].weight.copy_(layer.magnitude)
    return theirs


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_answers_and_gradients_are_those_of_peft(variant, turned, dropout):
    layer = learnt(LowRank(linear(turned), RANK, ALPHA, dropout, variant)).train()
    theirs = peft_layer(layer, turned, dropout).train()
    given = [states().requires_grad_() for _ in range(2)]
    answers = []
    for one, inputs in zip((layer, theirs), given, strict=True):
        torch.manual_seed(3)
        answers.append(one(inputs))
        answers[-1].square().sum().backward()
    assert torch.allclose(answers[0], answers[1], atol=1e-5)
    assert torch.allclose(given[0].grad, given[1].grad, rtol=1e-4, atol=1e-4)
    assert torch.allclose(layer.A.grad, theirs.lora_A["default"].weight.grad, rtol=1e-4, atol=1e-4)
    assert torch.allclose(layer.B.grad, theirs.lora_B["default"].weight.grad, rtol=1e-4, atol=1e-4)
    if layer.magnitude is not None:
        length = theirs.lora_magnitude_vector["default"].weight.grad
        assert torch.allclose(layer.magnitude.grad, length, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5", "bart", "deberta-v2", "modernbert", "albert"])
def test_a_whole_network_with_adapters_is_flat_as_padded_and_merges(name):
    network = FAMILIES[name]("sequence")
    anatomy = read_anatomy(network)
    names = set(network.state_dict())
    inject(network, anatomy.linears(["query", "value", "up"]), RANK, ALPHA)
    for _, layer in low_rank_layers(network):
        learnt(layer).B.data.mul_(0.02)
    draw = torch.Generator().manual_seed(0)
    end = network.config.eos_token_id if anatomy.encoder_decoder else 7
    rows = [[*torch.randint(5, 100, (length,), generator=draw).tolist(), end] for length in (9, 3, 9, 14)]
    with torch.no_grad():
        flat = Engine(network, anatomy, FAMILIES[name].path).sequence(Flat.join(rows))
        padded = Engine(network, anatomy, "padded").sequence(Flat.join(rows))
        merge_all(network)
        merged = Engine(network, anatomy, FAMILIES[name].path).sequence(Flat.join(rows))
    assert (flat - padded).abs().max() < 1e-4
    assert (flat - merged).abs().max() < 1e-4
    assert set(network.state_dict()) == names and not list(low_rank_layers(network))


def test_what_is_not_a_linear_layer_is_refused():
    network = FAMILIES["bert"]("sequence")
    with pytest.raises(ModelError, match=r"no layer 'bert\.nowhere'"):
        inject(network, ["bert.nowhere"], RANK, ALPHA)
    with pytest.raises(ModelError, match="LayerNorm"):
        inject(network, ["bert.encoder.layer.0.output.LayerNorm"], RANK, ALPHA)
