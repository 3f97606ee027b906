"""Schedules rise to their peak, fall from it, and waste no step."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.train import loop
from whet.train.schedules import SCHEDULES, factor


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 300), st.floats(0, 1))
def test_factors(name, steps, warmup):
    found = [factor(name, step, steps, warmup) for step in range(steps)]
    assert all(0 < one <= 1 for one in found)
    peak = found.index(max(found))
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert all(one >= other - 1e-12 for one, other in zip(found[peak:], found[peak + 1 :], strict=False))


def test_known_values():
    assert factor("linear", 5, 10, 0.1) == pytest.approx(0.45 / 0.9)
    assert factor("constant", 9, 10, 0.1) == 1
    assert factor("cosine", 999, 1000, 0.0) < 1e-5
    assert factor("slanted-triangular", 999_999, 1_000_000, 0.1) == pytest.approx(1 / 32, rel=1e-3)


def test_the_loop_can_be_read_at_one_sitting():
    assert len(Path(loop.__file__).read_text("utf-8").splitlines()) <= 120
