"""What a finished run leaves: the files that interface.md names, and a recipe from which it can be had again."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser

import pytest

import whet
from whet.core import rundir

FILES = (
    "recipe.yaml",
    "plan.json",
    "state.json",
    "metrics.jsonl",
    "check.json",
    "model/config.json",
    "model/model.safetensors",
    "model/tokenizer.json",
    "model/whet.json",
    "predictions/validation.jsonl",
    "predictions/test.jsonl",
    "metrics.json",
    "findings.json",
    "report.html",
    "README.md",
)


def strict(path):
    def refuse(word):
        raise AssertionError(f"{path.name} holds {word}, which is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text("utf-8").splitlines()]


def test_every_file_is_there_under_its_name(made):
    run = made()
    assert [name for name in FILES if not (run.path / name).is_file()] == []
    assert list((run.path / "checkpoints").glob("*/manifest.json"))
    assert not list(run.path.rglob("*.part")) and not list(run.path.rglob("*.bin"))
    assert run.status == "finished"


def test_the_numbers_stand_under_their_names(made):
    figures = made().metrics
    assert {"task", "strategy", "model", "seed", "test", "validation", "baseline", "untuned", "calibration"} <= set(
        figures
    )
    assert {"value", "low", "high"} == set(figures["test"]["accuracy"])
    assert figures["data"]["rows"] == {"train": 48, "validation": 6, "test": 6}
    assert figures["untuned"] is None, "a new head can only guess"
    assert figures["parameters"]["total"] >= figures["parameters"]["trainable"] > 20_000_000
    assert figures["timing"]["total_seconds"] >= figures["timing"]["train_seconds"] > 0
    assert figures["memory"]["peak_bytes"] > 10**8 and figures["memory"]["predicted_bytes"] > 10**8
    plan = rundir.read_json(made().files.plan)
    assert set(plan) >= {"trainable_parameters", "total_parameters", "peak_memory_bytes", "train_seconds"}


def test_the_log_has_every_step_and_one_look(made):
    log = strict(made().files.log)
    steps = [line for line in log if "loss" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    assert {"step", "epoch", "loss", "lr", "grad_norm"} <= set(steps[0])
    assert sum("validation_accuracy" in line for line in log) == 1
    assert steps[-1]["epoch"] == 1.0


def test_answers_are_in_the_order_of_the_rows_and_strict(made):
    for split in ("validation", "test"):
        answers = strict(made().files.predictions(split))
        numbers = [answer["row"] for answer in answers]
        assert len(answers) == 6 and numbers == sorted(numbers)
        for answer in answers:
            assert {"text", "target", "prediction", "probabilities"} <= set(answer)
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
            assert answer["prediction"] == max(answer["probabilities"], key=answer["probabilities"].get)


def test_the_bundles_paper_is_true(made):
    run = made()
    paper = rundir.read_json(run.model / "whet.json")
    assert (paper["format"], paper["task"], sorted(paper["labels"])) == (1, "text-classification", ["bad", "good"])
    assert paper["columns"] == {"text": "text", "label": "label"}
    assert len(paper["base"]["sha256"]) == 64
    assert paper["weights"] == {path.name: rundir.digest(path) for path in run.model.glob("*.safetensors")}


def test_the_report_stands_alone(made):
    outside = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            outside.extend(value for name, value in attrs if name == "src" and not (value or "").startswith("data:"))
            outside.extend(value for name, value in attrs if tag == "link" and name == "href")

    Links().feed(made().report.read_text("utf-8"))
    assert outside == []


def test_its_own_recipe_gives_the_same_weights_bit_for_bit(made, tmp_path):
    first = made()
    again = whet.run(first.files.recipe, out=tmp_path / "again")
    for name in ("model.safetensors", "head.safetensors"):
        assert rundir.digest(again.model / name) == rundir.digest(first.model / name)
    assert rundir.read_json(again.files.metrics)["test"] == first.metrics["test"]
    assert again.files.recipe.read_text("utf-8") == first.files.recipe.read_text("utf-8")


def test_another_seed_gives_other_weights(made, tmp_path):
    again = whet.run(made().files.recipe, seed=1, out=tmp_path / "again")
    assert rundir.digest(again.model / "head.safetensors") != rundir.digest(made().model / "head.safetensors")


def test_a_finished_run_resumed_says_so_and_touches_nothing(made):
    run, said = made(), []
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert whet.resume(run.path, tell=lambda event: said.append(event.text)).path == run.path
    assert "finished" in said[0]
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_place_that_is_taken_is_refused_before_anything_is_trained(made, rows):
    before = rundir.digest(made().files.state)
    with pytest.raises(whet.UsageError, match="not empty"):
        whet.run(rows, out=made().path)
    assert rundir.digest(made().files.state) == before


def test_labels_to_look_at_stand_beside_their_rows(made, tmp_path):
    """Half of the other run's test rows say the other label: a model that is sure of them doubts those."""
    run, turned, out = made(), tmp_path / "turned.csv", tmp_path / "evaluation"
    rows = [row for split in ("validation", "test") for row in strict(run.files.predictions(split))]
    labels = {"good": "bad", "bad": "good"}
    texts = [(row["text"], row["prediction"] if k % 4 else labels[row["prediction"]]) for k, row in enumerate(rows * 3)]
    with turned.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *texts])
    found = whet.evaluate(str(run.path), str(turned), out=out)
    lines = strict(found.files.relabel)
    assert lines and {"split", "row", "given", "suggested", "confidence", "margin", "text", "label"} == set(lines[0])
    assert all(texts[one["row"] - 1] == (one["text"], one["given"]) for one in lines)
    assert all((one["row"] - 1) % 4 == 0 and one["suggested"] == labels[one["given"]] for one in lines)
    assert lines[0]["text"] in found.report.read_text("utf-8")
