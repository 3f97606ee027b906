"""Strategies compared over rows and seeds: by simulation, for there the truth is known.

A model's answer to a row is right where a sum of chances is above 0: the row's own difficulty (common to all), what a
strategy makes of the row, what a seed makes of the strategy, and what it makes of the row. Shapes: R repetitions,
K strategies, S seeds, N rows, B resamples.
"""

from __future__ import annotations

from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from whet.metrics.crossed import Estimate, Spread, estimate, holm, spread_of_differences

DRAWS = 100
LEAN = 0.8


def world(random, seeds, rows, by_row, by_seed, by_both, effects):
    """Whether each strategy's seeds answer each row rightly: bool [K, S, N]; ``by_seed`` is one for each strategy."""
    shape = (len(effects), seeds, rows)
    lean = LEAN + random.normal(0, 1, rows) + np.array(effects)[:, None, None]
    lean = lean + random.normal(0, by_row, (len(effects), 1, rows)) + random.normal(0, by_both, shape)
    return lean + random.normal(0, 1, (len(effects), seeds, 1)) * np.array(by_seed)[:, None, None] > 0


def scored(random, right, metric):
    """Each seed's score [K, S] and its scores on resampled rows [K, S, B]; half of the rows belong to the class."""
    rows = right.shape[2]
    weights = np.vstack([np.ones(rows), random.multinomial(rows, np.full(rows, 1 / rows), DRAWS)]).T.astype(np.float32)
    if metric == "accuracy":
        found = right.astype(np.float32) @ weights / rows
    else:
        truth = np.arange(rows) % 2 == 0
        given_ = np.where(right, truth, ~truth)
        both = (given_ & truth).astype(np.float32)
        found = 2 * (both @ weights) / (given_.astype(np.float32) @ weights + truth @ weights)
    found = found.astype(np.float64)
    return found[..., 0], found[..., 1:]


def compared(random, right, metric):
    """Every pair's estimate."""
    values, drawn = scored(random, right, metric)
    spread = spread_of_differences(values)
    for a, b in combinations(range(len(values)), 2):
        yield estimate(values[a] - values[b], drawn[a] - drawn[b], right.shape[2], spread)


def is_alarm(one: Estimate, level: float) -> bool:
    """Whether it is called different at this level; the normal distribution's quantile is the least that is asked."""
    error = np.sqrt(one.rows_part + one.seeds_part)
    return abs(one.value) > NormalDist().inv_cdf(1 - level / 2) * error and abs(one.value) > one.half_width(1 - level)


def most(repetitions: int, share: float) -> int:
    """So many of the repetitions, or fewer, are seen in 999 of 1000 cases where the chance of each is ``share``."""
    return int(stats.binom.ppf(0.999, repetitions, share))


STEADY, RESTLESS, ONE_OF_THEM = (0.0,) * 3, (0.3,) * 3, (0.4, 0.02, 0.02)


@pytest.mark.parametrize(("metric", "rows"), [("accuracy", 100), ("f1", 300)])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("by_seed", [STEADY, RESTLESS, ONE_OF_THEM])
def test_the_false_alarms_of_a_family_stay_at_five_percent(metric, rows, seeds, by_seed):
    """No strategy is better: whatever is called different, in any of the pairs, is a false alarm."""
    random, repetitions = np.random.default_rng(seeds * rows), 150
    pairs = len(by_seed) * (len(by_seed) - 1) / 2
    alarms = 0
    for _ in range(repetitions):
        right = world(random, seeds, rows, 0.4, by_seed, 0.4, (0.0,) * len(by_seed))
        alarms += any(is_alarm(one, 0.05 / pairs) for one in compared(random, right, metric))
    assert alarms <= most(repetitions, 0.05)


def test_with_one_seed_the_rows_alone_are_judged():
    random, repetitions = np.random.default_rng(1), 300
    found = [
        next(compared(random, world(random, 1, 200, 0.4, STEADY[:2], 0.4, (0, 0)), "accuracy"))
        for _ in range(repetitions)
    ]
    alarms = sum(is_alarm(one, 0.05) for one in found)
    assert 5 <= alarms <= most(repetitions, 0.05)
    assert {one.seeds_part for one in found} == {0.0}


def test_one_seed_left_is_given_the_spread_of_the_others():
    """A pair whose other cells failed is no surer than the pairs whose seeds are known."""
    drawn = np.random.default_rng(0).normal(0.1, 0.01, (1, 200))
    alone, beside = (estimate(np.array([0.1]), drawn, 200, spread) for spread in (None, Spread(0.05**2, 8)))
    assert alone.seeds_part == 0 and beside.seeds_part == 0.05**2 and beside.rows_part == alone.rows_part
    assert beside.p > 0.05 > alone.p


def test_a_real_difference_is_found():
    """Among four strategies one is better by eight points of accuracy: five seeds and 300 rows tell in most cases."""
    random, repetitions = np.random.default_rng(2), 60
    found = 0
    for _ in range(repetitions):
        right = world(random, 5, 300, 0.3, (0.05,) * 4, 0.3, (0.45, 0, 0, 0))
        found += is_alarm(next(compared(random, right, "accuracy")), 0.05 / 6)
    assert found >= 0.8 * repetitions


@pytest.mark.parametrize("by_seed", [(0.05, 0.05), (0.3, 0.3)])
def test_intervals_hold_the_true_difference(by_seed):
    random, repetitions, effect = np.random.default_rng(3), 150, 0.3
    whole = np.sqrt(1 + 0.4**2 + by_seed[0] ** 2 + 0.4**2)
    truth = NormalDist().cdf((LEAN + effect) / whole) - NormalDist().cdf(LEAN / whole)
    held = 0
    for _ in range(repetitions):
        one = next(compared(random, world(random, 5, 200, 0.4, by_seed, 0.4, (effect, 0)), "accuracy"))
        held += abs(one.value - truth) <= one.half_width(0.95)
    assert repetitions - held <= most(repetitions, 0.05)
    assert held <= stats.binom.ppf(0.999, repetitions, 0.99)


@settings(deadline=None, max_examples=50)
@example(2.0, 5.0, 1.0, 1.0)
@given(st.floats(0.01, 40), st.floats(1, 500), st.floats(1, 500), st.floats(0.01, 1))
def test_p_is_the_chance_whose_interval_just_reaches_0(value, rows, seeds, share):
    one = Estimate(value, share, 1 - share, rows, seeds)
    if 1e-14 < one.p < 1:
        assert one.half_width(1 - one.p) == pytest.approx(value, rel=1e-3 if one.p < 1e-10 else 1e-6)
    if share == 1:
        assert one.p == pytest.approx(2 * stats.t.sf(value, rows), rel=1e-6, abs=1e-14)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_pays_for_every_question(chances):
    adjusted = holm(chances)
    order = np.argsort(chances, kind="stable")
    assert all(p <= q <= 1 for p, q in zip(chances, adjusted, strict=True))
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)
    assert adjusted[order[0]] == min(1.0, chances[order[0]] * len(chances))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([float("nan"), 0.01]) == pytest.approx([1.0, 0.02])


@settings(deadline=None, max_examples=20)
@given(st.floats(0.001, 0.3), st.floats(1e-8, 1e-3), st.floats(0, 1e-3), st.floats(1, 30))
def test_the_chance_and_the_interval_agree(value, rows_part, seeds_part, freedom):
    one = Estimate(value, rows_part, seeds_part, 100, freedom)
    if 1e-12 < one.p < 1 - 1e-9:
        assert one.half_width(1 - one.p) == pytest.approx(value, rel=1e-3)


def test_nothing_is_claimed_of_what_is_not_known():
    assert Estimate(0.0, 0.1, 0.0, 9, 1).p == 1
    assert Estimate(0.5, 0.0, 0.0, 99, 1).p < 1e-10 and Estimate(1.0, 0.0, 0.0, 1, 1).p == 0.5
    nothing = estimate(np.array([0.5]), np.full((1, 9), np.nan), 9)
    assert np.isnan(nothing.p) and np.isnan(nothing.half_width(0.95))
    assert spread_of_differences(np.ones((1, 5))) is None and spread_of_differences(np.ones((3, 1))) is None


def test_one_restless_strategy_lends_its_freedom_to_none():
    random = np.random.default_rng(0)
    alone = np.concatenate([random.normal(0, 1, (1, 4)), np.zeros((5, 4))])
    assert spread_of_differences(alone).freedom == pytest.approx(3, rel=0.01)
    alike = np.array([[1.0, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1], [-1, 0, 0, 1]])
    assert spread_of_differences(alike).freedom > 8
