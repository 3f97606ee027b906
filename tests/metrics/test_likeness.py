"""Linear CKA and the linear probe against plain references and what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from whet.metrics.likeness import linear_cka
from whet.metrics.probe import fit_probe


def states(seed: int, rows: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)) + 3.0


def by_inputs(x: np.ndarray, y: np.ndarray) -> float:
    """CKA as its authors define it: HSIC of the two matrices of inner products over the root of both own ones."""
    n = len(x)
    centre = np.eye(n) - 1 / n
    k, m = (centre @ one @ one.T @ centre for one in (x, y))
    return np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))


@pytest.mark.parametrize(("rows", "widths"), [(50, (8, 8)), (50, (6, 11)), (9, (20, 30)), (12, (30, 5))])
def test_cka_is_the_definition(rows, widths):
    x, y = states(1, rows, widths[0]), states(2, rows, widths[1])
    y[:, 0] += x[:, 0] * 2
    assert linear_cka(x, y) == pytest.approx(by_inputs(x, y), abs=1e-12)
    small = [one.astype(np.float32) for one in (x, y)]
    assert linear_cka(*small) == pytest.approx(by_inputs(x, y), abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(3, 40), st.integers(2, 12), st.floats(1e-3, 1e3), st.floats(-50, 50))
def test_cka_does_not_see_turns_scales_and_shifts(seed, rows, width, scale, shift):
    x, y = states(seed, rows, width), states(seed + 1, rows, width)
    turn = np.linalg.qr(states(seed + 2, width, width))[0]
    assert linear_cka(x, scale * (x @ turn) + shift) == pytest.approx(1.0, abs=1e-9)
    assert linear_cka(x, y) == pytest.approx(linear_cka(scale * (x @ turn) + shift, y), abs=1e-8)
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x), abs=1e-12)
    assert linear_cka(x, x.copy()) == 1.0
    assert 0.0 <= linear_cka(x, y) <= 1.0


def test_cka_of_states_that_have_nothing_in_common_is_near_0_and_of_constant_ones_unknown():
    assert linear_cka(states(1, 4000, 5), states(2, 4000, 5)) < 0.01
    assert np.isnan(linear_cka(np.ones((5, 3)), states(1, 5, 3)))


@pytest.mark.parametrize(("rows", "width", "classes"), [(60, 100, 4), (200, 10, 3)])
def test_the_probe_is_logistic_regression(rows, width, classes):
    draw = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    x = draw.normal(size=(rows, width)) + draw.normal(size=(classes, width))[labels]
    probe = fit_probe(x, labels, classes)
    scaled = (x - probe.mean) / probe.scale
    theirs = LogisticRegression(C=1.0, max_iter=5000, tol=1e-9).fit(scaled, labels)
    np.testing.assert_allclose(probe.probabilities(x), theirs.predict_proba(scaled), atol=1e-3)
