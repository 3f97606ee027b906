"""run, plan, resume, evaluate, init, doctor: what they ask of the front door, and what they print."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from cli.conftest import METRICS, make_run
from whet import front
from whet.assemble.predictor import Predictor
from whet.cli import doctor
from whet.cli._metrics import in_short
from whet.core import yamlfile
from whet.core.events import silent
from whet.recipe import Recipe


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_every_option_arrives(verb, door, whet_cli):
    whet_cli(
        *(verb, "d.csv", "--task", "text-classification", "--model", "m", "--strategy", "lora", "--out", "o"),
        *("--seed", "7", "--set", "train.epochs=2", "--set", "strategy.rank=4", "--plugin", "p.py"),
    )
    name, given, options = door.calls[0]
    options.pop("tell")
    assert (name, given) == (verb, ("d.csv",))
    wanted = {
        "task": "text-classification",
        "model": "m",
        "strategy": "lora",
        "out": "o",
        "seed": 7,
        "settings": ["train.epochs=2", "strategy.rank=4"],
        "plugins": ["p.py"],
    }
    assert {key: options[key] for key in wanted} == wanted


def test_run_says_the_figures_and_where_the_report_is(door, whet_cli):
    told = whet_cli("run", "d.csv", "--budget", "10m", "--overwrite")
    assert door.calls[0][2]["budget"] == "10m" and door.calls[0][2]["overwrite"] is True
    assert told.code == 0
    for words in ("0.9000 [0.8800, 0.9200]", "0.5000", "0.5100", "1 min 23 s", "1.2 GB", "report.html"):
        assert words in told.out
    assert "two labels: yes, no" in told.err and "step" not in told.out


def test_run_json_is_the_metrics_and_the_path(door, whet_cli):
    assert whet_cli("run", "d.csv", "--json").json == {**METRICS, "run": str(Path("runs/demo"))}


def test_progress_without_a_terminal_is_plain_lines(door, whet_cli):
    told = whet_cli("run", "d.csv", "--json")
    assert "training: 4 steps, 2 epochs" in told.err
    assert "step 4/4" in told.err
    assert "accuracy 0.9100 (best so far)" in told.err
    assert "\x1b" not in told.err


@pytest.mark.parametrize("name", ["run", "plan", "resume", "evaluate"])
def test_the_real_front_door_takes_what_the_verbs_give(name, door, whet_cli):
    """The fake door takes anything, so its calls are held against the real one's signatures."""
    make_run(Path("runs/demo"), status="interrupted")
    whet_cli(name, "runs/demo", *(["d.csv"] if name == "evaluate" else []))
    _, given, options = door.calls[0]
    inspect.signature(getattr(front, name)).bind(*given, **options)


def test_the_real_predictor_takes_what_predict_gives():
    inspect.signature(Predictor.stream).bind(None, ["a text"], column=None, top=None, tell=silent)


def test_plan_shows_text_or_json(door, whet_cli):
    assert whet_cli("plan", "d.csv").out == "a plan for the eye\n"
    assert whet_cli("plan", "d.csv", "--show", "3", "--json").json["show"] == 3


def test_resume_finds_a_run_by_name_and_is_quiet_about_a_finished_one(door, whet_cli):
    make_run(Path("runs/demo"))
    door.below_baseline = True
    told = whet_cli("resume", "demo", "--force")
    assert told.code == 0
    assert door.calls[0][1] == (str(Path("runs/demo")),)
    assert door.calls[0][2]["force"] is True


def test_a_baseline_without_a_value_is_said():
    """A constant has no rank correlation."""
    metrics = {"metric": "spearman", "test": {"spearman": {"value": 0.8}}, "baseline": {"spearman": None, "mse": 1.0}}
    assert "trivial baseline  not defined" in in_short(metrics)


def test_resume_of_an_interrupted_run_answers_like_run(door, whet_cli):
    make_run(Path("runs/demo"), status="interrupted")
    door.below_baseline = True
    assert whet_cli("resume", "runs/demo").code == 5


@pytest.mark.parametrize(("below", "word"), [(True, "below the trivial"), (False, "cannot be told from the trivial")])
def test_evaluate_says_why_a_model_is_no_better_than_nothing_and_is_done_all_the_same(door, whet_cli, below, word):
    door.below_baseline, door.reasons = below, ("Likely reason: these rows are others.",)
    told = whet_cli("evaluate", "m", "d.csv")
    assert told.code == 0 and word in told.err and "these rows are others" in told.err


def test_evaluate(door, whet_cli):
    told = whet_cli("evaluate", "m", "d.csv", "-o", "there", "--overwrite", "--json")
    assert door.calls[0][1] == ("m", "d.csv")
    assert door.calls[0][2]["out"] == "there" and door.calls[0][2]["overwrite"] is True
    assert told.json["test"] == METRICS["test"]


def test_init_writes_a_recipe_that_reads_and_never_overwrites(door, whet_cli):
    assert whet_cli("init").code == 0
    text = Path("recipe.yaml").read_text("utf-8")
    assert text.count("#") > 20, "every key is explained"
    assert Recipe.of(yamlfile.read(text, "recipe.yaml"))
    Path("recipe.yaml").write_text("mine", "utf-8")
    again = whet_cli("init")
    assert again.code == 2 and "not overwritten" in again.err
    assert Path("recipe.yaml").read_text("utf-8") == "mine"


def test_init_schema_writes_no_file(door, whet_cli):
    assert whet_cli("init", "--schema").json["type"] == "object"
    assert not Path("recipe.yaml").exists()


def test_doctor_finds_this_machine_and_names_a_cure(door, whet_cli, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("WHET_CACHE", str(Path.cwd()))
    Path("machine.json").write_text(json.dumps({"here": "bfloat16"}), "utf-8")
    found = {one["name"]: one for one in whet_cli("doctor", "--json").json["checks"]}
    assert set(found) >= {
        "python",
        "torch",
        "transformers",
        "cores",
        "memory",
        "disk",
        "bfloat16",
        "GPU",
        "cache",
        "precision",
        "threads",
        "tokens at once",
        "memory's speed",
    }
    assert found["default model"]["status"] == "ok"
    assert re.match(r"(float32|bfloat16): products run at [\d,.]+ [GT]FLOP/s, in ", found["precision"]["found"])
    assert re.match(r"\d+ threads?", found["threads"]["found"]) and "GB/s" in found["memory's speed"]["found"]
    assert re.match(r"[\d,]+ tokens at once: about [\d.]+ GB of the ", found["tokens at once"]["found"])
    assert all(one["cure"] for one in found.values() if one["status"] == "warn")


def test_doctor_warns(door, whet_cli, monkeypatch):
    blocked = Path.cwd() / "file"
    blocked.write_text("not a directory", "utf-8")
    monkeypatch.setenv("WHET_CACHE", str(blocked / "cache"))
    monkeypatch.setattr(doctor, "_least_versions", lambda: {"torch": "99.0"})
    monkeypatch.setattr(doctor.memory, "total_bytes", lambda: 10**9)
    told = whet_cli("doctor")
    assert told.code == 0
    for name in ("torch", "memory", "cache"):
        assert f"\n{name}: " in told.out
    assert "torch>=99.0" in told.out and "WHET_CACHE" in told.out


def test_doctor_says_when_the_probe_is_damaged(door, whet_cli, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(Path.cwd()))
    Path("machine.json").write_text("{", "utf-8")
    assert "damaged" in whet_cli("doctor").out
