"""Runs that end badly say so by their exit code, and keep what was done."""

from __future__ import annotations

import csv

import whet
from road.conftest import FAST, write_rows
from whet.cli import main
from whet.core.rundir import RunDir


def settings(*more: str) -> list[str]:
    return [word for setting in (*FAST, *more) for word in ("--set", setting)]


def test_a_diverging_training_ends_with_5(rows, tmp_path, capsys):
    """The first step's loss is finite and its update is not; a look at such weights would still give half of the rows
    right."""
    out = tmp_path / "run"
    code = main(["run", str(rows), "--out", str(out), *settings("train.learning_rate=1e30", "train.evaluate_every=1")])
    said = capsys.readouterr().err
    assert code == 5 and "learning_rate" in said and "Traceback" not in said, said
    assert RunDir(out).status() == "failed"
    assert not RunDir(out).model.exists() and not any(RunDir(out).checkpoints.glob("*"))


def test_a_model_below_the_baseline_ends_with_5_and_a_report(tmp_path, capsys):
    """Its test rows have the other label each, so whatever it learnt is wrong there."""
    train, test, out = write_rows(tmp_path / "train.csv"), tmp_path / "test.csv", tmp_path / "run"
    with train.open(encoding="utf-8", newline="") as given, test.open("w", encoding="utf-8", newline="") as made:
        first, *others = list(csv.reader(given))
        turned = [[text + " again", {"good": "bad", "bad": "good"}[label]] for text, label in others]
        csv.writer(made).writerows([first, *turned])
    code = main(["run", str(train), "--out", str(out), *settings(f"data.test={test}", "train.epochs=3")])
    said = capsys.readouterr().err
    run = whet.Run.at(out)
    assert code == 5 and "below the trivial baseline" in said
    assert "Likely reason: there were only" in said and "Likely reason: accuracy is" in said, said
    assert [one for one in run.reasons if "on validation rows and 0.000 on test rows" in one]
    assert run.reasons[0] in run.report.read_text("utf-8")
    assert run.status == "finished" and run.report.is_file() and run.model.is_dir()
    assert run.metrics["test"]["accuracy"]["value"] < run.metrics["baseline"]["accuracy"]
