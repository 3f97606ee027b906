"""``whet compare`` at the command line: what is passed on, what is printed, and the exit code."""

from __future__ import annotations

from pathlib import Path

import whet
from cli.conftest import FakeComparison
from whet.core.rundir import write_json


def test_options_are_passed_on_and_a_table_is_printed(door, whet_cli):
    found = whet_cli(
        "compare", "x.csv", "--strategies", "full,lora:rank=4", "--seeds", "5", "--budget", "2m", "--rates", "1"
    )
    (_, (data,), options), *_ = door.calls
    assert (data, options["strategies"], options["seeds"], options["rates"]) == ("x.csv", "full,lora:rank=4", 5, 1)
    assert options["budget"] == "2m" and found.code == 0
    assert "full" in found.out and "0.9000 [0.8000, 1.0000]" in found.out and "1 min 10 s" in found.out
    assert "full is best" in found.out and "comparisons/demo/comparison.html" in found.out


def test_json_is_one_document(door, whet_cli):
    found = whet_cli("compare", "x.csv", "--json")
    assert found.json["summary"][0]["mean"] == 0.9 and found.json["comparison"] == "comparisons/demo"


def test_without_any_score_the_code_is_that_of_a_failed_training(door, whet_cli, monkeypatch):
    monkeypatch.setattr(whet, "compare", lambda *args, **options: FakeComparison(scored=False))
    found = whet_cli("compare", "x.csv")
    assert found.code == 5 and "failed: it diverged" in found.out and "no cell has a score" in found.err


def test_resume_of_a_comparison_goes_on_with_it(door, whet_cli, monkeypatch, tmp_path):
    write_json(tmp_path / "c" / "comparison.json", {})
    asked = []
    monkeypatch.setattr(whet, "resume", lambda place, **options: asked.append(Path(place)) or FakeComparison())
    found = whet_cli("resume", str(tmp_path / "c"), "--json")
    assert asked == [tmp_path / "c"] and found.json["comparison"] == "comparisons/demo" and found.code == 0


def test_a_comparison_is_not_forced(whet_cli, tmp_path):
    write_json(tmp_path / "c" / "comparison.json", {})
    found = whet_cli("resume", str(tmp_path / "c"), "--force")
    assert found.code == 2 and "cannot be forced" in found.err and "--overwrite" in found.err
