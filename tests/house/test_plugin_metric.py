"""The example of a metric does what its page says, and the shelf's own, through the front door."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import whet
from reliability.small import tiny
from road.conftest import FAST, write_rows
from whet.core.rundir import read_json, read_lines
from whet.metrics.scores import better

PLUGIN = str(Path(__file__).parents[2] / "examples" / "plugin_metric.py")
ASKED = "evaluate.metrics=[roc_auc, {name: mean_cost, missed: bad, times: 4}]"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> whet.Run:
    place = tmp_path_factory.mktemp("metric")
    settings = (*FAST, ASKED, "evaluate.metric=brier", "train.learning_rate=1e-3", "train.evaluate_every=2")
    rows = write_rows(place / "rows.csv", 120)
    return whet.run(rows, model=str(tiny(place / "tiny")), plugins=[PLUGIN], settings=settings, out=place / "run")


def test_metrics_of_both_kinds_have_intervals_baselines_and_a_place_in_the_recipe(run):
    found = read_json(run.files.metrics)
    for name in ("roc_auc", "mean_cost", "brier"):
        one = found["test"][name]
        assert one["low"] <= one["value"] <= one["high"] and name in found["validation"] and name in found["baseline"]
    assert found["baseline"]["roc_auc"] == 0.5 and found["metric"] == "brier"
    evaluate = yaml.safe_load(run.files.recipe.read_text("utf-8"))["evaluate"]
    assert evaluate["metrics"] == [{"name": "roc-auc"}, {"name": "mean-cost", "missed": "bad", "times": 4.0}]
    assert evaluate["metric"] == "brier"
    assert better("mean_cost", 1.0, 2.0), "its own word on what is better is heard"


def test_the_one_that_leads_chooses_the_best_weights(run):
    looks = [line for line in read_lines(run.files.log) if "validation_brier" in line]
    values = [line["validation_brier"] for line in looks]
    assert len(values) > 2 and [line["best"] for line in looks] == [
        v < min(values[:k], default=9.0) for k, v in enumerate(values)
    ]


def test_the_report_says_it_in_words(run):
    page = run.files.report.read_text("utf-8")
    assert "Brier score" in page and "mean_cost" in page


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        (
            "evaluate.metrics=[roc_auk]",
            r"evaluate.metrics.0: there is no metric 'roc-auk'[\s\S]*did you mean 'roc-auc'",
        ),
        ("evaluate.metrics=[{name: cohen_kappa, weights: cubic}]", "evaluate.metrics.0.weights"),
        ("evaluate.metrics=[{name: cohen_kappa, weight: linear}]", "did you mean 'weights'"),
        (
            "evaluate.metrics=[{name: cohen_kappa, weights: linear}]",
            "'cohen_kappa' with weights=linear needs labels that",
        ),
        ("evaluate.metrics=[brier, brier]", "asked for twice"),
        ("evaluate.metric=roc_auk", "did you mean 'roc_auc'"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_written(setting, what, tmp_path):
    with pytest.raises(whet.UsageError, match=what):
        whet.run(write_rows(tmp_path / "rows.csv"), out=tmp_path / "run", settings=[setting])
    assert not (tmp_path / "run").exists()


def test_a_metric_for_other_answers_is_refused_before_training(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(f"text {k},{k / 7}\n" for k in range(60)), "utf-8")
    with pytest.raises(
        whet.UsageError, match="'roc_auc' is of one label a row or several labels a row; this task gives a num"
    ):
        whet.run(tmp_path / "rows.csv", out=tmp_path / "run", settings=["evaluate.metric=roc_auc"])
