"""``kill -9`` at any moment, again and again: the resumed run ends with the bits of one that nobody disturbed.

Twenty kills at calls, and more at any time; `make bench-kills` does three hundred.
"""

from __future__ import annotations

import random

import pytest

from reliability.conftest import posix
from reliability.harness import SIGKILLED, STAGE, bits
from reliability.kills import Chain, after, at_call
from reliability.small import STEPS, two_stages
from whet.core import rundir
from whet.core.durable import discard

pytestmark = posix


@pytest.mark.parametrize("seed", [8, 80])
def test_a_chain_of_ten_kills_at_calls_that_write(seed, nest, words, whole, tmp_path):
    """Every other kill falls into a save: between the first byte of a checkpoint and the end of its rotation."""
    out = tmp_path / "run"
    chain, draw = Chain(nest, words, out), random.Random(seed)
    chain.follow(at_call(nest, draw.randrange(1, whole[1].calls // 3), out) for _ in range(10))
    assert chain.kills == 10, "each of them came in time, so these two chains are twenty kills"
    assert bits(out) == bits(whole[0])


def test_a_chain_of_ten_kills_at_any_time(nest, words, whole, tmp_path):
    """What ends before its kill is not killed, so how many count is left to the machine."""
    out = tmp_path / "run"
    chain, draw = Chain(nest, words, out), random.Random(9)
    chain.follow(after(nest, draw.uniform(0.05, 0.6) * whole[1].seconds) for _ in range(10))
    assert chain.kills >= 3
    assert bits(out) == bits(whole[0])


def test_a_chain_of_kills_in_a_run_of_two_stages(nest, rows, model, tmp_path):
    """In the first stage, while it is packed, and in the second."""
    words = ("run", str(two_stages(tmp_path / "recipe.yaml", rows, model)))
    usual, out = nest.run(*words, "--out", tmp_path / "usual", under=str(tmp_path / "usual")), tmp_path / "run"
    assert usual.code == 0, usual.said
    chain, draw = Chain(nest, words, out, [1, 2, 3, 4, 5, 101, 102, 103, 104, 105]), random.Random(7)
    chain.follow(at_call(nest, draw.randrange(usual.calls // 6, usual.calls // 3), out) for _ in range(8))
    assert chain.kills == 8 and chain.begun > STAGE, "the last resume began in the second stage"
    assert bits(out) == bits(tmp_path / "usual")


def test_killed_in_a_second_stage_the_first_ones_accounts_stay(nest, rows, model, tmp_path):
    """Which rows it cut and what it could not read still stand in check.json."""
    out, words = tmp_path / "run", ("run", str(two_stages(tmp_path / "recipe.yaml", rows, model)))
    patch = "import os, whet.pipeline as p\np.papers.metrics = lambda *a: os.kill(os.getpid(), 9)\n"
    assert nest.run(*words, "--out", out, patch=patch).code == SIGKILLED
    before = rundir.read_json(out / "check.json")
    assert [one["tokens"]["train"]["rows"] for one in before["stages"]] == [32, 32]
    ended = nest.run("resume", out)
    assert (ended.code, ended.steps) == (0, ()), ended.said
    assert rundir.read_json(out / "check.json") == before


@pytest.mark.parametrize("end", ["model", "metrics.json", "report.html", "state.json"])
def test_killed_between_the_last_step_and_the_end_nothing_is_trained_again(end, nest, words, whole, tmp_path):
    out = tmp_path / "run"
    patch = (
        "import os, signal, whet.pipeline as p\n"
        f"name = {end!r}\n"
        "def die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        "if name == 'model': p.bundle.pack = die\n"
        "if name == 'metrics.json': p.papers.metrics = die\n"
        "if name == 'report.html': p.papers.render = die\n"
        "if name == 'state.json':\n"
        "    mark = p.RunDir.mark\n"
        "    p.RunDir.mark = lambda self, status, **facts: (die if status == 'finished' else mark)(self, status, **facts)\n"
    )
    assert nest.run(*words, "--out", out, patch=patch).code == SIGKILLED
    ended = nest.run("resume", out)
    assert (ended.code, ended.steps) == (0, ()), ended.said
    assert bits(out) == bits(whole[0])


def test_killed_before_there_is_a_recipe_it_says_so_and_starts_again(nest, words, whole, tmp_path):
    """Only the directory, the lock and half a file are there."""
    for number in range(2, 80, 4):
        out = tmp_path / f"run-{number}"
        assert nest.run(*words, "--out", out, kill_at=number, under=str(out)).code == SIGKILLED
        if (out / "recipe.yaml").exists():
            break
        told = nest.run("resume", out)
        assert told.code == 2 and ("killed before it had begun" in told.said or "no run here" in told.said), told.said
    else:
        pytest.fail("the recipe was never written")
    assert number > 6
    again = nest.run(*words, "--out", tmp_path / f"run-{number - 4}")
    assert again.code == 0 and again.steps == tuple(range(1, STEPS + 1)), again.said
    assert bits(tmp_path / f"run-{number - 4}") == bits(whole[0])


def test_killed_and_saved_again_at_the_same_step(nest, words, whole, tmp_path):
    """The last checkpoint is replaced by itself: twice stopped at once after a resume, nothing collides."""
    out = tmp_path / "run"
    patch = "import whet.train.keeper as k, os, signal\nk.Keeper.restore_best = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
    assert nest.run(*words, "--out", out, patch=patch).code == SIGKILLED
    places = sorted(path.name for path in (out / "checkpoints").iterdir())
    again = "import whet.train.keeper as k\nt = k.Keeper.take_up\nk.Keeper.take_up = lambda self, start: (t(self, start), self.save())\n"
    for number in range(0, 60, 7):
        ended = nest.run("resume", out, patch=again, kill_at=60 + number, under=str(out))
        assert ended.code == SIGKILLED
    ended = nest.run("resume", out, patch=again)
    assert ended.code == 0, ended.said
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == places
    assert bits(out) == bits(whole[0])


def test_killed_before_old_checkpoints_are_removed_a_resume_removes_them(nest, words, whole, tmp_path):
    out = tmp_path / "run"
    patch = (
        "import os, signal, whet.train.state as s\n"
        "rotate = s.rotate\n"
        "def late(folder, keep):\n"
        f"    if any(place.name.endswith('{STEPS:07d}') for place in folder.iterdir()): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    rotate(folder, keep)\n"
        "s.rotate = late\n"
    )
    assert nest.run(*words, "--out", out, patch=patch).code == SIGKILLED
    assert len(list((out / "checkpoints").iterdir())) == 3
    assert nest.run("resume", out).code == 0
    assert bits(out) == bits(whole[0])


STILL = ("--strategy", "freeze", "--set", "strategy.blocks=1", "--set", "train.cache_trunk=true")


def test_killed_while_states_are_kept_and_while_they_are_read(nest, words, tmp_path):
    """What lies there is taken, what is missing is computed anew to the same bits, and so is all that was removed."""
    words, cache = (*words, *STILL), str(tmp_path / "cache")
    few = "import whet.assemble.states as s\ns.STRETCH_TOKENS = 60\n"
    usual, out = tmp_path / "usual", tmp_path / "run"
    at_rest = nest.run(*words, "--out", usual, patch=few, environment={"WHET_CACHE": str(tmp_path / "own")})
    assert at_rest.code == 0, at_rest.said
    die = (
        f"{few}import os\nstore = s._store\n"
        "s._store = lambda place, number, made: store(place, number, made) if number < 2 else os.kill(os.getpid(), 9)\n"
    )
    assert nest.run(*words, "--out", out, patch=die, environment={"WHET_CACHE": cache}).code == SIGKILLED
    there = sorted((tmp_path / "cache" / "states").rglob("*.states"))
    assert len(there) == 2
    late = f"{few}import os, whet.train.keeper as k\nk.Keeper.restore_best = lambda self: os.kill(os.getpid(), 9)\n"
    assert nest.run("resume", out, patch=late, environment={"WHET_CACHE": cache}).code == SIGKILLED
    there = sorted((tmp_path / "cache" / "states").rglob("*.states"))
    assert len(there) > 5
    for path in there[::2]:
        path.unlink()
    places = sorted((out / "checkpoints").iterdir())
    discard(places[-1])
    ended = nest.run("resume", out, patch=few, environment={"WHET_CACHE": cache})
    assert ended.code == 0 and 0 < len(ended.steps) < STEPS, ended.said
    assert bits(out) == bits(usual)
    assert sorted((tmp_path / "cache" / "states").rglob("*.states")) == there
