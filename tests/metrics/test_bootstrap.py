"""Intervals: as wide as they should be, the same for the same seed, for every metric by the same resamples."""

from __future__ import annotations

import numpy as np
import pytest

from whet.metrics import scores as module
from whet.metrics.calibration import ece
from whet.metrics.scores import LOWER_IS_BETTER, Scores, better


def share(columns):
    return columns["right"].mean()


def scores(rows: np.ndarray) -> Scores:
    return Scores({"right": rows}, {"accuracy": share})


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """95 % of intervals should hold the truth; of 300 drawn, the percentile bootstrap of 80 rows held 90 % to 98 %."""
    random = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        found = scores(random.random(80) < 0.7).intervals(draws_count=200)["accuracy"]
        held += found.low <= 0.7 <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_the_interval_is_as_wide_as_theory_says_and_narrows_with_the_root_of_rows():
    for rows in (100, 1600):
        found = scores(np.arange(rows) % 4 != 0).intervals()["accuracy"]
        width = 2 * 1.96 * np.sqrt(0.75 * 0.25 / rows)
        assert found.value == 0.75
        assert found.high - found.low == pytest.approx(width, rel=0.12)


@pytest.mark.parametrize("rows", [1000, 1600])
def test_of_very_many_rows_a_part_is_drawn_and_the_interval_is_that_of_all(rows, monkeypatch):
    drawn = []

    def seen(columns):
        drawn.append(len(columns["right"]))
        return share(columns)

    monkeypatch.setattr(module, "MOST_DRAWN", 100)
    found = Scores({"right": np.arange(rows) % 4 != 0}, {"accuracy": seen}).intervals()["accuracy"]
    assert set(drawn) == {100, rows} and drawn.count(rows) == 1
    width = 2 * 1.96 * np.sqrt(0.75 * 0.25 / rows)
    assert found.low < found.value == 0.75 < found.high
    assert found.high - found.low == pytest.approx(width, rel=0.12)


def test_up_to_so_many_rows_all_are_drawn(monkeypatch):
    whole = scores(np.arange(100) % 3 > 0).intervals()
    monkeypatch.setattr(module, "MOST_DRAWN", 100)
    assert scores(np.arange(100) % 3 > 0).intervals() == whole


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    rows = np.random.default_rng(0).random(200)
    one = Scores({"right": rows}, {"mean": share})
    assert one.intervals(seed=3) == one.intervals(seed=3)
    assert one.intervals(seed=3) != one.intervals(seed=4)


def test_a_higher_confidence_is_wider():
    found = [scores(np.arange(100) % 3 > 0).intervals(confidence)["accuracy"] for confidence in (0.5, 0.9, 0.99)]
    widths = [one.high - one.low for one in found]
    assert widths == sorted(widths) and len(set(widths)) == 3


def test_all_metrics_are_measured_on_the_same_resamples():
    rows = np.random.default_rng(0).random(50) < 0.6
    both = Scores({"right": rows}, {"right": share, "wrong": lambda got: 1 - share(got)}).intervals()
    assert both["wrong"].low == pytest.approx(1 - both["right"].high)


def test_what_the_measures_share_is_done_once_a_resample():
    calls = []

    def reduce(columns):
        calls.append(1)
        return {"sum": columns["right"].sum(), "rows": len(columns["right"])}

    measures = {name: lambda got: got["sum"] / got["rows"] for name in "abc"}
    found = Scores({"right": np.array([1.0, 0.0])}, measures, reduce).intervals(draws_count=20)
    assert len(calls) == 21 and found["a"].value == 0.5


def test_a_metric_that_has_no_value_on_some_resamples_rests_on_the_others():
    some = Scores({"x": np.array([1.0, 0.0, 0.0])}, {"m": lambda got: 1.0 if got["x"].any() else float("nan")})
    assert some.intervals()["m"].low == 1.0
    never = Scores({"x": np.zeros(3)}, {"m": lambda got: float("nan")}).intervals()["m"]
    assert np.isnan(never.value) and np.isnan(never.low)


def test_better_knows_which_way_is_up():
    assert {"loss", "perplexity", "ece", "mae", "mse", "bits_per_byte"} <= LOWER_IS_BETTER
    assert better("loss", 0.1, 0.2) and not better("loss", 0.2, 0.2) and not better("loss", 0.3, 0.2)
    assert better("accuracy", 0.3, 0.2) and not better("accuracy", 0.1, 0.2)
    assert better("accuracy", 0.0, None) and better("accuracy", 0.0, float("nan"))
    assert not better("accuracy", float("nan"), None)


def test_a_calibration_error_lies_within_its_interval():
    """Drawing rows again adds to a sum of distances: of 128 honest answers every draw lay above the error itself."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        sure = random.uniform(0.5, 1.0, 128)
        columns = {"sure": sure, "right": random.random(128) < sure}
        found = Scores(columns, {"ece": lambda got: ece(got["sure"], got["right"])}).intervals(seed=seed)["ece"]
        assert 0 <= found.low < found.value < found.high
        assert found.low < (found.low + found.high) / 2 < found.value * 1.5
