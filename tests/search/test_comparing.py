"""A whole comparison on sixty rows and a model of two narrow blocks: its files, what goes on, what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import whet
from reliability.small import tiny
from road.conftest import FAST, write_rows
from whet.cli import main
from whet.core import lock
from whet.core.durable import make_folder
from whet.core.errors import Preempted, UsageError
from whet.core.events import Said
from whet.core.rundir import read_json, read_lines
from whet.recipe import Recipe
from whet.search import cells
from whet.search.asked import Entry
from whet.search.compare import Comparison
from whet.tasks.text_classification import TextClassification
from whet.train.stop import Stop

SETTINGS = (*FAST, "train.tokens_per_batch=512", "train.learning_rate=1e-3")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """The rows and the model."""
    made = tmp_path_factory.mktemp("small")
    write_rows(made / "rows.csv")
    tiny(made / "model")
    return made


@pytest.fixture
def here(monkeypatch) -> list[list[str]]:
    """Cells run in this process, which takes a tenth of the time; the list is of their commands."""
    ran: list[list[str]] = []

    def run(command, log, stop):
        ran.append(command[3:])
        main(command[3:])
        log.write_text("", "utf-8")

    monkeypatch.setattr(cells, "_waited", run)
    return ran


def compare(place: Path, out: Path, **options) -> Comparison:
    asked = {"strategies": "full,head", "seeds": 2, "rates": 1, **options}
    settings = (*SETTINGS, *asked.pop("settings", ()))
    return whet.compare(
        asked.pop("data", place / "rows.csv"), model=str(place / "model"), out=out, settings=settings, **asked
    )


@pytest.fixture(scope="module")
def made(place, tmp_path_factory):
    """A finished comparison, how often rows were encoded for each cell, and what was said."""
    patch = pytest.MonkeyPatch()
    encoded, heard, encode = [], [], TextClassification.encode

    def counted(self, *args):
        encoded[-1] += 1
        return encode(self, *args)

    def run(command, log, stop):
        encoded.append(0)
        main(command[3:])
        log.write_text("", "utf-8")

    patch.setattr(TextClassification, "encode", counted)
    patch.setattr(cells, "_waited", run)
    patch.setattr("whet.advice.worst", lambda *_: [])  # it asks about single words, which no cache knows
    patch.setenv("WHET_CACHE", str(tmp_path_factory.mktemp("cache")))
    found = compare(place, tmp_path_factory.mktemp("out") / "c", tell=heard.append)
    patch.undo()
    return found, encoded, [event.text for event in heard if isinstance(event, Said)]


def test_the_files_say_what_was_measured(made):
    found, _, said = made
    result = read_json(found.path / "comparison.json")
    assert result["status"] == "finished" and [row["strategy"] for row in result["runs"]] == ["full"] * 2 + ["head"] * 2
    for row in result["runs"]:
        run = found.path / row["run"]
        figures = read_json(run / "metrics.json")
        assert (
            row["score"] == figures["test"]["accuracy"]["value"]
            and row["seconds"] == figures["timing"]["train_seconds"]
        )
        assert row["bundle_bytes"] == (run / "model" / "model.safetensors").stat().st_size
        assert row["moved"] == figures["parameters"]["trainable"] and not (run / "checkpoints").exists()
    assert [line["strategy"] for line in result["summary"]] == ["full", "head"] and len(result["pairs"]) == 1
    assert result["same_rows"] is False and 6 < result["test_rows"] <= 12
    assert found.result == result and str(found).splitlines()[1].startswith(("full ", "head "))
    assert "x, " not in said[-1] and any("full, seed 1 of 2: accuracy " in line for line in said)
    assert found.report.read_text("utf-8").startswith("<!doctype html>")


def test_the_same_seed_gives_every_strategy_the_same_rows_in_the_same_order(made):
    found, _, _ = made
    for seed in (0, 1):
        full, head = (found.path / name / f"seed-{seed}" for name in ("full", "head"))
        for split in ("validation", "test"):
            rows = [
                [(line["row"], line["text"]) for line in read_lines(run / "predictions" / f"{split}.jsonl")]
                for run in (full, head)
            ]
            assert rows[0] == rows[1]
        steps = [
            [line["tokens"] for line in read_lines(run / "metrics.jsonl") if "tokens" in line] for run in (full, head)
        ]
        assert steps[0] == steps[1] and len(steps[0]) > 3  # equal rows in every step have equal tokens
    texts = [(found.path / "full" / f"seed-{seed}" / "predictions" / "test.jsonl").read_text() for seed in (0, 1)]
    assert texts[0] != texts[1]


def test_the_second_strategy_does_not_tokenise_again(made):
    _, encoded, _ = made
    first, second, third, fourth = encoded  # full 0, head 0, full 1, head 1
    assert first >= 60 and second < 10 and fourth < 10, encoded


@pytest.mark.parametrize("labelled", [True, False])
def test_a_seed_has_other_test_rows_even_beside_a_test_file(place, tmp_path, here, labelled):
    """``data.max_rows`` draws a part of a test file, and one without labels is passed over."""
    head, *rows = write_rows(tmp_path / "all.csv").read_text("utf-8").splitlines()
    (tmp_path / "train.csv").write_text("\n".join([head, *rows[:40]]), "utf-8")
    if labelled:
        settings = ("data.test=" + str(tmp_path / "test.csv"), "data.max_rows=16", "data.on_leak=allow")
        (tmp_path / "test.csv").write_text("\n".join([head, *rows[40:]]), "utf-8")
    else:
        settings = ("data.test=" + str(tmp_path / "test.csv"),)
        (tmp_path / "test.csv").write_text("\n".join(["text", "a film", "no film"]), "utf-8")
    found = compare(place, tmp_path / "c", strategies="head", data=tmp_path / "train.csv", settings=settings)
    assert len(here) == 2 and found.result["same_rows"] is False
    assert all("score" in row for row in found.result["runs"])


def test_stopped_it_goes_on_without_doing_anything_twice(place, tmp_path, here, monkeypatch, made):
    whole, out = cells._waited, tmp_path / "c"

    def stopped(command, log, stop):
        whole(command, log, stop)
        stop.asked = signal.SIGTERM

    monkeypatch.setattr(cells, "_waited", stopped)
    with pytest.raises(Preempted, match=f"whet resume {out}"):
        compare(place, out)
    assert len(here) == 1 and read_json(out / "comparison.json")["status"] == "running"
    monkeypatch.setattr(cells, "_waited", whole)
    first = (out / "full" / "seed-0" / "metrics.json").stat().st_mtime_ns
    found = whet.resume(out)
    assert len(here) == 4 and (out / "full" / "seed-0" / "metrics.json").stat().st_mtime_ns == first
    assert [row["score"] for row in found.result["runs"]] == [row["score"] for row in made[0].result["runs"]]
    again = compare(place, out)
    assert len(here) == 4 and again.result["pairs"] == found.result["pairs"]


def test_other_arguments_are_refused_and_with_overwrite_begin_anew(place, tmp_path, here, made):
    out = tmp_path / "c"
    shutil.copytree(made[0].path, out)
    with pytest.raises(UsageError, match="seeds was 2 and is now 3") as refused:
        compare(place, out, seeds=3, settings=("train.weight_decay=0",))
    assert "train.weight_decay" in str(refused.value) and here == []
    with pytest.raises(UsageError, match="no comparison"):
        compare(place, place)
    found = compare(place, out, strategies="head", seeds=1, overwrite=True)
    assert len(here) == 1 and not (out / "full").exists() and found.result["pairs"] == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_that_another_process_holds_is_left_as_it_is(place, tmp_path, here, made, overwrite):
    """Claimed before it was locked, two that began together both wrote what they were asked for."""
    out = tmp_path / "c"
    if overwrite:
        shutil.copytree(made[0].path, out)
    else:
        make_folder(out)
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    with lock.only_writer(out), pytest.raises(UsageError, match="another process is writing here"):
        compare(place, out, overwrite=overwrite)
    assert here == [] and sorted(path.relative_to(out) for path in out.rglob("*")) == before


def test_a_damaged_answer_is_not_counted(place, tmp_path, made):
    out = tmp_path / "c"
    shutil.copytree(made[0].path, out)
    path = out / "head" / "seed-1" / "predictions" / "test.jsonl"
    turned = (
        path.read_text("utf-8")
        .replace('"prediction": "good"', '"prediction": "odd"')
        .replace('"prediction": "bad"', '"prediction": "odd"')
    )
    path.write_text(turned, "utf-8")
    with pytest.raises(UsageError, match="these answers give accuracy 0"):
        compare(place, out)


def test_a_cell_that_fails_is_a_row_with_its_reason_and_the_rates_are_reported(place, tmp_path, here, capsys):
    spec = "head,full:train.learning_rate=1e30"
    words = ["compare", str(place / "rows.csv"), "--model", str(place / "model"), "--strategies", spec, "--seeds", "1"]
    words += ["--rates", "2", "--out", str(tmp_path / "c"), "--json"]
    for setting in FAST:
        words += ["--set", setting]
    capsys.readouterr()
    monkey = pytest.MonkeyPatch()
    inner = cells._waited

    def quiet(command, log, stop):
        inner(command, log, stop)
        capsys.readouterr()

    monkey.setattr(cells, "_waited", quiet)
    code = main(words)
    monkey.undo()
    found = json.loads(capsys.readouterr().out)
    assert code == 0 and found["comparison"] == str(tmp_path / "c")
    head, full = found["runs"]
    assert head["status"] == "finished" and full["status"] == "failed" and "the loss is nan" in full["reason"]
    assert [one["strategy"] for one in found["search"]] == ["head", "full learning_rate=1e30"]
    assert len(found["search"][0]["tried"]) == 3 and found["search"][0]["chosen"] == head["learning_rate"]


def test_the_reason_of_a_failed_cell_has_its_cure(tmp_path):
    """What a run says before it has a state stands in its log alone, and the cure is worth more than the fault."""
    cell = cells.cell_at(tmp_path, Entry("head", Recipe.of({"data": {"train": "x.csv"}})), 0, None)
    log = cell.place.with_name(cell.place.name + ".log")
    log.parent.mkdir(parents=True)
    log.write_text("a note\nerror: m: it is no decoder\n  cure: set task.objective=masked\n", "utf-8")
    assert cells.outcome(cell).reason == "m: it is no decoder; cure: set task.objective=masked"
    log.write_text("error: one thing\nerror: another\n", "utf-8")
    assert cells.outcome(cell).reason == "another"


def test_a_metric_of_the_shelf_leads(place, tmp_path, here):
    found = compare(place, tmp_path / "c", seeds=1, settings=("evaluate.metric=roc-auc",))
    assert len(here) == 2 and found.result["metric"] == "roc_auc"
    for line, row in zip(found.result["summary"], found.result["runs"], strict=True):
        figures = read_json(found.path / row["run"] / "metrics.json")
        assert line["mean"] == row["score"] == figures["test"]["roc_auc"]["value"]
        assert line["low"] < line["mean"] < line["high"]


def test_what_a_killed_comparison_left_running_is_waited_for(place, tmp_path, here, made, monkeypatch):
    out = tmp_path / "c"
    shutil.copytree(made[0].path, out)
    run = out / "full" / "seed-0"
    state, heard = (run / "state.json").read_bytes(), []
    (run / "state.json").unlink()
    with ExitStack() as other:
        other.enter_context(lock.only_writer(run))
        with pytest.raises(UsageError, match="another process is writing here"):
            compare(place, out, overwrite=True)

        def end(seconds: float) -> None:
            (run / "state.json").write_bytes(state)
            other.close()

        monkeypatch.setattr(cells.time, "sleep", end)
        found = compare(place, out, tell=heard.append)
    assert here == [] and found.result["runs"] == made[0].result["runs"]
    assert [event.text for event in heard if "an earlier start still trains it" in event.text]


def test_one_that_takes_the_directory_while_ours_begins_is_waited_for(place, tmp_path, here, monkeypatch):
    out, whole = tmp_path / "c", cells._waited
    run = out / "head" / "seed-0"
    with ExitStack() as other:

        def refused(command, log, stop):
            make_folder(run)
            other.enter_context(lock.only_writer(run))
            monkeypatch.setattr(cells, "_waited", whole)

        monkeypatch.setattr(cells, "_waited", refused)
        monkeypatch.setattr(cells.time, "sleep", lambda seconds: other.close())
        found = compare(place, out, strategies="head", seeds=1)
    assert len(here) == 1 and found.result["runs"][0]["status"] == "finished"


def test_a_budget_is_handed_to_every_cell_and_shortens_its_training(place, tmp_path, here):
    found = compare(place, tmp_path / "c", seeds=1, budget="0.001s", settings=("train.evaluate_every=1",))
    assert [command[-2:] for command in here] == [["--budget", "0.001s"]] * 2
    for row in found.result["runs"]:
        assert read_json(found.path / row["run"] / "state.json")["step"] == 1
    assert found.result["epochs"] is None


def test_a_cell_has_a_process_of_its_own(place, tmp_path):
    found = compare(place, tmp_path / "c", strategies="head", seeds=1)
    (row,) = found.result["runs"]
    assert row["status"] == "finished", row
    assert "training: " in (tmp_path / "c" / "head" / "seed-0.log").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--strategies", "lroa"), "did you mean 'lora'?"),
        (("--strategies", "lora:rnk=4"), "did you mean 'rank'?"),
        (("--set", "evaluate.metric=accuracyy"), "did you mean 'accuracy'?"),
        (("--set", "evaluate.metric=loss"), "needs the logits"),
        (("--budget", "soon"), "is no time"),
        (("--seeds", "0"), "--seeds"),
    ],
)
def test_wrong_words_are_refused_before_any_training(place, tmp_path, here, capsys, words, said):
    code = main(
        ["compare", str(place / "rows.csv"), "--model", str(place / "model"), "--out", str(tmp_path / "c"), *words]
    )
    assert code == 2 and said in capsys.readouterr().err
    assert here == [] and not (tmp_path / "c").exists()


CHILD = """
import signal, sys, time
count = 0
def hear(number, frame):
    global count
    count += 1
    print(f"heard {number}", file=sys.stderr, flush=True)
signal.signal(signal.SIGTERM, hear)
print("ready", file=sys.stderr, flush=True)
for _ in range(100):
    time.sleep(0.05)
    if count:
        time.sleep(0.4)
        sys.exit(75)
"""


def test_a_request_to_stop_reaches_the_cell_once_and_its_end_is_awaited(tmp_path):
    log = tmp_path / "log"
    with Stop() as stop:

        class Soon:
            @property
            def asked(self):
                return signal.SIGTERM if log.is_file() and "ready" in log.read_text() else None

        cells._waited([sys.executable, "-c", CHILD], log, Soon())
        assert stop.asked is None
    assert log.read_text().splitlines() == ["ready", f"heard {int(signal.SIGTERM)}"]


def test_a_killed_cell_says_so(tmp_path):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    cells._waited([sys.executable, "-c", code], tmp_path / "log", Stop())
    assert "killed (signal 9)" in (tmp_path / "log").read_text()


def test_an_impatient_user_leaves_no_process_behind(tmp_path, monkeypatch):
    started = []
    real = subprocess.Popen

    def watched(*args, **options):
        started.append(real(*args, **options))
        return started[-1]

    class Twice:
        @property
        def asked(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", watched)
    with pytest.raises(KeyboardInterrupt):
        cells._waited([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log", Twice())
    assert started[0].poll() is not None
