"""Calibration and surprise against numbers worked out by hand, or known because the data was made so."""

from __future__ import annotations

import numpy as np
import pytest

from whet.metrics import calibration, likelihood, perplexity


def test_calibration_error_by_hand():
    sure = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([1, 0, 1, 1])
    assert calibration.ece(sure, right) == pytest.approx(0.5 * abs(0.95 - 0.5) + 0.5 * abs(0.55 - 1.0))
    assert calibration.ece(np.array([1.0, 1.0]), np.array([1, 1])) == 0.0
    assert np.isnan(calibration.ece(np.array([]), np.array([])))


def test_an_honest_predictor_has_almost_no_calibration_error():
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1.0, 50_000)
    honest = random.random(50_000) < sure
    assert calibration.ece(sure, honest) < 0.01
    assert calibration.ece(sure, random.random(50_000) < 0.5) == pytest.approx(0.25, abs=0.01)


def test_bars_of_the_reliability_diagram_hold_every_row_once():
    random = np.random.default_rng(0)
    sure = np.concatenate([random.random(500), [0.0, 1.0, 1 / 15, 0.5]])
    right = random.random(504) < sure
    bars = calibration.reliability(sure, right)
    assert sum(bar.rows for bar in bars) == 504
    assert all(bar.low - 1e-12 <= bar.confidence <= bar.high + 1e-12 for bar in bars)
    whole = sum(bar.rows * abs(bar.confidence - bar.accuracy) for bar in bars) / 504
    assert whole == pytest.approx(calibration.ece(sure, right))


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_hidden_in_the_data_is_found(true_temperature):
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (20_000, 3))
    chances = calibration.softmax(logits / true_temperature)
    targets = (random.random((20_000, 1)) > chances.cumsum(1)).sum(1).clip(0, 2)
    found = calibration.fit_temperature(logits, targets)
    assert found == pytest.approx(true_temperature, rel=0.05)
    best = likelihood.cross_entropy(logits / found, targets).mean()
    for other in (found / 1.1, found * 1.1):
        assert best < likelihood.cross_entropy(logits / other, targets).mean()


def test_no_temperature_is_fitted_where_the_rows_know_none():
    sure, few = np.array([[5.0, 0.0], [0.0, 5.0]]), np.random.default_rng(0).normal(0, 3, (12, 3))
    assert calibration.fit_temperature(sure, np.array([0, 1])) is None  # all right: every answer would be certain
    assert calibration.fit_temperature(sure, np.array([1, 0])) is None
    assert calibration.fit_temperature(sure[:1], np.array([1])) is None
    assert calibration.fit_temperature(few, few.argmax(1)) is None
    second = np.array([[5.0, 4.0, -9.0]] * 3)
    assert calibration.fit_temperature(second, np.array([1, 1, 1])) is None  # none right: the optimum says nothing
    worse_than_chance = np.array([[5.0, 0.0], [4.0, 0.0], [0.0, 0.1]])
    assert calibration.fit_temperature(worse_than_chance, np.array([1, 1, 1])) is None  # the optimum lies at a bound
    mixed = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    assert calibration.fit_temperature(mixed, np.array([0, 0, 0, 1])) == pytest.approx(2 / np.log(3))


def test_probabilities_do_not_overflow():
    wild = np.array([[1e4, -1e4, 0.0]])
    assert calibration.softmax(wild).tolist() == [[1.0, 0.0, 0.0]]
    assert calibration.sigmoid(wild).tolist() == [[1.0, 0.0, 0.5]]
    assert likelihood.cross_entropy(wild, np.array([1])).tolist() == [2e4]
    assert likelihood.binary_cross_entropy(wild, np.array([[0, 1, 0]]))[0] == pytest.approx((2e4 + np.log(2)) / 3)


def test_losses_leave_out_what_the_model_does_not_know():
    logits = np.array([[0.0, 0.0], [0.0, 0.0], [np.nan, np.nan]])
    found = likelihood.cross_entropy(logits, np.array([0, likelihood.UNKNOWN, 1]))
    assert found[0] == pytest.approx(np.log(2)) and np.isnan(found[1:]).all()
    assert likelihood.mean_known(found) == pytest.approx(np.log(2))
    assert np.isnan(likelihood.mean_known(found[1:]))


def test_perplexity_weighs_tokens_not_documents():
    nats, tokens = np.array([np.log(2) * 1, np.log(8) * 3]), np.array([1.0, 3.0])
    assert perplexity.loss_per_token(nats, tokens) == pytest.approx((np.log(2) + 3 * np.log(8)) / 4)
    assert perplexity.perplexity(nats, tokens) == pytest.approx((2 * 8**3) ** 0.25)
    assert perplexity.bits_per_byte(nats, np.array([5.0, 5.0])) == pytest.approx(1.0)
    assert perplexity.perplexity(np.array([1e9]), np.array([1.0])) == np.inf
    assert np.isnan(perplexity.perplexity(np.array([]), np.array([])))


@pytest.mark.parametrize("rows", [64, 128, 1000])
def test_answers_that_are_as_sure_as_they_are_right_stay_below_luck_in_95_of_100_cases(rows):
    random = np.random.default_rng(rows)
    above = 0
    for _ in range(400):
        sure = random.uniform(0.5, 1.0, rows)
        above += calibration.ece(sure, random.random(rows) < sure) > calibration.luck(sure)
    assert 6 <= above <= 36  # the central 99.9 % of 400 draws of one in twenty


def test_a_temperature_divides_the_logits():
    logits = np.random.default_rng(0).normal(0, 3, (5, 4))
    assert np.array_equal(calibration.softmax(logits, 2.5), calibration.softmax(logits / 2.5))
    assert np.array_equal(calibration.sigmoid(logits, 2.5), calibration.sigmoid(logits / 2.5))
