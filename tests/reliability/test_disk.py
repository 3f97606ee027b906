"""A disk that is full or broken: exit code 6, the last good checkpoint stays, and with space again the run goes on."""

from __future__ import annotations

import errno
from itertools import count
from pathlib import Path

import pytest

from reliability.conftest import posix
from reliability.harness import bits
from reliability.kills import Fault
from whet.core.rundir import RunDir
from whet.train.state import latest

pytestmark = posix


SAMPLE = 3
"""Calls of the some six hundred, of every kind, at which `make test` lets one fail."""
faults = pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
once = pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])


@faults
@once
def test_a_fault_at_a_call_loses_nothing(number, forever, nest, words, whole, tmp_path):
    fault = Fault(nest, words, tmp_path, number, forever, bits(whole[0]))
    share = whole[1].calls // SAMPLE
    first = 1 + (number + 2 * forever) * 37 % share  # others for each of the four
    assert [at for at in range(first, whole[1].calls, share) if fault.at(at)]


@faults
@once
@pytest.mark.whole
def test_a_fault_at_any_call_loses_nothing(number, forever, nest, words, whole, tmp_path):
    fault = Fault(nest, words, tmp_path, number, forever, bits(whole[0]))
    assert next(at for at in count(1) if not fault.at(at)) > whole[1].calls


@pytest.fixture
def small_disk(mount):
    return mount("size=16m")


def test_a_disk_that_fills_up_in_the_middle(small_disk: Path, nest, words, whole):
    out, balloon = small_disk / "run", small_disk / "balloon"
    patch = (
        "import shutil, whet.papers as p\nlog = p.log\n"
        "def fill(out, before, event):\n"
        f"    log(out, before, event)\n    place = {str(balloon)!r}\n"
        "    if event.step == 5:\n"
        f"        with open(place, 'wb') as f: f.write(bytes(max(0, shutil.disk_usage(out.root).free - 800_000)))\n"
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
    (small_disk / "balloon").write_bytes(bytes(12_000_000))
    ended = nest.run(*words, "--out", small_disk / "run")
    assert ended.code == 6 and ended.steps == ()
    assert "the run needs about 7.7 MB of disk" in ended.said and "MB are free" in ended.said, ended.said
