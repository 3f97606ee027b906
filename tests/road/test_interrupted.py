"""Stopped by a signal and resumed, a run ends with the weights of one that nobody stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import whet
from road.conftest import FAST, write_rows
from whet.core import rundir
from whet.core.rundir import RunDir

SLOWLY = ("train.epochs=3", "train.evaluate_every=4", "strategy.rank=4", "strategy.dropout=0.1")
"""Low-rank layers with dropout: 18 steps, of which a resume must draw the later ones alike."""


@pytest.fixture(scope="module")
def whole(made):
    return made("lora", SLOWLY)


def start(rows: Path, out: Path) -> subprocess.Popen[str]:
    settings = [word for setting in (*FAST, *SLOWLY) for word in ("--set", setting)]
    program = "import sys; from whet.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, "run", str(rows), "--strategy", "lora", "--out", str(out), *settings],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def stop_after_first_steps(process: subprocess.Popen[str], out: Path) -> tuple[int, str]:
    log, end = RunDir(out).log, time.monotonic() + 90
    while not (log.is_file() and len(log.read_text("utf-8").splitlines()) >= 2):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "the run has not begun to train"
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to one process")
def test_a_stopped_run_goes_on_to_the_same_weights(rows, whole, tmp_path):
    """As by Ctrl-C; tests/reliability/test_stops.py sends the other signals."""
    out = tmp_path / "run"
    returned, said = stop_after_first_steps(start(rows, out), out)
    assert returned == 130, said
    assert f"whet resume {out}" in said and "Traceback" not in said
    assert RunDir(out).status() == "interrupted"
    done = len([line for line in rundir.read_lines(RunDir(out).log) if "loss" in line])
    assert 0 < done < 18, "it was stopped in the middle"
    assert rundir.read_json(RunDir(out).state)["step"] == done, "the state names the step that was saved"
    run = whet.resume(out)
    assert run.status == "finished"
    for path in whole.model.glob("*.safetensors"):
        assert rundir.digest(run.model / path.name) == rundir.digest(path), path.name
    assert run.metrics["test"] == whole.metrics["test"]
    told = [
        [line.get("step"), line.get("loss"), line.get("validation_loss")] for line in rundir.read_lines(run.files.log)
    ]
    wanted = [
        [line.get("step"), line.get("loss"), line.get("validation_loss")] for line in rundir.read_lines(whole.files.log)
    ]
    assert told == wanted, "no line is lost or doubled"


class Enough(Exception):
    pass


def broken_off(rows: Path, out: Path, after: int) -> None:
    """A run that ends in the middle without a chance to save, as by a power cut."""

    def tell(event: object) -> None:
        if getattr(event, "step", None) == after and hasattr(event, "loss"):
            raise Enough

    with pytest.raises(Enough):
        whet.run(rows, strategy="lora", out=out, settings=[*FAST, *SLOWLY], tell=tell)


def test_after_a_failure_it_goes_on_from_the_last_look(rows, whole, tmp_path):
    out = tmp_path / "run"
    broken_off(rows, out, 10)
    assert RunDir(out).status() == "failed"
    assert [path.name for path in sorted(RunDir(out).checkpoints.iterdir())] == [
        "stage-0-step-0000004",
        "stage-0-step-0000008",
    ]
    newest = RunDir(out).checkpoints / "stage-0-step-0000008" / "weights.safetensors"
    damaged = bytearray(newest.read_bytes())
    damaged[-1] ^= 1
    newest.write_bytes(damaged)
    said: list[str] = []
    run = whet.resume(out, tell=lambda event: said.append(str(getattr(event, "text", ""))))
    assert any("step-0000008 is damaged and was passed over" in sentence for sentence in said)
    for path in whole.model.glob("*.safetensors"):
        assert rundir.digest(run.model / path.name) == rundir.digest(path), path.name


def test_other_rows_are_refused_unless_forced(tmp_path):
    rows, out = write_rows(tmp_path / "rows.csv", 40), tmp_path / "run"
    broken_off(rows, out, 5)
    with rows.open("a", encoding="utf-8") as file:
        file.write("one more,good\n")
    with pytest.raises(whet.UsageError, match="changed since the run began"):
        whet.resume(out)
    assert whet.resume(out, force=True).status == "finished"


def test_resuming_where_no_run_is(tmp_path):
    with pytest.raises(whet.UsageError, match="there is no run here"):
        whet.resume(tmp_path)
