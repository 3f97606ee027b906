"""``evaluate.curve``: the same recipe on a quarter and on half of the rows, measured on validation rows alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

import whet
from road.conftest import FAST
from whet import curve, room
from whet.core import rundir
from whet.core.errors import UsageError
from whet.core.events import Began, Stepped
from whet.core.rundir import RunDir
from whet.core.yamlfile import read
from whet.forecast import Forecast
from whet.recipe import Recipe

CURVE = ("evaluate.curve=true", "data.split_fractions=[0.4, 0.1]", "data.on_leak=allow")


@pytest.fixture(scope="module")
def curved(made, small):
    return RunDir(made(None, CURVE, small).path)


def test_the_points_are_nested_trainings_and_the_whole(curved):
    metrics = rundir.read_json(curved.metrics)
    points = metrics["curve"]
    assert [one["share"] for one in points] == [0.25, 0.5, 1.0]
    whole = metrics["data"]["rows"]["train"]
    assert [one["rows"] for one in points] == [round(whole / 4), round(whole / 2), whole]
    assert all(one["low"] <= one["value"] <= one["high"] and one["seconds"] > 0 for one in points)
    assert points[-1]["value"] == metrics["validation"]["accuracy"]["value"]
    assert [read(place.recipe.read_text("utf-8"), "")["data"]["share"] for place in curved.inside()] == [0.25, 0.5]


def test_no_point_sees_a_test_row_or_leaves_weights(curved):
    for place in curved.inside():
        assert place.status() == "finished"
        assert not place.predictions("test").exists() and not place.metrics.exists()
        assert not list(place.root.rglob("*.safetensors"))


def test_the_report_says_what_the_last_doubling_gained(curved):
    (found,) = [one for one in rundir.read_json(curved.findings) if "gain" in one["evidence"]]
    points = rundir.read_json(curved.metrics)["curve"]
    assert found["kind"] == "next"
    assert found["evidence"]["gain"] == pytest.approx(points[2]["value"] - points[1]["value"])
    assert found["evidence"]["low"] <= found["evidence"]["gain"] <= found["evidence"]["high"]
    assert '<section id="curve">' in curved.report.read_text("utf-8")


def test_the_same_weights_with_and_without_it(curved, made, small):
    plain = RunDir(made(None, CURVE[1:], small).path)
    weights = [{p.name: rundir.digest(p) for p in one.model.glob("*.safetensors")} for one in (plain, curved)]
    assert weights[0] == weights[1] and weights[0]
    assert "curve" not in rundir.read_json(plain.metrics)


def test_a_point_goes_on_from_what_the_stages_before_left(rows, small, tmp_path):
    stages = [{"strategy": "head"}, {"evaluate": {"curve": True}}]
    data = {"train": str(rows), "split_fractions": [0.4, 0.1], "on_leak": "allow"}
    recipe = Recipe.of({"model": {"name": small}, "data": data, "train": {"epochs": 1}, "stages": stages})
    began = []
    out = whet.run(recipe, out=tmp_path / "run", tell=lambda event: began.append(event)).path
    assert [event.stage for event in began if isinstance(event, Began)] == [0, 1, 0, 0]
    for place in RunDir(out).inside():
        (stage,) = Recipe.read(place.recipe).stages
        assert stage.model.name == str(RunDir(out).stage(0))
    points = rundir.read_json(RunDir(out).metrics)["curve"]
    trained = rundir.read_json(RunDir(out).state)["done"]
    assert [one["rows"] for one in points] == [8, 15, 30] and points[-1]["seconds"] == trained[-1]["seconds"]


def test_moved_in_the_middle_of_a_point_it_goes_on_from_the_stages_where_they_are_now(rows, small, tmp_path):
    stages = [{"strategy": "head"}, {"evaluate": {"curve": True}}]
    data = {"train": str(rows), "split_fractions": [0.4, 0.1], "on_leak": "allow"}
    values = {"model": {"name": small}, "data": data, "train": {"epochs": 1, "batch_size": 2}, "stages": stages}
    began = []

    def tell(event):
        began.append(event) if isinstance(event, Began) else None
        if len(began) == 4 and isinstance(event, Stepped):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whet.run(Recipe.of(values), out=tmp_path / "run", tell=tell)
    (tmp_path / "run").rename(tmp_path / "moved")
    run = whet.resume(tmp_path / "moved")
    assert len(run.metrics["curve"]) == 3


def test_a_metric_of_the_shelf_leads_a_curve_too(rows, small, tmp_path):
    """The points were scored by the task alone: a KeyError after all was trained."""
    settings = [*CURVE, "evaluate.metric=roc_auc", "train.epochs=1", "train.threads=1"]
    run = whet.run(rows, model=small, out=tmp_path / "run", settings=settings)
    points = run.metrics["curve"]
    assert len(points) == 3 and points[-1]["value"] == run.metrics["validation"]["roc_auc"]["value"]


def foreseen(train: float, measure: float) -> Forecast:
    return Forecast(1, 1, 1, train, 1, 1, 1, 1, measure)


@pytest.mark.parametrize(
    ("settings", "forecasts", "wanted"),
    [
        ([], [foreseen(100, 5)], False),  # 75 of 105 s
        ([], [foreseen(100, 650.1)], True),  # 75 of 750.1 s
        ([], [foreseen(100, 649)], False),
        (["evaluate.folds=8"], [foreseen(100, 0)], True),  # 75 of 800 s
        (["evaluate.folds=7"], [foreseen(100, 0)], False),
        ([], [foreseen(100, 0), foreseen(10, 0)], True),  # 7.5 of 110 s
        ([], [foreseen(10, 0), foreseen(100, 600)], False),
        (["data.split_fractions=[0, 0.1]"], [foreseen(1, 1000)], False),
        (["evaluate.curve=true"], [foreseen(100, 0)], True),
        (["evaluate.curve=false"], [foreseen(1, 1000)], False),
    ],
)
def test_unasked_it_is_trained_where_it_takes_under_a_tenth(settings, forecasts, wanted, rows):
    recipe = whet.front._recipe(str(rows), "text-classification", None, None, 0, settings, (), print)
    assert curve.settled(recipe, forecasts).stages[-1].evaluate.curve is wanted


def test_a_budget_shortens_training_and_not_measuring(rows):
    recipe = whet.front._recipe(str(rows), "text-classification", None, None, 0, [], (), print)
    assert curve.settled(recipe, [foreseen(100, 100)]).stages[-1].evaluate.curve is False
    assert curve.settled(recipe, [foreseen(100, 100)], 10).stages[-1].evaluate.curve is True  # 7.5 of 110 s


def test_the_plan_says_what_it_costs(rows, monkeypatch):
    forecast = room.forecast
    monkeypatch.setattr(room, "forecast", lambda leg: replace(forecast(leg), train_seconds=40.0))
    asked = " ".join(whet.plan(rows, settings=[*FAST, "evaluate.curve=true"]).notes)
    assert "a learning curve is measured beside it, with 25 and 50 % of the training rows: about 30 s more" in asked
    assert "a learning curve (evaluate.curve=true) would say" in " ".join(whet.plan(rows, settings=FAST).notes)


def test_without_validation_rows_it_is_refused(rows):
    with pytest.raises(UsageError, match="a learning curve is measured on validation rows"):
        whet.plan(rows, settings=[*FAST, "evaluate.curve=true", "data.split_fractions=[0, 0.1]"])
