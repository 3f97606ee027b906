"""What stands beside a training: the models of folds and of a curve's points, a pool, an earlier task's rows."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

import whet
import whet.pipeline
from road.conftest import FAST, write_rows
from whet import standing
from whet.core import rundir
from whet.core.errors import ResourceError, UsageError
from whet.core.rundir import RunDir
from whet.forecast import Forecast
from whet.judge.earlier import read_earlier

BESIDE = ("model.pooling=mean", "evaluate.folds=2", "evaluate.curve=true")


@pytest.fixture(scope="module")
def crossed(rows, small, tmp_path_factory):
    """A run with two folds and a curve, a pool and an earlier task, and what was asked of its disk."""
    place = tmp_path_factory.mktemp("beside")
    write_rows(place / "pool.csv", 80)
    write_rows(place / "earlier.csv", 40)
    asked, refuse = [], standing.refuse_small_disk

    def heard(out, forecasts, models_beside):
        asked.append((out.root.name, models_beside))
        refuse(out, forecasts, models_beside)

    patch = pytest.MonkeyPatch()
    patch.setattr(standing, "refuse_small_disk", heard)
    patch.setattr(whet.pipeline.curve.memory, "peak_bytes", lambda: 7 if not (place / "run" / "curve").exists() else 9)
    files = [f"evaluate.pool={place / 'pool.csv'}", f"evaluate.retain={place / 'earlier.csv'}"]
    whet.run(rows, model=small, out=place / "run", settings=[*FAST, *BESIDE, *files])
    patch.undo()
    return RunDir(place / "run"), asked


def test_a_fold_asks_for_the_room_of_those_that_follow_and_the_whole_for_its_curve(crossed):
    assert crossed[1] == [("0", 2), ("1", 1), ("run", 2), ("25", 0), ("50", 0)]


def test_a_disk_that_holds_one_training_and_not_its_folds_is_refused(tmp_path, monkeypatch):
    foreseen = [Forecast(1, 1, 1, 1.0, 1, 1, 1, disk_bytes=100, bundle_bytes=10)]
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=125))
    standing.refuse_small_disk(RunDir(tmp_path), foreseen, 2)
    with pytest.raises(ResourceError, match="MB of disk"):
        standing.refuse_small_disk(RunDir(tmp_path), foreseen, 3)
    bundle = tmp_path / "curve" / "25" / "model"
    bundle.mkdir(parents=True)
    (bundle / "model.safetensors").write_bytes(bytes(10))
    standing.refuse_small_disk(RunDir(tmp_path), foreseen, 3)


def test_the_plan_says_what_folds_take_of_the_disk(rows, small):
    said = str(whet.plan(rows, model=small, settings=[*FAST, *BESIDE]))
    assert "about 2 times the time of one training, and 1 MB more of disk until the end" in said


def test_the_peak_of_memory_is_that_before_the_curve(crossed):
    assert rundir.read_json(crossed[0].metrics)["memory"]["peak_bytes"] == 7


def test_the_pool_leaves_out_what_the_run_has_read(crossed):
    """The pool's first 60 rows are the run's own."""
    place = crossed[0]
    assert sorted(line["row"] for line in rundir.read_lines(place.pool)) == list(range(61, 81))
    (found,) = [one for one in rundir.read_json(place.findings) if one["evidence"].get("file") == "pool.csv"]
    assert found["evidence"]["known"] == 60


def test_it_is_said_why_the_head_of_the_base_is_not_asked(crossed, tmp_path):
    base = str(crossed[0].root)
    fits = read_earlier(str(crossed[0].root.parent / "earlier.csv"), base)
    assert fits.how == "head" and "not the base's own head" not in fits.sentence
    other = tmp_path / "other.csv"
    other.write_text("text,label\n" + "".join(f"row {k},{'xy'[k % 2]}\n" for k in range(40)), "utf-8")
    unfit = read_earlier(str(other), base)
    assert unfit.how == "probe" and "(not the base's own head: the label 'x' is not among those" in unfit.sentence


@pytest.mark.parametrize("name", ["pool.csv", "earlier.csv"])
@pytest.mark.parametrize("status", ["interrupted", "planned"])
def test_a_file_that_changed_before_a_resume_is_refused(name, status, crossed, rows, small, tmp_path):
    place = RunDir(tmp_path / "run")
    shutil.copytree(crossed[0].root.parent, tmp_path, dirs_exist_ok=True)
    if status == "planned":
        shutil.rmtree(place.root)
        files = [f"evaluate.pool={tmp_path / 'pool.csv'}", f"evaluate.retain={tmp_path / 'earlier.csv'}"]
        whet.plan(rows, model=small, out=place.root, settings=[*FAST, *files])
    else:
        old, new = (json.dumps(str(path))[1:-1] for path in (crossed[0].root.parent, tmp_path))
        place.state.write_text(place.state.read_text("utf-8").replace(old, new), "utf-8")
        place.mark("interrupted")
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write("a fine film again,good\n")
    with pytest.raises(UsageError, match="the data has changed since the run began") as told:
        whet.resume(place.root)
    assert [fault.where for fault in told.value.faults] == [str(tmp_path / name)]
