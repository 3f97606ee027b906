"""The run's directory: atomic writes, claims, strict JSON."""

from __future__ import annotations

import json

import pytest

from whet.core import rundir
from whet.core.errors import UsageError
from whet.core.rundir import RunDir


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.jsonl"
    rundir.write_lines(path, [{"a": 1}])

    def rows():
        yield {"a": 2}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        rundir.write_lines(path, rows())
    assert list(rundir.read_lines(path)) == [{"a": 1}]


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    def fail(path):
        (path / "new").write_text("x")
        raise RuntimeError

    rundir.publish(tmp_path / "f", lambda path: (path / "old").write_text("x"))
    with pytest.raises(RuntimeError):
        rundir.publish(tmp_path / "f", fail)
    assert {path.name for path in (tmp_path / "f").iterdir()} == {"old", "manifest.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_what_json_has_no_word_for_is_null(tmp_path):
    rundir.write_json(tmp_path / "a.json", {"a": float("nan"), "b": [float("inf"), 0.1 + 0.2], 3: (1,)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": [None, 0.1 + 0.2], "3": [1]}


def test_claims(tmp_path):
    out = RunDir(tmp_path / "run")
    out.claim()
    out.mark("planned", step=3)
    out.claim()
    out.mark("running")
    rundir.write_text(out.recipe, "seed: 0\n")
    assert rundir.read_json(out.state) == {"status": "running", "step": 3}
    with pytest.raises(UsageError, match="not empty"):
        out.claim()
    out.claim(overwrite=True)
    assert not list(out.root.iterdir())
    (out.root / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="not a whet run"):
        out.claim(overwrite=True)
    assert (out.root / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_what_ended_before_its_recipe_is_begun_again_without_a_word(tmp_path, status):
    out = RunDir(tmp_path / "run")
    out.claim()
    out.mark(status)
    out.claim()
    out.mark(status)
    rundir.write_text(out.recipe, "seed: 0\n")
    with pytest.raises(UsageError, match="not empty"):
        out.claim()


def test_a_failed_run_that_lost_its_recipe_is_not_removed_in_silence(tmp_path):
    out = RunDir(tmp_path / "run")
    out.claim()
    out.mark("failed")
    out.checkpoints.mkdir()
    with pytest.raises(UsageError, match="not empty"):
        out.claim()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_in_the_place_of_the_run_is_refused(tmp_path, overwrite):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UsageError, match="a file stands where"):
        RunDir(tmp_path / "run").claim(overwrite)
