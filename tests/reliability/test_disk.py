"""A disk that is full or broken: exit code 6, the last good checkpoint stays, and with space again the run goes on."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from reliability.conftest import posix
from reliability.harness import bits
from whet.core.rundir import RunDir
from whet.train.state import latest

pytestmark = posix


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("asked", [4, pytest.param(40, marks=pytest.mark.whole)])
def test_a_fault_at_a_call_loses_nothing(asked, number, forever, nest, words, whole, tmp_path):
    """So many calls spread over the run's, of every kind; `make test-all` takes more of them."""
    for at in range(3 + number % 5, whole[1].calls, whole[1].calls // asked):
        out = tmp_path / f"run-{at}"
        ended = nest.run(*words, "--out", out, fail_at=at, number=number, forever=forever, under=str(out))
        assert "Traceback" not in ended.said, (at, ended.said)
        assert ended.code in (0, 6), (at, ended.said)  # 0: what failed was only clearing away
        if ended.code == 0:
            continue
        found, passed = latest(RunDir(out).checkpoints)
        assert not passed
        done = max(ended.steps, default=0)
        assert (found.progress.step if found else 0) >= done - 3, "at most the steps since the last look are lost"
        if (out / "recipe.yaml").is_file():
            again = nest.run("resume", out)
            assert again.code == 0, (at, again.said)
            assert bits(out) == bits(whole[0]), at


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "none", place]).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_fills_up_in_the_middle(small_disk: Path, nest, words, whole):
    out, balloon = small_disk / "run", small_disk / "balloon"
    patch = (
        "import shutil, whet.papers as p\nlog = p.log\n"
        "def fill(out, before, event):\n"
        f"    log(out, before, event)\n    place = {str(balloon)!r}\n"
        "    if event.step == 5:\n"
        f"        with open(place, 'wb') as f: f.write(bytes(max(0, shutil.disk_usage(out.root).free - 5_000_000)))\n"
        "p.log = fill\n"
    )
    ended = nest.run(*words, "--out", out, patch=patch)
    assert ended.code == 6 and "the disk is full" in ended.said and "Traceback" not in ended.said, ended.said
    found, passed = latest(RunDir(out).checkpoints)
    assert found is not None and found.progress.step == 3 and not passed
    balloon.unlink()
    again = nest.run("resume", out)
    assert again.code == 0 and again.steps[0] == 4, again.said
    assert bits(out) == bits(whole[0])


def test_a_disk_that_will_not_suffice_is_refused_before_training(small_disk: Path, nest, words):
    (small_disk / "balloon").write_bytes(bytes(50_000_000))
    ended = nest.run(*words, "--out", small_disk / "run")
    assert ended.code == 6 and ended.steps == ()
    assert "the run needs about 51.8 MB of disk" in ended.said and "MB are free" in ended.said, ended.said
