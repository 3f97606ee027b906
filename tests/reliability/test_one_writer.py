"""One process writes into a directory at a time; its lock dies with it."""

from __future__ import annotations

import pytest

from reliability.conftest import posix
from whet.core.errors import UsageError
from whet.core.rundir import RunDir

pytestmark = posix
STAY = "import whet.leg as l, time\nl.assemble = lambda *a, **k: time.sleep(60)\n"


@pytest.fixture
def busy(nest, words, tmp_path):
    """A run that is under way for as long as the test lasts."""
    import os
    import signal
    import time

    out = tmp_path / "run"
    child = nest.begin(*words, "--out", out, patch=STAY)
    for _ in range(600):
        if (out / "recipe.yaml").exists():
            break
        time.sleep(0.05)
    yield out
    os.kill(child, signal.SIGKILL)
    nest.end()


def test_a_second_writer_is_refused_whatever_it_wants(busy, rows, whole, capsys):
    from whet.cli import main

    for words in (
        ("run", str(rows), "--out", str(busy), "--overwrite"),
        ("resume", str(busy)),
        ("evaluate", str(whole[0]), str(rows), "-o", str(busy), "--overwrite"),
    ):
        assert main(words) == 2, words
        assert "another process is writing here" in capsys.readouterr().err
    assert (busy / "recipe.yaml").exists()


def test_the_lock_dies_with_its_process(nest, words, tmp_path):
    out = tmp_path / "run"
    assert nest.run(*words, "--out", out, kill_at=60, under=str(out)).code == -9
    assert (out / ".lock").exists()
    assert nest.run("resume", out).code == 0


def test_held_twice_in_one_process_is_refused_and_afterwards_nothing_is_left(tmp_path):
    out = RunDir(tmp_path / "run")
    with out.held(), pytest.raises(UsageError, match="another process"), out.held():
        pass
    assert not out.root.exists()


def test_a_place_where_nothing_can_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file" / "run", tmp_path / ("n" * 300)):
        with pytest.raises(UsageError, match="nothing can be written there"), RunDir(place).held():
            pass
