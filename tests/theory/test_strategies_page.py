"""Page 5: what moves, how fast and how much, against whet's strategies on tiny networks; low-rank layers in full."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from families import FAMILIES, WORDS
from formulas import strategies as shown
from strategies import exercise
from theory.shown import formula, slope
from whet.leg import Leg
from whet.nn.anatomy import read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.lowrank import LowRank
from whet.nn.packed import Engine, Flat
from whet.strategies.bitfit import BitFit
from whet.strategies.contract import STRATEGIES
from whet.strategies.discriminative import Discriminative
from whet.strategies.freeze import Freeze
from whet.strategies.full import Full
from whet.strategies.head import Head
from whet.strategies.lora import Lora
from whet.train import optimizers

D, F, L, P, K = 32, 64, 2, 80, 2
RANK, INPUTS, OUTPUTS = 3, 7, 5
DRAW = np.random.default_rng(0)


def installed(strategy) -> exercise.Tuned:
    """The tiny BERT with a head on the mean and a strategy, without the engine's self-test, which takes time."""
    network = exercise.network_of(exercise.MEAN)
    anatomy = read_anatomy(network)
    strategy.install(network, anatomy)
    return exercise.Tuned(strategy, network, anatomy, Engine(network, anatomy))


def moving(strategy) -> int:
    """How many weights move by whet's own count."""
    return sum(one.numel() for one in installed(strategy).network.parameters() if one.requires_grad)


def loss_of(tuned: exercise.Tuned) -> torch.Tensor:
    rows, labels = exercise.texts(tuned.network)
    return nn.functional.cross_entropy(tuned.engine.sequence(Flat.join(rows)), labels)


@formula("partial", r"\theta_i' = \theta_i - \eta_i a_i u_i")
@pytest.mark.parametrize("name", STRATEGIES.names())
def test_a_step_moves_what_moves_and_keeps_every_bit_of_the_rest(name):
    tuned = installed(exercise.sample_of(name))
    named = dict(tuned.network.named_parameters())
    before = {key: one.detach().clone() for key, one in named.items()}
    groups = tuned.strategy.groups(tuned.network, tuned.anatomy, 0.1, 0.0)
    rates = {key: group.rate for group in groups for key in group.names}
    loss_of(tuned).backward()
    optimizers.build("sgd", tuned.network, groups).step()
    still = 0
    for key, after in named.items():
        u = np.zeros(1) if after.grad is None else after.grad.double().numpy()
        moves = np.full(u.shape, key in rates)
        expected = shown.partial_step(before[key].double().numpy(), u, np.asarray(rates.get(key, 0.0)), moves)
        assert after.detach().numpy() == pytest.approx(expected, rel=1e-5, abs=1e-7)
        if key not in rates:
            still += 1
            assert torch.equal(after, before[key])
    assert bool(still) == (name not in ("full", "discriminative"))
    ones = np.ones(2)
    assert shown.partial_step(ones, ones, ones / 4, np.array([True, False])).tolist() == [0.75, 1]


@formula("bytes", r"\text{bytes} = 4 n_{\text{all}} + 16 n_{\text{moving}}")
@pytest.mark.parametrize("name", ["full", "freeze", "lora"])
def test_memory_is_what_training_holds(name):
    tuned = installed(exercise.sample_of(name))
    every = list(tuned.network.parameters())
    loss_of(tuned).backward()
    groups = tuned.strategy.groups(tuned.network, tuned.anatomy, 0.1, 0.0)
    optimizer = optimizers.build("adamw", tuned.network, groups)
    optimizer.step()
    moving = [one for group in optimizer.param_groups for one in group["params"]]
    held = [*every, *(one.grad for one in moving), *tuned.strategy.delta(tuned.network).values()]
    held += [state[moment] for state in optimizer.state.values() for moment in ("exp_avg", "exp_avg_sq")]
    count, moved = sum(one.numel() for one in every), sum(one.numel() for one in moving)
    assert sum(one.nbytes for one in held) == shown.training_bytes(count, moved)
    leg = SimpleNamespace(model=SimpleNamespace(parameters=lambda: {"total": count, "trainable": moved}))
    assert Leg.training_bytes.fget(leg) == shown.training_bytes(count, moved) - shown.training_bytes(count, 0)


@formula("block-count", r"n_{\text{block}} = 4 (d^2 + d) + (2 d f + f + d) + 4 d")
@formula("full-count", r"n = (V + P + 2) d + 2 d + L n_{\text{block}} + K (d + 1)")
@formula("head-count", r"n = K (d + 1)")
@formula("freeze-count", r"n = (L - k) n_{\text{block}} + K (d + 1)")
@formula("bitfit-count", r"n = d + L (7 d + f) + K (d + 1)")
@formula("lora-count", r"n = L r (10 d + 2 f) + K (d + 1)")
def test_counts_are_those_of_the_house():
    network = exercise.network_of(exercise.MEAN)
    assert shown.in_block(D, F) == sum(one.numel() for one in network.base.encoder.layer[0].parameters())
    assert shown.in_embeddings(D, WORDS, P) == sum(one.numel() for one in network.base.embeddings.parameters())
    assert shown.moved_by_full(D, F, L, WORDS, P, K) == moving(Full()) == moving(Discriminative())
    assert shown.in_head(D, K) == moving(Head())
    for still in range(L + 1):
        expected = moving(Freeze(blocks=still)) if still else moving(Full()) - shown.in_embeddings(D, WORDS, P)
        assert shown.moved_by_freeze(D, F, L, still, K) == expected
    assert shown.moved_by_bitfit(D, F, L, K) == moving(BitFit())
    for rank in (1, 5):
        assert (
            shown.moved_by_lora(D, F, L, rank, K)
            == moving(Lora(rank=rank))
            == moving(Lora(rank=rank, variant="rslora"))
        )


def test_the_counts_in_the_text():
    assert shown.moved_by_lora(384, 1536, 6, 16, 2) == 664_322
    assert round(shown.moved_by_full(384, 1536, 6, 30522, 512, 2) / 664_322) == 34
    biases = shown.moved_by_bitfit(768, 3072, 12, 0)
    assert biases == 102_144 and 0.00088 < biases / shown.moved_by_full(768, 3072, 12, 30522, 512, 0) < 0.00095


@formula("width", r"\eta(d) = \eta_{384} \cdot \frac{384}{d}")
@pytest.mark.parametrize("width", [32, 384, 768, 4096])
def test_the_rate_falls_with_the_width(width):
    for strategy in (Full(), Freeze(), Discriminative()):
        assert shown.rate_for_width(strategy.learning_rate, width) == pytest.approx(strategy.rate_for(width))


@formula("curvature", r"\frac{\partial^2 \ell}{\partial w \partial w^\top} = p (1 - p) h h^\top")
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_a_head_alone_is_convex(y):
    h, w = torch.tensor(DRAW.normal(size=6)), torch.tensor(DRAW.normal(size=6))
    target = torch.tensor(y, dtype=torch.float64)
    bce = nn.functional.binary_cross_entropy_with_logits
    theirs = torch.autograd.functional.hessian(lambda at: bce(at @ h, target), w).numpy()
    ours = shown.head_curvature(h.numpy(), torch.sigmoid(w @ h).item())
    assert ours == pytest.approx(theirs)
    assert np.linalg.eigvalsh(ours).min() > -1e-12
    v = DRAW.normal(size=6)
    assert v @ np.outer(h, h) @ v == pytest.approx((h.numpy() @ v) ** 2)


@formula("still", r"k = \lfloor s L \rfloor")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 2 / 3, 0.99])
@pytest.mark.parametrize("blocks", [1, 2, 6, 12])
def test_a_share_of_the_blocks_stands_still(blocks, share):
    anatomy = SimpleNamespace(depth=blocks)
    assert shown.blocks_still(blocks, share) == Freeze(blocks=share).still(anatomy)


def discriminative(strategy, blocks=4):
    network = MeanHead(FAMILIES["bert"]("base", num_hidden_layers=blocks), 2)
    anatomy = read_anatomy(network)
    strategy.install(network, anatomy)
    return strategy.groups(network, anatomy, 1e-3, 0.01)


@formula("layer-rate", r"\eta_l = \eta \xi^{L + 1 - l}")
@pytest.mark.parametrize("xi", [0.5, 0.95, 1.0])
def test_rates_fall_with_depth(xi):
    groups = discriminative(Discriminative(layer_decay=xi))
    assert {group.depth for group in groups} == set(range(6))
    for group in groups:
        assert group.rate == pytest.approx(shown.layer_rate(1e-3, xi, group.depth, 4))


@formula("thaw", r"e_l = \frac{E}{3} \cdot \frac{L + 1 - l}{L + 1}")
@pytest.mark.parametrize("epochs", [1, 4, 30])
def test_blocks_begin_to_move_one_after_another(epochs):
    strategy = Discriminative()
    groups = discriminative(strategy)
    for group in groups:
        at = shown.thaws_at(group.depth, 4, epochs)
        assert strategy.at(at, epochs, [group, groups[-1]])[0] == 1
        assert strategy.at(at - 1e-6, epochs, [group, groups[-1]])[0] == 0
    assert shown.thaws_at(5, 4, epochs) == 0  # the head moves from the start
    assert shown.thaws_at(0, 4, epochs) == pytest.approx(epochs / 3)


@formula("bias-gradient", r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} g_t")
def test_a_biases_gradient_is_the_sum_of_its_answers_gradients():
    layer, x, g = nn.Linear(INPUTS, OUTPUTS).double(), torch.tensor(states()), DRAW.normal(size=(9, OUTPUTS))
    layer(x).backward(torch.tensor(g))
    assert layer.bias.grad.numpy() == pytest.approx(shown.bias_gradient(g))


def states() -> np.ndarray:
    return DRAW.normal(size=(9, INPUTS))


def layer(variant: str = "plain", learnt: bool = True) -> LowRank:
    torch.manual_seed(0)
    found = LowRank(nn.Linear(INPUTS, OUTPUTS, bias=False).double(), RANK, 4.0, 0.0, variant)
    with torch.no_grad():
        if learnt:
            found.B.normal_()
            if found.magnitude is not None:
                found.magnitude.mul_(torch.rand_like(found.magnitude) + 0.5)
    found.base.requires_grad_(False)
    return found


def parts(one: LowRank) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return one.base.weight.numpy(), one.A.detach().numpy(), one.B.detach().numpy()


def back(one: LowRank, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The layer's answers, with the gradients of its parts left behind."""
    y = one(torch.tensor(x))
    y.backward(torch.tensor(g))
    return y.detach().numpy()


@formula("lora", r"y = W x + \frac{\alpha}{r} B A x")
@formula(
    "lora-gradients",
    r"\frac{\partial L}{\partial B} = s G A^\top, \quad \frac{\partial L}{\partial A} = s B^\top G, \quad G = \sum_{t=1}^{T} g_t x_t^\top",
)
@pytest.mark.parametrize("learnt", [False, True])
def test_low_rank_layers(learnt):
    one, x, g, s = layer(learnt=learnt), states(), DRAW.normal(size=(9, OUTPUTS)), 4.0 / RANK
    w, a, b = parts(one)
    assert shown.low_rank(x, w, a, b, s) == pytest.approx(back(one, x, g))
    da, db = shown.low_rank_gradients(x, g, a, b, s)
    assert one.A.grad.numpy() == pytest.approx(da) and one.B.grad.numpy() == pytest.approx(db)
    whole = np.einsum("to,ti->oi", g, x)
    assert db == pytest.approx(s * whole @ a.T) and da == pytest.approx(s * b.T @ whole)
    assert (abs(da).max() > 0.1) == learnt and abs(db).max() > 0.1
    assert shown.low_rank_gradients(x, g, 0 * a, 0 * b, s)[1] == pytest.approx(0)


@formula("rank", r"\mathrm{rank}(s B A) \leq r")
@formula("lora-matrix", r"n_A + n_B = r (m + n)")
def test_what_is_added_is_of_low_rank():
    one = layer()
    w, a, b = parts(one)
    assert np.linalg.matrix_rank(shown.added(a, b, one.scale)) == RANK < min(INPUTS, OUTPUTS)
    assert shown.in_low_rank(INPUTS, OUTPUTS, RANK) == one.A.numel() + one.B.numel()
    assert w + shown.added(a, b, one.scale) == pytest.approx(one.folded().weight.numpy())


@formula("spread", r"\mathrm{Var}\left(s (B A x)_i\right) = s^2 r \sigma_A^2 \sigma_B^2 \lVert x \rVert^2")
@formula("rslora", r"s = \frac{\alpha}{\sqrt{r}}")
def test_the_scale_that_keeps_its_strength_at_every_rank():
    x, alpha = DRAW.normal(size=3), 4.0
    for rank in (2, 8, 32):
        a, b = DRAW.normal(scale=0.5, size=(40_000, rank, 3)), DRAW.normal(scale=2, size=(40_000, rank))
        plain = alpha / rank * np.einsum("nr,nri,i->n", b, a, x)
        assert plain.var() == pytest.approx(shown.spread(x, rank, alpha / rank, 0.25, 4.0), rel=0.05)
        kept = shown.spread(x, rank, shown.rslora_scale(alpha, rank), 0.25, 4.0)
        assert kept == pytest.approx(alpha**2 * (x @ x))
        base = nn.Linear(2, 2)
        assert shown.rslora_scale(alpha, rank) == pytest.approx(LowRank(base, rank, alpha, variant="rslora").scale)


@formula("dora", r"W'_i = m_i \frac{V_i}{\lVert V_i \rVert}, \quad V = W + s B A")
@formula(
    "dora-gradients",
    r"\frac{\partial L}{\partial m_i} = \frac{G_i \cdot V_i}{\lVert V_i \rVert}, \quad \frac{\partial L}{\partial V_i} \approx \frac{m_i}{\lVert V_i \rVert} G_i",
)
@formula(
    "dora-exact",
    r"\frac{\partial L}{\partial V_i} = \frac{m_i}{\lVert V_i \rVert} \left(G_i - \frac{G_i \cdot V_i}{\lVert V_i \rVert^2} V_i\right)",
)
def test_lengths_apart_from_directions():
    one, x, g = layer("dora"), states(), DRAW.normal(size=(9, OUTPUTS))
    w, a, b = parts(one)
    m, s = one.magnitude.detach().numpy(), one.scale
    v, whole = w + shown.added(a, b, s), g.T @ x
    assert x @ shown.dora_weight(v, m).T == pytest.approx(back(one, x, g))
    assert np.linalg.norm(shown.dora_weight(v, m), axis=1) == pytest.approx(m)
    assert shown.dora_weight(w, np.linalg.norm(w, axis=1)) == pytest.approx(w)
    dm, dv = shown.dora_gradients(whole, v, m)
    assert one.magnitude.grad.numpy() == pytest.approx(dm)
    assert one.A.grad.numpy() == pytest.approx(s * b.T @ dv) and one.B.grad.numpy() == pytest.approx(s * dv @ a.T)
    assert slope(lambda at: (shown.dora_weight(v, at) * whole).sum(), m) == pytest.approx(dm)
    exact = slope(lambda at: (shown.dora_weight(at, m) * whole).sum(), v)
    assert shown.dora_exact(whole, v, m) == pytest.approx(exact, abs=1e-8)
    assert (shown.dora_exact(whole, v, m) * v).sum(axis=1) == pytest.approx(0, abs=1e-9)
    assert abs(exact - dv).max() > 0.01  # a shortcut, not the gradient
    added = sum(part.numel() for part in (one.A, one.B, one.magnitude))
    assert added == shown.in_low_rank(INPUTS, OUTPUTS, RANK) + OUTPUTS
