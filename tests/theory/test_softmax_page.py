"""Page 2: probabilities, losses and gradients against finite differences, torch's gradients and whet's metrics."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from formulas import softmax as shown
from theory.shown import formula, page, slope
from whet.metrics import calibration, likelihood

LOGITS = st.lists(st.floats(-6, 6), min_size=2, max_size=6).map(np.array)
FEW = settings(max_examples=25)  # every case is checked in all its entries
CASES = given(LOGITS, st.integers(0, 1))
Z = np.array([2.0, 1.0, 0.0])


def by_torch(loss, *values) -> np.ndarray:
    given = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    loss(*given).backward()
    return given[0].grad.numpy()


@FEW
@CASES
@formula("softmax", r"p_i = \frac{e^{z_i}}{\sum_{j=1}^{K} e^{z_j}}")
@formula("log-sum-exp", r"\log \sum_{j=1}^{K} e^{z_j} = m + \log \sum_{j=1}^{K} e^{z_j - m}, \quad m = \max_j z_j")
@formula("cross-entropy", r"\ell = -\log p_y = \log \sum_{j=1}^{K} e^{z_j} - z_y")
def test_probabilities_and_their_loss(z, y):
    p = np.exp(z) / np.exp(z).sum()
    assert shown.softmax(z) == pytest.approx(p) and shown.softmax(z).sum() == pytest.approx(1)
    assert shown.softmax(z) == pytest.approx(calibration.softmax(z))
    assert shown.log_sum_exp(z) == pytest.approx(np.log(np.exp(z).sum()))
    assert shown.cross_entropy(z, y) == pytest.approx(-np.log(p[y]), abs=1e-12)
    (theirs,) = likelihood.cross_entropy(z[None], np.array([y]))
    assert shown.cross_entropy(z, y) == pytest.approx(theirs, abs=1e-12)


def test_nothing_overflows():
    z = np.array([1000.0, 0.0, -1000.0])
    assert shown.softmax(z).tolist() == [1, 0, 0] and shown.softmax(z + 500) == pytest.approx(shown.softmax(z))
    assert shown.cross_entropy(z, 2) == 2000
    extreme = np.array([-1000.0, 1000.0])
    assert shown.sigmoid(extreme).tolist() == [0, 1] == calibration.sigmoid(extreme).tolist()
    assert shown.binary_cross_entropy(extreme, np.array([1.0, 0.0])).tolist() == [1000, 1000]


@FEW
@CASES
@formula("jacobian", r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)")
@formula(
    "chain-rule",
    r"\frac{\partial \ell}{\partial z_j} = -\frac{1}{p_y} \cdot \frac{\partial p_y}{\partial z_j} = -\frac{1}{p_y} \cdot p_y (\delta_{yj} - p_j)",
)
@formula("gradient", r"\frac{\partial \ell}{\partial z_j} = p_j - \delta_{yj}")
def test_the_gradient_is_prediction_minus_truth(z, y):
    assert shown.jacobian(z) == pytest.approx(slope(shown.softmax, z), abs=1e-8)
    by_hand = slope(lambda at: shown.cross_entropy(at, y), z)
    torchs = by_torch(lambda at: F.cross_entropy(at, torch.tensor(y)), z)
    one_of_p = -slope(lambda at: shown.softmax(at)[y], z) / shown.softmax(z)[y]
    for found in (by_hand, torchs, shown.right_gradient(z, y)):
        assert shown.gradient(z, y) == pytest.approx(found, abs=1e-7)
    assert one_of_p == pytest.approx(torchs, rel=1e-3, abs=1e-4)


@FEW
@CASES
@formula("sum-is-zero", r"\sum_{i=1}^{K} \frac{\partial p_i}{\partial z_j} = p_j - p_j \sum_{i=1}^{K} p_i = 0")
@formula("wrong", r"\frac{\partial p_y}{\partial z_j} \neq \sum_{i=1}^{K} \frac{\partial p_i}{\partial z_j}")
def test_the_copied_gradient_is_zero_and_the_right_one_is_not(z, y):
    p = shown.softmax(z)
    assert slope(lambda at: shown.softmax(at).sum(), z) == pytest.approx(0, abs=1e-9)
    assert slope(shown.softmax, z).sum(axis=0) == pytest.approx(p - p * p.sum(), abs=1e-9)
    assert shown.wrong_gradient(z, y) == pytest.approx(0, abs=1e-9)
    assert abs(slope(lambda at: shown.softmax(at)[y], z)).max() > 1e-7
    assert abs(shown.gradient(z, y)).min() > 1e-7


@FEW
@given(LOGITS, st.integers(0, 2**32 - 1))
@formula(
    "soft-target",
    r"\frac{\partial}{\partial z_j} \left(-\sum_{i=1}^{K} q_i \log p_i\right) = -\sum_{i=1}^{K} \frac{q_i}{p_i} \cdot p_i (\delta_{ij} - p_j) = p_j - q_j",
)
def test_a_target_that_is_a_distribution(z, seed):
    q = np.random.default_rng(seed).dirichlet(np.ones(len(z)))
    loss = slope(lambda at: -(q * np.log(shown.softmax(at))).sum(), z)
    assert shown.soft_gradient(z, q) == pytest.approx(loss, abs=1e-7)
    assert shown.soft_gradient(z, q) == pytest.approx(shown.softmax(z) - q, abs=1e-12)
    assert shown.soft_gradient(z, np.eye(len(z))[0]) == pytest.approx(shown.gradient(z, 0))


@FEW
@given(st.floats(-6, 6), st.floats(0, 1))
@formula("sigmoid", r"\sigma(z) = \frac{1}{1 + e^{-z}}")
@formula("sigmoid-slope", r"\sigma'(z) = \sigma(z) (1 - \sigma(z))")
@formula("bce", r"\ell = -y \log \sigma(z) - (1 - y) \log (1 - \sigma(z))")
@formula("bce-stable", r"\ell = \max(z, 0) - z y + \log(1 + e^{-|z|})")
@formula(
    "bce-gradient",
    r"\frac{d\ell}{dz} = -\left(\frac{y}{\sigma(z)} - \frac{1 - y}{1 - \sigma(z)}\right) \sigma(z) (1 - \sigma(z)) = \sigma(z) - y",
)
def test_one_logit(z, y):
    p = 1 / (1 + np.exp(-z))
    assert shown.sigmoid(z) == pytest.approx(p) and calibration.sigmoid(z) == pytest.approx(p)
    assert shown.sigmoid_slope(z) == pytest.approx(slope(shown.sigmoid, z), abs=1e-9)
    loss = shown.binary_cross_entropy(z, y)
    assert loss == pytest.approx(-y * np.log(p) - (1 - y) * np.log(1 - p), abs=1e-10)
    assert loss == pytest.approx(likelihood.binary_cross_entropy(np.array([z]), np.array([y])))
    assert shown.binary_gradient(z, y) == pytest.approx(
        slope(lambda at: shown.binary_cross_entropy(at, y), z), abs=1e-6
    )
    assert shown.binary_gradient(z, y) == pytest.approx(-(y / p - (1 - y) / (1 - p)) * p * (1 - p))
    assert shown.binary_gradient(z, y) == pytest.approx(by_torch(F.binary_cross_entropy_with_logits, z, y))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_has_these_numbers(language):
    cells = re.findall(r"^\|[^|]*((?:\| [−\d.]+ )+)\|$", page("softmax", language), re.MULTILINE)
    rows = [[float(one.replace("−", "-")) for one in row.strip("| ").split(" | ")] for row in cells]
    by_hand = slope(lambda at: shown.cross_entropy(at, 0), Z)
    truth = [shown.softmax(Z), shown.gradient(Z, 0), by_hand, shown.wrong_gradient(Z, 0)]
    assert rows == np.round(truth, 4).tolist()
