"""Runs that end badly say so by their exit code, and keep what was done."""

from __future__ import annotations

import csv

import whet
from road.conftest import FAST, write_rows
from whet.cli import main
from whet.core import draws
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
    assert "on validation rows and 0.000 on test rows: the test rows are labelled otherwise" in run.reasons[0]
    assert run.status == "finished" and run.report.is_file() and run.model.is_dir()
    assert run.metrics["test"]["accuracy"]["value"] < run.metrics["baseline"]["accuracy"]
    assert all(reason in said for reason in run.reasons) and run.reasons[0] in run.report.read_text("utf-8")


def test_shuffled_labels_are_told_by_what_was_learnt_and_does_not_carry_over(tmp_path, capsys):
    """Seven of ten rows have one label, whatever their text: learning them by heart is worse than saying that one."""
    made, out = tmp_path / "rows.csv", tmp_path / "run"
    with write_rows(tmp_path / "whole.csv").open(encoding="utf-8", newline="") as given:
        first, *others = list(csv.reader(given))
    labels = [("bad" if k % 10 < 3 else "good") for k in draws.order(len(others), 3, 0, 0)]
    with made.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([first, *([text, label] for (text, _), label in zip(others, labels, strict=True))])
    more = ("train.epochs=8", "train.learning_rate=3e-4", "train.evaluate_every=999", "data.split_fractions=[0.2,0.3]")
    code = main(["run", str(made), "--out", str(out), *settings(*more)])
    assert code == 5 and "Likely reason: the training rows were learnt (loss" in capsys.readouterr().err
    assert whet.Run.at(out).reasons[0].startswith("Likely reason: the training rows were learnt")


def test_no_better_than_the_baseline_is_said_with_its_reasons_though_it_is_not_below(tmp_path, capsys):
    """Nine of ten rows have one label whatever their text, and the rows to test are few."""
    made, out = tmp_path / "rows.csv", tmp_path / "run"
    with write_rows(tmp_path / "whole.csv").open(encoding="utf-8", newline="") as given:
        first, *others = list(csv.reader(given))
    with made.open("w", encoding="utf-8", newline="") as file:
        rows = [[text, "bad" if k % 10 == 0 else "good"] for k, (text, _) in enumerate(others)]
        csv.writer(file).writerows([first, *rows])
    more = ("strategy=head", "train.epochs=2", "data.split_fractions=[0.2,0.4]")
    code = main(["run", str(made), "--out", str(out), *settings(*more)])
    run, said = whet.Run.at(out), capsys.readouterr().err
    assert code == 0 and not run.below_baseline
    assert "warning: the model cannot be told from the trivial baseline" in said
    assert "within what 24 test rows can tell" in run.reasons[-1] and run.reasons[0] in run.report.read_text("utf-8")
