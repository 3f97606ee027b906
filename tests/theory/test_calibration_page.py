"""Page 6: temperature, calibration error and label smoothing against whet's metrics, its task and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from formulas import calibration as shown
from formulas.softmax import cross_entropy, softmax
from theory.shown import formula, slope
from whet.metrics import calibration

DRAW = np.random.default_rng(0)
LOGITS = DRAW.normal(size=(60, 3)) * 4
TARGETS = np.where(DRAW.random(60) < 0.7, LOGITS.argmax(1), DRAW.integers(0, 3, 60))


def summed(beta: float) -> float:
    return sum(cross_entropy(beta * z, y) for z, y in zip(LOGITS, TARGETS, strict=True))


@formula("temperature", r"p_i(T) = \frac{e^{z_i / T}}{\sum_{j=1}^{K} e^{z_j / T}}")
@formula("slope", r"\frac{d}{d\beta} \sum_n \ell_n = \sum_n \left(\sum_{i=1}^{K} p_{ni} z_{ni} - z_{n y_n}\right)")
@formula(
    "curvature",
    r"\frac{d^2}{d\beta^2} \sum_n \ell_n = \sum_n \sum_{i=1}^{K} p_{ni} \left(z_{ni} - \sum_{j=1}^{K} p_{nj} z_{nj}\right)^2",
)
def test_the_temperature_is_where_the_slope_is_zero():
    for beta in (0.1, 0.5, 1.0, 2.0):
        assert shown.slope(LOGITS, TARGETS, beta) == pytest.approx(float(slope(summed, np.array(beta))), abs=1e-5)
        second = slope(lambda at: shown.slope(LOGITS, TARGETS, float(at)), np.array(beta))
        assert shown.curvature(LOGITS, beta) == pytest.approx(float(second), abs=1e-5)
        assert shown.curvature(LOGITS, beta) > 0
    fitted = calibration.fit_temperature(LOGITS, TARGETS)
    assert fitted > 1.1
    assert shown.slope(LOGITS, TARGETS, 1 / fitted) == pytest.approx(0, abs=1e-6)
    for z in LOGITS:
        p = shown.with_temperature(z, fitted)
        assert p == pytest.approx(np.exp(z / fitted) / np.exp(z / fitted).sum())
        assert p == pytest.approx(calibration.softmax(z / fitted))
        assert p.argmax() == z.argmax() and p.max() < softmax(z).max()
    right = LOGITS.argmax(1)
    assert calibration.fit_temperature(LOGITS, right) is None and shown.slope(LOGITS, right, 50.0) < 0


@formula("ece", r"\mathrm{ECE} = \sum_b \frac{n_b}{N} \left|\mathrm{right}_b - \mathrm{confidence}_b\right|")
def test_the_calibration_error_is_that_of_the_house():
    confidence, right = DRAW.random(200), DRAW.random(200) < 0.6
    assert shown.calibration_error(confidence, right) == pytest.approx(calibration.ece(confidence, right))
    assert shown.calibration_error(np.array([0.72, 0.72]), np.array([True, False])) == pytest.approx(0.22)
    lowest = np.array([0.02, 0.1]), np.array([True, False])  # two bins, whose gaps would cancel in one
    assert shown.calibration_error(*lowest) == pytest.approx((0.98 + 0.1) / 2)
    assert shown.calibration_error(np.zeros(2), np.array([True, True])) == calibration.ece(np.zeros(2), np.ones(2)) == 1


@formula("smoothed", r"q_i = (1 - \epsilon) \delta_{iy} + \frac{\epsilon}{K}")
@formula(
    "smooth-loss",
    r"\ell = -\sum_{i=1}^{K} q_i \log p_i = -(1 - \epsilon) \log p_y - \frac{\epsilon}{K} \sum_{i=1}^{K} \log p_i",
)
@formula("smooth-gradient", r"\frac{\partial \ell}{\partial z_j} = p_j - q_j")
@formula("gap", r"z_y - z_j = \log \frac{K (1 - \epsilon) + \epsilon}{\epsilon}, \quad j \neq y")
@pytest.mark.parametrize("eps", [0.05, 0.3])
@pytest.mark.parametrize("classes", [2, 5])
def test_label_smoothing_is_that_of_the_task(classes, eps):
    z, y = DRAW.normal(size=classes), classes - 1
    q = shown.smoothed(y, classes, eps)
    assert q.sum() == pytest.approx(1) and q[0] == pytest.approx(eps / classes)
    loss = shown.smooth_loss(z, y, eps)
    assert loss == pytest.approx(-(q * np.log(softmax(z))).sum())
    torchs = F.cross_entropy(torch.tensor(z), torch.tensor(y), label_smoothing=eps)  # what the task calls
    assert loss == pytest.approx(torchs.item())
    by_hand = slope(lambda at: shown.smooth_loss(at, y, eps), z)
    assert shown.smooth_gradient(z, y, eps) == pytest.approx(by_hand, abs=1e-8)
    best = np.eye(classes)[y] * shown.best_gap(classes, eps)
    assert shown.smooth_gradient(best, y, eps) == pytest.approx(0, abs=1e-12)


def test_the_numbers_in_the_text():
    assert round(shown.best_gap(2, 0.1), 2) == 2.94
    assert softmax(np.array([shown.best_gap(2, 0.1), 0.0]))[0] == pytest.approx(0.95)
