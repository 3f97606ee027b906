"""The search for a learning rate: which rates are tried, and which of them is taken."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.made import outcome
from whet.search.rates import searched, taken

OWN = 1e-4
Z = 1.959964


def trial(value, rate=OWN, error=0.0, metric="accuracy"):
    """A cell with this validation score and standard error."""
    interval = (value - Z * error, value + Z * error)
    return outcome("full", 0, 0.5, rate, validation=value, interval=interval, metric=metric)


def tried_with(scores, error, rates=3):
    """Search where the score at ``OWN * 3 ** step`` is ``scores[step]``; the steps asked for and the one taken."""
    asked = []

    def attempt(rate):
        asked.append(0 if rate is None else round(math.log(rate / OWN, 3)))
        return trial(scores[asked[-1]], OWN if rate is None else rate, error)

    found = searched(attempt, rates, "accuracy", 0.95)
    return asked, asked[found.index(taken(found, "accuracy", 0.95))]


def test_a_clear_best_is_taken_and_at_the_edge_one_more_is_tried():
    assert tried_with({-1: 0.7, 0: 0.8, 1: 0.9, 2: 0.85}, error=0.01) == ([0, -1, 1, 2], 1)
    assert tried_with({-1: 0.7, 0: 0.8, 1: 0.9, 2: 0.95}, error=0.01) == ([0, -1, 1, 2], 2)
    assert tried_with({-2: 0.8, -1: 0.9, 0: 0.8, 1: 0.7}, error=0.01) == ([0, -1, 1, -2], -1)
    assert tried_with({-1: 0.7, 0: 0.9, 1: 0.8}, error=0.01) == ([0, -1, 1], 0)


def test_within_one_error_of_the_best_the_own_rate_stays():
    """Three rows of 51: on the reviews such a lead chose nine times full's own rate, and the test rows paid."""
    assert tried_with({-1: 0.8, 0: 0.941, 1: 0.961}, error=0.027) == ([0, -1, 1], 0)
    assert tried_with({-1: 0.8, 0: 0.941, 1: 0.961, 2: 0.9}, error=0.019) == ([0, -1, 1, 2], 1)
    assert tried_with({-1: 0.9, 0: 0.7, 1: 0.91, 2: 0.92}, error=0.02) == ([0, -1, 1, 2], -1)


def test_where_less_is_better_the_error_is_read_on_the_other_side():
    own, other = trial(0.50, OWN, 0.02, "loss"), trial(0.49, 3 * OWN, 0.02, "loss")
    assert taken([own, other], "loss", 0.95) is own
    assert taken([trial(0.55, OWN, 0.02, "loss"), other], "loss", 0.95) is other


def test_without_an_interval_the_best_is_taken():
    one, two = outcome("full", 0, 0.5, OWN, validation=0.8), outcome("full", 0, 0.5, 3 * OWN, validation=0.81)
    assert taken([one, two], "accuracy", 0.95) is two
    assert taken([one, trial(0.8, 3 * OWN)], "accuracy", 0.95) is one


def test_what_failed_is_never_taken_before_what_did_not():
    failed, fine = outcome("full", 0, None, OWN, reason="the loss is nan"), trial(0.6, OWN / 3, 0.1)
    assert taken([failed, fine], "accuracy", 0.95) is fine
    assert taken([failed, outcome("full", 0, None, OWN / 3, reason="so too")], "accuracy", 0.95) is failed


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5), st.floats(0, 0.5))
def test_the_taken_one_is_within_an_error_and_none_within_is_nearer(values, error):
    steps = [0, -1, 1, -2, 2][: len(values)]
    tried = [trial(value, OWN * 3.0**step, error) for value, step in zip(values, steps, strict=True)]
    at = tried.index(taken(tried, "accuracy", 0.95))
    bar = max(values) - error
    assert values[at] >= bar - 1e-6
    assert all(abs(steps[at]) <= abs(step) for value, step in zip(values, steps, strict=True) if value > bar + 1e-6)


@pytest.mark.parametrize("rates", [1, 3, 5])
def test_so_many_rates_are_tried_outward_from_the_own(rates):
    asked, _ = tried_with({-2: 0.1, -1: 0.2, 0: 0.9, 1: 0.3, 2: 0.1}, error=0.0, rates=rates)
    assert asked == [0, -1, 1, -2, 2][:rates]


def test_where_the_own_rate_cannot_even_begin_nothing_more_is_tried():
    def attempt(rate):
        return outcome("full", 0, None, rate=None, reason="the memory does not suffice")

    assert len(searched(attempt, 3, "accuracy", 0.95)) == 1
