"""Exit codes and words of everything that can go wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from whet.core import errors
from whet.core.errors import Fault


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("what", "where", "mend"), 2),
        (errors.DataError("what", "where", "mend"), 3),
        (errors.ModelError("what", "where", "mend"), 4),
        (errors.TrainingError("what", "where", "mend"), 5),
        (errors.ResourceError("what", "where", "mend"), 6),
        (errors.Preempted("what", "where", "mend"), 75),
        (errors.Interrupted("what", "where", "mend"), 130),
    ],
)
def test_whets_own_errors(error, code, door, whet_cli):
    door.raises = error
    told = whet_cli("run", "d.csv")
    assert (told.code, told.out) == (code, "")
    assert told.err == "error: where: what\n  cure: mend\n"


def test_all_faults_at_once(door, whet_cli):
    door.raises = errors.DataError([Fault("no label", f"d.csv: row {row}", "give one") for row in (3, 9)])
    told = whet_cli("run", "d.csv")
    assert told.code == 3
    assert "2 things are wrong" in told.err
    assert "d.csv: row 3: no label" in told.err and "d.csv: row 9: no label" in told.err


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoint.part"),
        OSError(errno.EIO, os.strerror(errno.EIO), "checkpoint.part"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_memory_and_disk_are_6(error, door, whet_cli):
    door.raises = error
    told = whet_cli("run", "d.csv")
    assert told.code == 6
    assert "cure:" in told.err


@pytest.mark.parametrize("error", [RuntimeError("strange\nsecond line"), KeyError("k"), OSError(errno.EBADF, "bad")])
def test_the_unexpected_is_one_line_and_1(error, door, whet_cli):
    door.raises = error
    told = whet_cli("run", "d.csv")
    assert (told.code, told.out) == (1, "")
    assert "--debug" in told.err
    assert len(told.err.splitlines()) == 1
    assert "Traceback" not in told.err


@pytest.mark.parametrize("arguments", [("--debug", "run", "d.csv"), ("run", "d.csv", "--debug")])
def test_debug_shows_the_trace(arguments, door, whet_cli):
    door.raises = RuntimeError("strange")
    told = whet_cli(*arguments)
    assert told.code == 1
    assert "Traceback" in told.err and "RuntimeError: strange" in told.err


def test_ctrl_c_is_130(door, whet_cli):
    door.raises = KeyboardInterrupt()
    assert whet_cli("run", "d.csv").code == 130


def test_below_the_baseline_is_5_with_everything_printed(door, whet_cli):
    door.below_baseline, door.reasons = True, ("Likely reason: there were only 4 steps.",)
    told = whet_cli("run", "d.csv", "--json")
    assert told.code == 5
    assert told.json["run"].endswith("demo")
    assert "error: the model is below the trivial baseline\n  Likely reason: there were only 4 steps." in told.err


def test_one_that_cannot_be_told_from_the_baseline_is_a_warning(door, whet_cli):
    assert "baseline" not in whet_cli("run", "d.csv").err
    door.reasons = ("Likely reason: nearly all answers are yes.",)
    told = whet_cli("run", "d.csv")
    assert told.code == 0 and "warning: the model cannot be told from the trivial baseline\n  Likely" in told.err


def test_run_as_a_module_it_ends_with_the_same_code():
    done = subprocess.run(
        [sys.executable, "-m", "whet.cli", "no-such-verb"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "there is no command" in done.stderr
