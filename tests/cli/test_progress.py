"""Progress: the pace is right, lines come at a sensible rhythm, and bars draw what they are told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from whet.cli._pace import Pace
from whet.cli._progress import Bars, Lines
from whet.cli._show import duration, size
from whet.core.events import Answered, Began, Looked, Said, Stepped


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(number: int, loss: float = 0.5) -> Stepped:
    return Stepped(number, number / 10, loss, 1e-4, 1.0, 32, 640)


def test_pace_counts_from_where_the_run_goes_on():
    clock = Clock()
    pace = Pace(Began(0, 1, 100, 40, 4.0), clock)
    assert pace.seconds_left is None
    for number in range(41, 51):
        clock.now += 2.0
        pace.take(step(number))
    assert pace.seconds_left == pytest.approx(100.0)
    assert pace.rates == pytest.approx((16.0, 320.0))
    assert "loss 0.5000" in pace.words() and "16 rows/s, 320 tokens/s" in pace.words() and "B" in pace.words()
    assert pace.left() == "1 min 40 s left"


def test_pace_follows_a_change_of_speed():
    clock = Clock()
    pace = Pace(Began(0, 1, 1000, 0, 4.0), clock)
    for number in range(1, 301):
        clock.now += 10.0 if number < 200 else 1.0
        pace.take(step(number))
    assert pace.rates[0] == pytest.approx(32.0)


def test_lines_come_seldom_and_the_last_step_is_told():
    clock, written = Clock(), []
    lines = Lines(written.append, clock)
    lines(Said("a note"))
    lines(Began(0, 1, 6000, 0, 4.0))
    for number in range(1, 6001):
        clock.now += 0.1
        lines(step(number))
    told = [line for line in written if line.startswith("step")]
    assert 8 <= len(told) <= 30, "ten minutes make a handful of lines"
    assert told[-1].startswith("step 6,000/6,000") and "left" not in told[-1]
    assert "left" in told[0]
    assert written[0] == "a note"


def test_lines_of_answering_are_silent_for_short_sweeps():
    clock, written = Clock(), []
    lines = Lines(written.append, clock)
    for done in (32, 64, 100):
        lines(Answered("validation", done, 100))
    assert written == []
    for done in range(0, 1001, 100):
        clock.now += 3
        lines(Answered("test", done, 1000))
    assert written[-1] == "test: 1,000 of 1,000 rows answered" and len(written) > 2


def test_steps_before_a_beginning_are_ignored():
    written = []
    Lines(written.append)(step(1))
    assert written == []


def test_a_stage_that_goes_on_says_so():
    written = []
    Lines(written.append)(Began(1, 2, 100, 40, 4.0))
    assert written == ["stage 2 of 2: goes on after step 40 of 100"]


def test_bars_draw_and_leave_the_terminal_clean():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120, highlight=False)
    with Bars(console) as bars:
        bars(Said("labels: [yes] and [no]"))
        for stage in range(2):
            bars(Began(stage, 2, 4, 0, 2.0))
            for number in range(1, 5):
                bars(step(number))
            bars(Looked(4, 2.0, {"accuracy": 0.5}, True))
            bars(Answered("test", 10, 20))
            bars(Answered("test", 20, 20))
            bars(Answered("test", 20, 20))
        bars(Answered("rows.csv", 100))
        assert len(bars._progress.tasks) == 2, "the stage under way and the rows without an end"
        words = bars._progress.tasks[0].fields["words"]
    assert "loss 0.5000" in words
    drawn = file.getvalue()
    assert "labels: [yes] and [no]" in drawn, "brackets in a user's text are no markup"
    assert "stage 2 of 2" in drawn and "accuracy 0.5000 (best so far)" in drawn


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(12, "12 B"), (93_400_000, "93.4 MB"), (2.5e12, "2.5 TB")])
def test_sizes(count, words):
    assert size(count) == words
