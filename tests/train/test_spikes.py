"""A loss far above all before it is told once, at its step, and nothing is told of an ordinary run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.small_course import started
from whet.core.events import Said, Stepped
from whet.tasks.text_classification import TextClassification
from whet.train import loop
from whet.train.fit import fit
from whet.train.keeper import Watch
from whet.train.spikes import AFTER, FAR, spike
from whet.train.state import latest
from whet.train.stop import Stop


def spikes(losses) -> list[int]:
    """The steps of which would be warned."""
    found, highest = [], 0.0
    for step, loss in enumerate(losses, 1):
        if spike(step, loss, highest) is not None:
            found.append(step)
        highest = max(highest, loss)
    return found


def ordinary(seed: int, batch: int) -> np.ndarray:
    """Six hundred steps: rows' losses fall from 0.69 and lie apart; up to a fifth of them is labelled wrongly, and what
    the model has learnt makes these ever dearer (up to 8)."""
    draw = np.random.default_rng(seed)
    level = 0.69 * (0.02 + 0.98 * np.exp(-np.arange(600) / draw.uniform(30, 200)))[:, None]
    apart, wrong = draw.choice([0.3, 0.7, 1.2]), draw.random((600, batch)) < draw.choice([0, 0.001, 0.01, 0.05, 0.2])
    rows = level * draw.lognormal(-(apart**2) / 2, apart, (600, batch))
    dear = 0.69 + (1 - level / 0.69) * draw.uniform(2, 8, (600, batch))
    return np.where(wrong, dear, rows).mean(1)


@pytest.mark.parametrize("batch", [16, 32, 64])
def test_of_ordinary_runs_nothing_is_said(batch):
    assert not any(spikes(ordinary(seed, batch)) for seed in range(100))


def test_of_tiny_batches_seldom():
    assert sum(bool(spikes(ordinary(seed, 4))) for seed in range(100)) <= 2


@given(st.integers(0, 2**32 - 1), st.integers(AFTER + 1, 600))
def test_a_batch_scaled_by_ten_thousand_is_found_wherever_it_stands(seed, step):
    losses = ordinary(seed, 16)
    losses[step - 1] *= 1e4
    assert step in spikes(losses)


@given(st.lists(st.floats(1e-3, 1e6), min_size=AFTER + 1, max_size=300))
def test_whatever_happens_warnings_stay_few(losses):
    """Each is of a loss that lies higher by as much as the one before."""
    assert len(spikes(losses)) <= 1 + math.log(max(losses) / max(losses[:AFTER]) + 1, FAR)


@given(st.lists(st.floats(-10, 0), min_size=AFTER + 1, max_size=60))
def test_losses_that_are_never_above_nothing_have_no_times(losses):
    assert spikes([*losses, 1.0]) == []


def test_it_is_told_once_behind_its_step_and_known_after_a_resume(monkeypatch, tmp_path):
    derive, true, at = loop.derive, TextClassification.loss, [0]
    scaled = {24: 1e4, 26: 9e3}  # the second is no news

    def noted(seed, *places):
        at[:] = places[2:3] or [0]
        return derive(seed, *places)

    monkeypatch.setattr(loop, "derive", noted)
    monkeypatch.setattr(TextClassification, "loss", lambda self, *given: true(self, *given) * scaled.get(*at, 1))

    def events(folder, start=None):
        begun = started(epochs=10.0, rate=1e-3, evaluate_every=20)
        return fit(begun.engine, begun.course, Watch(None, "accuracy", folder, Stop(folder)), start)

    told = list(events(tmp_path / "whole"))
    place = next(place for place, event in enumerate(told) if isinstance(event, Said))
    spiked = told[place - 1]
    assert isinstance(spiked, Stepped) and spiked.step == 25 and spiked.spike > 1000
    assert (
        f"stage 0, step 25: the loss is {spiked.loss:,.4g}, {spiked.spike:,.3g} times the highest" in told[place].text
    )
    assert [event.step for event in told if getattr(event, "spike", None)] == [25]
    assert sum(isinstance(event, Said) for event in told) == 1

    for event in events(tmp_path / "cut"):
        if isinstance(event, Stepped) and event.step == 23:
            break
    start, _ = latest(tmp_path / "cut")
    assert start.progress.step == 20
    again = [event.spike for event in events(tmp_path / "cut", start) if isinstance(event, Stepped)]
    assert again == [event.spike for event in told if isinstance(event, Stepped)][20:]
