"""A plan that does not fit is refused before training, with what would; and what a run says of its own speed."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

import whet
from road.conftest import FAST, write_rows
from whet import effort, room
from whet.core import memory, rundir
from whet.core.errors import ResourceError
from whet.core.events import Said
from whet.forecast import Forecast, Need
from whet.train.state import Progress

GB = 10**9


def leg(tokens: int = 8192, longest: int = 256):
    engine = SimpleNamespace(device=SimpleNamespace(type="cpu"))
    return SimpleNamespace(
        model=SimpleNamespace(engine=engine, tokens_per_batch=tokens, limits=SimpleNamespace(max_tokens=longest))
    )


def foreseen(need: Need) -> Forecast:
    return Forecast(
        trainable_parameters=1,
        total_parameters=1,
        peak_memory_bytes=need.peak_bytes,
        train_seconds=1.0,
        steps=1,
        tokens=1,
        checkpoint_bytes=1,
        disk_bytes=1,
        fixed_bytes=need.fixed_bytes,
        light_bytes=need.light_bytes,
        heaviest_tokens=need.tokens,
    )


def refused(monkeypatch, need: Need, there: int, **of) -> str:
    monkeypatch.setattr(room, "roughly", lambda leg: Need(0, 0, 0, 1))
    monkeypatch.setattr(room, "forecast", lambda leg: foreseen(need))
    monkeypatch.setattr(memory, "total_bytes", lambda: there)
    with pytest.raises(ResourceError) as error:
        room.fitting(leg(**of))
    assert error.value.exit_code == 6
    return str(error.value)


def test_fewer_tokens_at_once_are_named_with_what_they_take(monkeypatch):
    said = refused(monkeypatch, Need(6 * GB, 2 * GB, 5 * GB, 8000), 4 * GB)
    assert "8,192 tokens at once would take about 6.0 GB of memory, and there are 4.0 GB" in said
    assert "train.tokens_per_batch=3200 (about 3.6 GB" in said, "0.8 of the room of 2 GB, at half a megabyte a token"
    assert "few weights" not in said


def test_a_lighter_strategy_is_named_where_the_weights_that_move_are_too_many(monkeypatch):
    said = refused(monkeypatch, Need(6 * GB, 5 * GB, 2 * GB, 8000), 4 * GB)
    assert "train.tokens_per_batch=" not in said
    assert "moves few weights (lora: about 2.0 GB)" in said


def test_where_nothing_helps_shorter_texts_or_a_smaller_model_are(monkeypatch):
    said = refused(monkeypatch, Need(6 * GB, 5 * GB, 5 * GB, 8000), 4 * GB)
    assert "a lower encode.max_tokens (it is 256) or a smaller model" in said


def test_what_is_far_too_large_is_not_even_tried(monkeypatch):
    monkeypatch.setattr(room, "roughly", lambda leg: Need(5 * GB, GB, 5 * GB, 8000))
    monkeypatch.setattr(room, "forecast", lambda leg: pytest.fail("it was tried"))
    monkeypatch.setattr(memory, "total_bytes", lambda: 4 * GB)
    with pytest.raises(ResourceError, match="would take about 5.0 GB"):
        room.foreseen(leg())


def test_a_run_that_has_no_room_does_not_train_and_its_plan_says_so(small, tmp_path, monkeypatch):
    rows = write_rows(tmp_path / "rows.csv", 40)
    plan = whet.plan(rows, model=small, settings=FAST)
    assert not [note for note in plan.notes if "would not start" in note]
    monkeypatch.setattr(memory, "total_bytes", lambda: plan.forecasts[0].peak_memory_bytes // 2)
    monkeypatch.setattr(room, "ROUGH", 1e9)
    assert "would not start" in str(whet.plan(rows, model=small, settings=FAST))
    with pytest.raises(ResourceError, match="what would fit"):
        whet.run(rows, model=small, settings=FAST, out=tmp_path / "run")
    run = whet.Run(tmp_path / "run")
    assert run.status == "failed" and not run.files.log.is_file(), "not a step was taken"


def test_a_run_says_where_its_time_went(rows, small, tmp_path):
    heard: list[str] = []
    run = whet.run(
        rows,
        model=small,
        out=tmp_path / "run",
        settings=FAST,
        tell=lambda event: heard.append(event.text) if isinstance(event, Said) else None,
    )
    spent = run.metrics["timing"]
    assert list(spent["step_seconds"]) == ["data", "forward", "backward", "optimizer"]
    assert 0 < sum(spent["step_seconds"].values()) <= spent["train_seconds"]
    assert spent["useful_tokens_per_second"] > spent["tokens_per_second"] and 0 <= spent["padding"] < 0.2
    assert 0 < spent["roof_share"] < 1
    (said,) = [text for text in heard if "useful tokens/s" in text]
    assert "GFLOP/s that products alone reach here" in said and "backward" in said
    chosen = rundir.read_json(run.files.state)["machine"]
    assert [(one["precision"], one["threads"]) for one in chosen] == [("float32", 1)] and chosen[0]["tokens_per_batch"]


def test_shares_are_those_of_all_stages():
    one = Progress(tokens=80, computed=100, flops=50.0, roof=10.0, spent={"data": 2.0, "forward": 8.0})
    two = dataclasses.replace(one, flops=300.0, roof=30.0, spent={"forward": 10.0})
    told = effort.timing([one, two])
    assert told["useful_tokens_per_second"] == 160 / 20 and told["padding"] == pytest.approx(0.2)
    assert told["roof_share"] == pytest.approx(350 / (10 * 10 + 10 * 30))
    assert told["step_seconds"] == {"data": 2.0, "forward": 18.0}
    assert effort.timing([Progress(tokens=5, seconds=1.0)]) == {}, "a checkpoint of before told none of it"
