"""Page 3: update rules against torch's optimizers as whet builds them, schedules against whet's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from formulas import steps as shown
from theory.shown import formula
from whet.strategies.contract import Group
from whet.train import optimizers, schedules

DRAW = np.random.default_rng(0)
START = DRAW.normal(size=5)
GRADIENTS = [DRAW.normal(size=5) * 10.0**power for power in (-3, 0, 1, -1, 0, 2)]
RATES = [0.1, 0.2, 0.3, 0.2, 0.1, 0.05]


def walk(name: str, decay: float, **settings) -> list[np.ndarray]:
    """The weights after each step of an optimizer that whet builds."""
    network = nn.Module()
    network.theta = nn.Parameter(torch.tensor(START))
    optimizer = optimizers.build(name, network, [Group(("theta",), 1.0, decay, 0)])
    (part,) = optimizer.param_groups
    part.update(settings)
    found = []
    for g, rate in zip(GRADIENTS, RATES, strict=True):
        part["lr"], network.theta.grad = rate, torch.tensor(g)
        optimizer.step()
        found.append(network.theta.detach().numpy().copy())
    return found


@formula("sgd", r"\theta_{t+1} = \theta_t - \eta_t g_t")
@formula("penalty", r"g_t' = g_t + \lambda \theta_t")
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_sgd(decay):
    theta = START
    for g, rate, theirs in zip(GRADIENTS, RATES, walk("sgd", decay, momentum=0.0), strict=True):
        theta = shown.sgd(theta, shown.with_penalty(theta, g, decay), rate)
        assert theta == pytest.approx(theirs)


@formula("momentum", r"u_{t+1} = \mu u_t + g_t, \quad \theta_{t+1} = \theta_t - \eta_t u_{t+1}")
def test_momentum():
    theta, u = START, np.zeros(5)
    for g, rate, theirs in zip(GRADIENTS, RATES, walk("sgd", 0.0), strict=True):
        theta, u = shown.momentum(theta, u, g, rate)
        assert theta == pytest.approx(theirs)
    for _ in range(300):
        theta, u = shown.momentum(theta, u, np.ones(5), 0.1)
    assert u == pytest.approx(10)


@formula("moments", r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2")
@formula(
    "adamw",
    r"\theta_t = \theta_{t-1} - \eta_t \left(\frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} + \lambda \theta_{t-1}\right)",
)
@pytest.mark.parametrize("name", ["adamw", "adam"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adamw(name, decay):
    theirs = walk(name, decay)
    for t in range(1, len(theirs) + 1):
        assert shown.adamw(START, GRADIENTS[:t], RATES[:t], decay) == pytest.approx(theirs[t - 1])


@formula("unrolled", r"m_t = (1 - \beta_1) \sum_{s=1}^{t} \beta_1^{t-s} g_s")
@formula("weights", r"(1 - \beta_1) \sum_{s=1}^{t} \beta_1^{t-s} = 1 - \beta_1^t")
@formula("unbiased", r"\hat{m}_t = \frac{m_t}{1 - \beta_1^t}, \quad \hat{v}_t = \frac{v_t}{1 - \beta_2^t}")
@pytest.mark.parametrize("beta", [0.9, 0.999])
def test_the_correction_of_the_bias(beta):
    m, constant = np.zeros(5), np.zeros(5)
    for t, g in enumerate(GRADIENTS, start=1):
        m, constant = shown.average(m, g, beta), shown.average(constant, START, beta)
        shares = (1 - beta) * beta ** np.arange(t - 1, -1, -1.0)
        assert m == pytest.approx(shares @ np.array(GRADIENTS[:t]))
        assert shares.sum() == pytest.approx(1 - beta**t)
        assert shown.unbiased(m, beta, t) == pytest.approx(shares @ np.array(GRADIENTS[:t]) / shares.sum())
        assert shown.unbiased(constant, beta, t) == pytest.approx(START)


@formula("first-step", r"\theta_1 - \theta_0 = -\eta_1 \frac{g_1}{|g_1| + \epsilon}")
def test_adams_first_step_is_the_rate():
    moved = walk("adamw", 0.0)[0] - START
    assert moved == pytest.approx(shown.first_step(GRADIENTS[0], RATES[0]))
    assert abs(moved) == pytest.approx(RATES[0], rel=1e-3)


@settings(max_examples=50)
@given(st.integers(1, 400), st.floats(0.01, 0.99), st.data())
@formula("progress", r"s = \frac{t + 1/2}{n}")
@formula("linear", r"f(s) = \min\left(\frac{s}{w}, \frac{1 - s}{1 - w}\right)")
@formula(
    "cosine",
    r"f(s) = \min\left(1, \frac{s}{w}\right) \cdot \frac{1}{2} \left(1 + \cos\left(\pi \max\left(0, \frac{s - w}{1 - w}\right)\right)\right)",
)
@formula(
    "slanted", r"f(s) = \frac{1}{\rho} \left(1 + (\rho - 1) \min\left(\frac{s}{w}, \frac{1 - s}{1 - w}\right)\right)"
)
def test_schedules_are_those_of_the_house(steps, warmup, data):
    t = data.draw(st.integers(0, steps - 1))
    s = shown.progress(t, steps)
    for name, ours in (("linear", shown.linear), ("cosine", shown.cosine), ("slanted-triangular", shown.slanted)):
        assert ours(s, warmup) == pytest.approx(schedules.factor(name, t, steps, warmup), abs=1e-12)


@formula("clip", r"g' = g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)")
@pytest.mark.parametrize("limit", [0.5, 3.0, 1e6])
def test_clipping_is_that_of_the_loop(limit):
    parts = [nn.Parameter(torch.zeros(5, dtype=torch.float64)) for _ in GRADIENTS]
    for part, g in zip(parts, GRADIENTS, strict=True):
        part.grad = torch.tensor(g)
    norm = optimizers.clip(torch.optim.SGD(parts, lr=1.0), limit)
    whole = np.concatenate(GRADIENTS)
    assert norm == pytest.approx(np.linalg.norm(whole))
    assert torch.cat([part.grad for part in parts]).numpy() == pytest.approx(shown.clip(whole, limit), rel=1e-5)
