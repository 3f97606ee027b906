"""Runs with the states of what stands still kept on the disk: they learn the same, and say and write what they do."""

from __future__ import annotations

import json

import pytest
import yaml

import whet
from road.conftest import FAST
from whet.assemble import states
from whet.core.events import Said
from whet.nn.trunk import Trunk

STILL = ("strategy.blocks=1", "train.epochs=3")


def log(run):
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [line["loss"] for line in lines if "loss" in line], [line for line in lines if "best" in line]


def train_of(run):
    return yaml.safe_load((run.path / "recipe.yaml").read_text("utf-8"))["train"]


@pytest.fixture(scope="module")
def both(made, small):
    return [made("freeze", (*STILL, f"train.cache_trunk={kept}"), small) for kept in ("true", "false")]


def test_kept_or_not_the_losses_the_scores_and_the_answers_are_the_same(both):
    (kept, looks), (anew, others) = map(log, both)
    assert len(kept) == len(anew) > 10 and len(looks) == 3 and max(kept) > 1.5 * min(kept)
    assert kept == pytest.approx(anew, rel=1e-5, abs=1e-6)
    for one, other in zip(looks, others, strict=True):
        assert one["validation_accuracy"] == other["validation_accuracy"] and one["best"] == other["best"]
    answers = [(run.path / "predictions" / "test.jsonl").read_text("utf-8").splitlines() for run in both]
    labels = [[json.loads(line)["prediction"] for line in lines] for lines in answers]
    assert labels[0] == labels[1] and len(labels[0]) > 5
    assert [train_of(run)["cache_trunk"] for run in both] == [True, False]


def test_in_bfloat16_the_states_are_rounded_whether_kept_or_not(made, small, monkeypatch):
    settings, entered, plain = (*STILL, "train.precision=bfloat16"), [], Trunk.rounded
    monkeypatch.setattr(Trunk, "rounded", lambda self: entered.append(self.cut) or plain(self))
    kept, anew = (log(made("freeze", (*settings, f"train.cache_trunk={one}"), small))[0] for one in ("true", "false"))
    assert kept == pytest.approx(anew, rel=2e-2, abs=2e-3)
    assert entered == [1] * 4, "in the self-test and in the training of each"


def test_another_rate_and_another_batch_size_compute_nothing_below_again(both, rows, small, tmp_path, monkeypatch):
    asked, plain, before = [], Trunk.states, sorted(states.home().rglob("*.states"))
    fed, feed = [], Trunk.fed
    forecast = whet.plan(rows, model=small, settings=FAST).forecasts[0]
    monkeypatch.setattr("whet.room.forecast", lambda leg: forecast)  # it times them
    monkeypatch.setattr(Trunk, "states", lambda self, flat: asked.append(flat.tokens) or plain(self, flat))
    monkeypatch.setattr(Trunk, "fed", lambda self, known: fed.append(known is not None) or feed(self, known))
    for number, setting in enumerate(("train.learning_rate=1e-3", "train.batch_size=4")):
        settings = (*FAST, *STILL, setting, "train.cache_trunk=true")
        fed.clear()
        run = whet.run(rows, model=small, strategy="freeze", out=tmp_path / str(number), settings=settings)
        losses, looks = log(run)
        assert sum(fed) == len(losses) + len(looks) + 1, "every step, every look and the self-test, nothing else"
        assert fed[-1] is False, "what is reported is answered from the tokens"
    assert asked == [11] * 2, "the two texts of the self-test"
    assert sorted(states.home().rglob("*.states")) == before != []


def test_it_is_said_and_a_plan_says_it_and_computes_nothing(rows, small, tmp_path, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path))
    plan = whet.plan(rows, model=small, strategy="freeze", settings=(*FAST, *STILL, "train.cache_trunk=true"))
    assert any("1 of 2 blocks stand still, so their states are computed once" in note for note in plan.notes)
    assert not list(states.home().rglob("*.states"))
    usual = whet.plan(rows, model=small, strategy="freeze", settings=(*FAST, *STILL))
    assert any("would not pay" in note for note in usual.notes)


def test_where_everything_moves_none_are_kept(rows, small, tmp_path):
    said = []
    run = whet.run(
        rows,
        model=small,
        out=tmp_path / "run",
        settings=(*FAST, "train.cache_trunk=true"),
        tell=lambda event: said.append(event.text) if isinstance(event, Said) else None,
    )
    assert train_of(run)["cache_trunk"] is False
    assert any("no states are kept: nothing stands still" in one for one in said)
