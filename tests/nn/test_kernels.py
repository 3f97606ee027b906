"""Every kernel against the plain code beside it: answers, gradients and noise, in both types and odd shapes."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from families import FAMILIES
from whet.nn import kernels
from whet.nn.activations import gelu, swiglu
from whet.nn.anatomy import read_anatomy
from whet.nn.attention import attend
from whet.nn.dropout import dropout, replace_dropouts
from whet.nn.fused import linear_add_norm, linear_gelu
from whet.nn.layout import Layout, runs
from whet.nn.lowrank import LowRank, linear
from whet.nn.norms import add_norm, layer_norm, rms_norm
from whet.nn.packed import Engine, Flat
from whet.nn.products import typed_as
from whet.nn.quick import quicken
from whet.nn.surprise import surprised
from whet.train.adamw import AdamW

pytestmark = pytest.mark.skipif(kernels.library() is None, reason="there is no C compiler here")
CLOSE = {torch.float32: {"rtol": 5e-5, "atol": 5e-5}, torch.bfloat16: {"rtol": 3e-2, "atol": 1e-1}}
INPUTS, WIDTH = 32, 48
KINDS = [torch.float32, torch.bfloat16]


def drawn(*shape, kind=torch.float32, scale=1.0):
    return (scale * torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))).to(kind)


def answered(work, module, tensors):
    """The answer, the gradients of the tensors, and those of the module's parameters."""
    module, leaves = copy.deepcopy(module), [one.detach().clone().requires_grad_() for one in tensors]
    torch.manual_seed(0)
    out = work(module, *leaves)
    (out.float() * torch.arange(out.numel()).view_as(out).cos()).sum().backward()
    return [out.detach(), *(leaf.grad for leaf in leaves), *(one.grad for one in module.parameters())]


def agree(work, *tensors, module=None, products=torch.float32):
    """``products`` is the type in which they are computed, as an engine says it."""
    module, near = module or nn.Module(), CLOSE[tensors[0].dtype if products == torch.float32 else products]

    def given(*parts):
        with torch.autocast("cpu", torch.bfloat16, enabled=products == torch.bfloat16):
            return work(*parts)

    ours = answered(given, module, tensors)
    with kernels.plain():
        theirs = answered(given, module, tensors)
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, **near)


def norm():
    made = nn.LayerNorm(WIDTH, eps=1e-6)
    made.weight.data, made.bias.data = 1 + 0.3 * drawn(WIDTH), 0.3 * drawn(WIDTH + 1)[1:]
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 37])
class TestRowByRow:
    def test_gelu(self, kind, rows):
        agree(lambda _, states: gelu(states), drawn(rows, WIDTH, kind=kind, scale=3.0))

    def test_swiglu(self, kind, rows):
        parts = (drawn(rows, WIDTH, kind=kind, scale=4.0), drawn(1, rows, WIDTH, kind=kind)[0])
        agree(lambda _, gate, up: swiglu(gate, up), *parts)

    def test_dropout(self, kind, rows):
        agree(lambda _, states: dropout(states, 0.3), drawn(1, rows, WIDTH, kind=kind))

    def test_layer_norm(self, kind, rows):
        agree(layer_norm, drawn(rows, WIDTH, kind=kind), module=norm())

    @pytest.mark.parametrize("probability", [0.0, 0.25])
    def test_layer_norm_behind_dropout_and_residual(self, kind, rows, probability):
        parts = (drawn(rows, WIDTH, kind=kind), drawn(1, rows, WIDTH, kind=kind)[0])
        agree(lambda layer, states, other: add_norm(states, other, layer, probability), *parts, module=norm())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 37])
def test_rms_norm(rows, kind):
    states = drawn(rows, WIDTH, kind=kind)
    agree(lambda layer, states: _typed(rms_norm, states, layer.weight, kind), states, module=norm_without_shift())


def _typed(work, states, gain, kind):
    """The plain code answers in float32 where gain and states differ, the kernel in the states' type."""
    return work(states, gain, 1e-6).to(kind)


def norm_without_shift():
    made = norm()
    made.bias = None
    return made


@pytest.mark.parametrize("products", KINDS)
@pytest.mark.parametrize("probability", [0.0, 0.25])
def test_a_linear_layer_with_all_that_follows(probability, products):
    made = nn.ModuleList([nn.Linear(INPUTS, WIDTH), norm()])
    parts = (drawn(1, 9, INPUTS, kind=products), drawn(1, 9, WIDTH, kind=products))

    def work(both, states, other):
        return linear_add_norm(both[0], states, other, both[1], probability).to(products)

    agree(work, *parts, module=made, products=products)


@pytest.mark.parametrize("products", KINDS)
def test_a_linear_layer_with_gelu(products):
    agree(linear_gelu, drawn(1, 9, INPUTS, kind=products), module=nn.Linear(INPUTS, WIDTH), products=products)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", KINDS)
@pytest.mark.parametrize("low", [False, True])
def test_a_linear_layer_in_bfloat16_is_what_autocast_makes_of_it(bias, given, low):
    made = nn.Linear(INPUTS, WIDTH, bias=bias)
    if low:
        made = LowRank(made, 4, 8.0)
        nn.init.normal_(made.B, generator=torch.Generator().manual_seed(0))
    work = (lambda layer, states: layer(states)) if low else linear
    agree(work, drawn(1, 9, INPUTS, kind=given), module=made, products=torch.bfloat16)


def test_the_copy_of_a_weight_follows_it():
    layer, states = nn.Linear(INPUTS, WIDTH), drawn(3, INPUTS, kind=torch.bfloat16)
    first = typed_as(layer.weight, states)
    assert first.dtype == torch.bfloat16 and typed_as(layer.weight, states) is first
    before, optimizer = first.clone(), AdamW([{"params": [layer.weight]}], layer)
    layer.weight.grad = torch.ones_like(layer.weight)
    optimizer.clip(0.0)
    optimizer.step()
    assert typed_as(layer.weight, states) is first, "the optimizer has written both"
    assert first.equal(layer.weight.to(torch.bfloat16)) and not first.equal(before)
    with torch.no_grad():
        layer.weight.zero_()
    assert not typed_as(layer.weight, states).any()
    layer.weight.data = torch.ones_like(layer.weight)
    assert typed_as(layer.weight, states).all()


def test_a_fused_layer_gives_its_gradients_once():
    states = drawn(4, INPUTS).requires_grad_()
    out = linear_gelu(nn.Linear(INPUTS, WIDTH), states).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="second backward"):
        out.backward()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [7, 16, 50])
@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_surprises_of_a_language_head(words, even, bias, kind, monkeypatch):
    monkeypatch.setattr("whet.nn.surprise.PIECE", 4)
    states, truth = drawn(11, INPUTS, scale=2.0, kind=kind), torch.arange(11) % words
    weights = torch.ones(11) if even else torch.linspace(-1, 2, 11)
    found = []
    for ours in (True, False):
        head, leaf = nn.Linear(INPUTS, words, bias=bias), states.clone().requires_grad_()
        with torch.no_grad():
            head.weight.copy_(drawn(words, INPUTS))
            head.weight[0] = 30.0 if kind == torch.float32 else 1.0
        torch.nn.init.constant_(head.bias, 0.25) if bias else None
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == torch.bfloat16):
            logits = head(leaf).float()
        each = surprised(leaf, head, truth) if ours else nn.functional.cross_entropy(logits, truth, reduction="none")
        (each * weights).sum().div(3).backward()
        found.append([each.detach(), leaf.grad, *(one.grad for one in head.parameters())])
    for mine, theirs in zip(*found, strict=True):
        near = {"rtol": 1e-4, "atol": 1e-4} if kind == torch.float32 else CLOSE[kind]
        torch.testing.assert_close(mine, theirs, **near)


def test_only_who_learns_pays_for_gradients(monkeypatch):
    given = []
    plain = kernels.call
    monkeypatch.setattr(kernels, "call", lambda name, *parts: (given.append(parts[3]), plain(name, *parts))[1])
    head, states, truth = nn.Linear(INPUTS, 16), drawn(3, INPUTS), torch.tensor([1, 2, 3])
    for grad in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with grad():
            surprised(states, head, truth)
    assert [factors is not None for factors in given] == [True, False, False]


def test_a_language_head_with_more_than_a_linear_layer_keeps_its_own_way():
    rows = [[5, 6, 7, 8, 9], [8, 7, 6]]
    for name, kind, plain in (("llama", "causal", True), ("gemma2", "causal", False), ("bert", "masked", False)):
        network = FAMILIES[name](kind).eval()
        engine, flat = Engine(network, read_anatomy(network)), Flat.join(rows)
        if name == "gemma2":
            network.config.final_logit_softcapping = 0.5
        at, truth = torch.tensor([0, 3, 6]), torch.tensor([6, 9, 6])
        wanted = nn.functional.cross_entropy(engine.language(flat, at), truth, reduction="none")
        torch.testing.assert_close(engine.surprises(flat, at, truth), wanted, rtol=1e-4, atol=1e-5)
        assert (engine._linear_head(engine.states(flat)) is not None) is plain
        near = Engine(network, engine.anatomy, "flat", "bfloat16")
        torch.testing.assert_close(near.surprises(flat, at, truth), wanted, rtol=3e-2, atol=3e-2)
        assert (near._linear_head(near.states(flat).to(torch.bfloat16)) is not None) is plain


def test_numbers_far_out_stay_numbers():
    for far in (1e4, -1e4, 90.0, -90.0, 0.0):
        states = torch.full((2, WIDTH), far)
        torch.testing.assert_close(gelu(states), nn.functional.gelu(states))
        torch.testing.assert_close(swiglu(states, states), nn.functional.silu(states) * states)


def test_the_exponential_is_right_to_the_last_places():
    states = torch.linspace(-20, 20, 4000).view(-1, 16)
    exact = nn.functional.silu(states.double())
    torch.testing.assert_close(swiglu(states, torch.ones_like(states)).double(), exact, rtol=1e-6, atol=1e-9)


class Marked(nn.Module):
    """What transformers hands to an attention function."""

    def __init__(self, cross=False):
        super().__init__()
        self.whet_cross = cross


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 70), min_size=1, max_size=12).map(lambda found: sorted(found, reverse=True)),
    heads=st.sampled_from([(2, 2), (4, 2), (3, 1)]),
    width=st.sampled_from([4, 16, 24, 32, 80]),
    causal=st.booleans(),
    window=st.sampled_from([None, 3, 40]),
    probability=st.sampled_from([0.0, 0.2]),
    kind=st.sampled_from(KINDS),
)
def test_attention(lengths, heads, width, causal, window, probability, kind):
    tokens = sum(lengths)
    parts = [
        drawn(1, tokens, count, width + at, kind=kind)[..., :width]
        for at, count in enumerate((heads[0], heads[1], heads[1]))
    ]

    def work(module, *given):
        layout = Layout(runs(lengths), torch.zeros(1, dtype=torch.int64))
        turned = (one.transpose(1, 2) for one in given)
        return attend(
            Marked(), *turned, None, dropout=probability, is_causal=causal, sliding_window=window, layout=layout
        )[0]

    agree(work, *parts)


def test_attention_from_one_text_to_another():
    asked, told = (9, 4, 1), (3, 40, 7)
    parts = [drawn(1, sum(asked), 2, 16), drawn(1, sum(told), 2, 16), drawn(1, sum(told), 2, 17)[..., :16]]

    def work(module, *given):
        layout = Layout(runs(asked), torch.zeros(1, dtype=torch.int64), runs(asked, told))
        return attend(Marked(cross=True), *(one.transpose(1, 2) for one in given), None, layout=layout)[0]

    agree(work, *parts)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.path == "flat"])
def test_a_network_learns_the_same_either_way(name, precision):
    """With dropout on: the noise is equal too. In bfloat16 the gradients point the same way but for its rounding."""
    network = FAMILIES[name]("seq2seq" if name == "marian" else "sequence").train()
    replace_dropouts(network)
    end = network.config.eos_token_id
    rows = [[5, 6, 7, 8, 9], [8, 7, 6], [9, 5, 6, 7, 8, 9, 5, 6, 7]]
    found = []
    for way in ("compiled", "plain"):
        kernels.choose(way)
        network.zero_grad()
        engine = Engine(network, read_anatomy(network), "flat", precision)
        torch.manual_seed(1)
        states = engine.states(Flat.join([[*row, end] for row in rows] if engine.anatomy.encoder_decoder else rows))
        states.float().square().mean().backward()
        found.append({name: one.grad.clone() for name, one in network.named_parameters() if one.grad is not None})
    kernels.choose("compiled")
    assert found[0].keys() == found[1].keys() and found[0]
    for part, mine in found[0].items():
        if precision == "float32":
            torch.testing.assert_close(mine, found[1][part], rtol=1e-3, atol=1e-5, msg=part)
    mine, theirs = (torch.cat([one.flatten() for one in grads.values()]) for grads in found)
    assert (mine - theirs).norm() < (1e-3 if precision == "float32" else 0.1) * theirs.norm()


def test_what_a_network_is_made_of_is_found_and_its_names_stay():
    network = FAMILIES["bert"]("sequence")
    names = list(network.state_dict())
    depth = network.config.num_hidden_layers
    assert quicken(network) >= 3 * depth
    assert quicken(network) == 0 and list(network.state_dict()) == names


def test_a_module_that_only_looks_alike_stays_as_it_is():
    class OddRMSNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.variance_epsilon = nn.Parameter(torch.zeros(WIDTH)), 1e-6

        def forward(self, hidden_states):
            return (1 + self.weight) * hidden_states * hidden_states.pow(2).mean(-1, keepdim=True).rsqrt()

    network = nn.Sequential(OddRMSNorm())
    assert quicken(network) == 0 and "forward" not in vars(network[0])


def test_without_a_compiler_the_plain_code_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler")
    kernels.library.cache_clear()
    try:
        assert kernels.library() is None and kernels.chosen() == "plain"
        assert gelu(torch.ones(2, WIDTH)).allclose(nn.functional.gelu(torch.ones(2, WIDTH)))
    finally:
        kernels.library.cache_clear()


def test_what_others_may_have_written_is_not_loaded(monkeypatch, tmp_path):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels").chmod(0o777)
    kernels.library.cache_clear()
    try:
        assert kernels.library() is None
    finally:
        kernels.library.cache_clear()


def test_a_compiler_that_fails_is_no_reason_to_stop(monkeypatch, tmp_path):
    script = tmp_path / "cc"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "cache"))
    kernels.library.cache_clear()
    try:
        assert kernels.library() is None
    finally:
        kernels.library.cache_clear()


def test_a_copy_of_a_network_computes_with_its_own_weights():
    network = nn.Sequential(norm())
    assert quicken(network) == 1
    other = copy.deepcopy(network)
    with torch.no_grad():
        other[0].bias.add_(1.0)
    states = drawn(2, WIDTH)
    torch.testing.assert_close(other(states), network(states) + 1.0)
