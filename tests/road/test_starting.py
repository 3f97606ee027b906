"""A run may start from what stands already: a run, an adapter, an earlier stage."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

import whet

FAST = ["train.epochs=1", "train.precision=float32"]


def probabilities(run) -> list[dict[str, float]]:
    lines = (run.path / "predictions" / "test.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["probabilities"] for line in lines]


def shipped(run) -> list[dict[str, float]]:
    texts = [
        json.loads(line)["text"] for line in (run.path / "predictions" / "test.jsonl").read_text("utf-8").splitlines()
    ]
    return [row["probabilities"] for row in whet.load(run.path).predict(texts)]


def test_a_run_from_a_run_keeps_its_head_and_says_the_untuned_score(tmp_path, rows, made, small):
    first = made(None, tuple(FAST), small)
    second = whet.run(rows, model=str(first.path), out=tmp_path / "run", settings=FAST)
    assert first.metrics["untuned"] is None
    assert second.metrics["untuned"]["accuracy"] == pytest.approx(first.metrics["test"]["accuracy"]["value"])


@pytest.mark.parametrize("strategy", ["lora", "full"])
def test_what_started_from_an_adapter_ships_what_was_measured(tmp_path, rows, made, small, strategy):
    first = made("lora", tuple(FAST), small)
    second = whet.run(rows, model=str(first.model), strategy=strategy, out=tmp_path / "run", settings=FAST)
    for said, served in zip(probabilities(second), shipped(second), strict=True):
        assert served == pytest.approx(said, abs=1e-4)


def test_an_adapter_whose_base_changed_is_refused(tmp_path, rows, small):
    base = shutil.copytree(small, tmp_path / "base")
    run = whet.run(rows, model=str(base), strategy="lora", out=tmp_path / "run", settings=FAST)
    weights = load_file(base / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += 1
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(whet.ModelError, match="not those on which the adapter was trained"):
        whet.load(run.path)


def test_two_stages_go_on_from_one_trunk(tmp_path, rows, small):
    stages = [
        {"strategy": "head", "train": {"epochs": 1, "learning_rate": 1e-3}},
        {"strategy": "full", "train": {"epochs": 1}},
    ]
    recipe = whet.Recipe.of({"model": small, "data": {"train": str(rows)}, "stages": stages})
    run = whet.run(recipe, out=tmp_path / "run")
    assert run.metrics["strategy"] == "full"
    assert run.metrics["untuned"] is not None  # the first stage's head came along
    assert (run.path / "stages" / "0" / "whet.json").is_file()
    logged = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert {line["stage"] for line in logged} == {0, 1}


def test_a_budget_shortens_the_training(tmp_path, rows, small):
    run = whet.run(rows, model=small, out=tmp_path / "run", budget="0.2s", settings=["train.epochs=4000"])
    kept = whet.Recipe.read(run.path / "recipe.yaml").stages[0].train.epochs
    assert 0 < kept < 4000


def test_evaluate_on_the_same_rows_gives_the_same_score(tmp_path, rows, made, small):
    run = made(None, tuple(FAST), small)
    found = whet.evaluate(run.path, rows, out=tmp_path / "again")
    assert found.report.is_file()
    assert found.metrics["data"]["rows"]["test"] == sum(run.metrics["data"]["rows"].values())
    assert found.metrics["test"]["accuracy"]["low"] <= found.metrics["test"]["accuracy"]["value"]


def test_prediction_is_lazy_and_keeps_the_order(made, small):
    predictor = whet.load(made(None, tuple(FAST), small).path)
    asked = []

    def texts():
        for number in range(5000):
            asked.append(number)
            yield f"text number {number} is fine"

    stream = predictor.stream(texts())
    first = [next(stream) for _ in range(3)]
    assert [row["row"] for row in first] == [1, 2, 3]
    assert len(asked) < 3000
