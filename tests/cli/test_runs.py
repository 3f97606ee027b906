"""runs: list, show, diff, rm, from the files alone."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from cli.conftest import make_run
from whet.core.rundir import write_json


@pytest.fixture
def two(door):
    for number, name in enumerate(("old", "new")):
        root = make_run(Path("runs") / name, recipe=f"seed: {number}\ntrain: {{epochs: {number + 2}, batch_size: 8}}\n")
        os.utime(root / "state.json", (1000 + number, 1000 + number))
    return door


def test_list_has_the_newest_last(two, whet_cli):
    told = whet_cli("runs")
    assert told.code == 0
    assert told.out.index("old") < told.out.index("new")
    assert "accuracy 0.9000" in told.out
    assert [one["run"] for one in whet_cli("runs", "--json").json] == [
        str(Path("runs/old")),
        str(Path("runs/new")),
    ]


def test_list_survives_a_damaged_run_and_strangers(two, whet_cli):
    (Path("runs/old") / "state.json").write_text("{", "utf-8")
    (Path("runs/old") / "metrics.json").write_text("[]", "utf-8")
    Path("runs/notes").mkdir()
    told = whet_cli("runs", "list")
    assert told.code == 0 and "damaged" in told.out and "notes" not in told.out


def test_comparisons_are_named_beside_the_runs(door, whet_cli):
    write_json(Path("comparisons/reviews") / "comparison.json", {})
    assert "comparisons/reviews" in whet_cli("runs").err and whet_cli("runs", "--json").json == []


def test_no_runs_yet(door, whet_cli):
    told = whet_cli("runs")
    assert (told.code, told.out) == (0, "")
    assert whet_cli("runs", "list", "--json").json == []


def test_show(two, whet_cli):
    told = whet_cli("runs", "show", "new")
    assert "0.9000 [0.8800, 0.9200]" in told.out and "f1_macro" in told.out and "report.html" in told.out


def test_show_says_what_was_forgotten(two, whet_cli):
    findings = [{"kind": "next", "text": "More rows."}, {"kind": "retention", "text": "Nothing was forgotten."}]
    (Path("runs/new") / "findings.json").write_text(json.dumps(findings), "utf-8")
    assert "kept and forgotten: Nothing was forgotten." in whet_cli("runs", "show", "new").out
    assert "forgotten" not in whet_cli("runs", "show", "old").out


def test_show_of_an_interrupted_run_says_how_to_go_on(door, whet_cli):
    make_run(Path("runs/half"), status="interrupted")
    assert "whet resume" in whet_cli("runs", "show", "runs/half").out


def test_show_of_no_run_names_the_nearest(two, whet_cli):
    told = whet_cli("runs", "show", "nwe")
    assert told.code == 2 and "did you mean 'new'?" in told.err


def test_diff_shows_only_what_differs(two, whet_cli):
    found = whet_cli("runs", "diff", "old", "new", "--json").json
    assert found["recipe"] == {"seed": [0, 1], "train.epochs": [2, 3]}
    assert found["test"] == {}
    told = whet_cli("runs", "diff", "old", "new").out
    assert "train.epochs" in told and "batch_size" not in told


def test_diff_of_metrics(two, whet_cli):
    make_run(Path("runs/best"), test={"accuracy": {"value": 0.95, "low": 0.9, "high": 0.99}})
    assert whet_cli("runs", "diff", "old", "best", "--json").json["test"]["accuracy"] == [0.9, 0.95]


def test_rm_asks_nobody_without_a_terminal(two, whet_cli):
    told = whet_cli("runs", "rm", "old")
    assert told.code == 2 and "--yes" in told.err
    assert Path("runs/old").is_dir()


def test_rm_removes_what_was_named(two, whet_cli):
    assert whet_cli("runs", "rm", "old", "--yes").code == 0
    assert not Path("runs/old").exists() and Path("runs/new").is_dir()


def test_rm_removes_all_or_nothing(two, whet_cli):
    Path("runs/notes").mkdir()
    told = whet_cli("runs", "rm", "old", "notes", "--yes")
    assert told.code == 2
    assert Path("runs/old").is_dir() and Path("runs/notes").is_dir()


def test_rm_leaves_a_running_run(two, whet_cli):
    make_run(Path("runs/busy"), status="running")
    assert whet_cli("runs", "rm", "busy", "--yes").code == 2
    assert Path("runs/busy").is_dir()
    assert whet_cli("runs", "rm", "busy", "--yes", "--force").code == 0
    assert not Path("runs/busy").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="making a symbolic link needs rights there")
def test_rm_never_follows_a_link(two, whet_cli):
    elsewhere = make_run(Path("elsewhere/run"))
    Path("runs/link").symlink_to(elsewhere.resolve())
    assert whet_cli("runs", "rm", "link", "--yes").code == 2
    assert (elsewhere / "state.json").is_file()
