"""A cross-validation killed in any of its trainings goes on there, to the bits of one that nobody disturbed."""

from __future__ import annotations

import random

import pytest

from reliability.conftest import posix
from reliability.harness import SIGKILLED, bits
from reliability.small import STEPS
from whet.core import rundir

pytestmark = posix
FOLDS = ("--set", "evaluate.folds=2")


@pytest.fixture(scope="module")
def crossed(nest, words, tmp_path_factory):
    out = tmp_path_factory.mktemp("crossed") / "run"
    ended = nest.run(*words, *FOLDS, "--out", out, under=str(out))
    assert ended.code in (0, 5), ended.said
    return out, ended


def test_ten_kills_over_all_trainings(nest, words, crossed, tmp_path):
    out, draw, kills = tmp_path / "run", random.Random(4), 0
    for _ in range(10):
        again = ("resume", out) if (out / "recipe.yaml").is_file() else (*words, *FOLDS, "--out", out)
        ended = nest.run(*again, kill_at=draw.randrange(20, crossed[1].calls // 5), under=str(out))
        assert ended.code in (SIGKILLED, 0, 5) and "damaged" not in ended.said, ended.said
        kills += ended.code == SIGKILLED
    assert kills == 10
    ended = nest.run("resume", out)
    assert ended.code in (0, 5), ended.said
    assert bits(out) == bits(crossed[0])
    assert not [*out.rglob("*.part"), *out.rglob("*.old"), *out.rglob(".lock")]


def test_a_finished_fold_is_not_trained_again(nest, words, crossed, tmp_path):
    out = tmp_path / "run"
    patch = (
        "import os, signal, whet.train.keeper as k\n"
        "best = k.Keeper.restore_best\n"
        "def ends(self):\n"
        "    if 'folds/1' in str(self.watch.checkpoints): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return best(self)\n"
        "k.Keeper.restore_best = ends\n"
    )
    assert nest.run(*words, *FOLDS, "--out", out, patch=patch).code == SIGKILLED
    ended = nest.run("resume", out)
    assert ended.code in (0, 5), ended.said
    assert ended.steps == tuple(range(1, STEPS + 3)), "only the model that ships is left to train"
    assert bits(out) == bits(crossed[0])


def test_stopped_in_a_fold_it_names_the_run_to_go_on_with(nest, words, tmp_path):
    out = tmp_path / "run"
    patch = (
        "import os, signal, whet.papers as p\n"
        "log = p.log\n"
        "def logged(out, before, event):\n"
        "    log(out, before, event)\n"
        "    if 'folds' in str(out.root) and event.step == 2: os.kill(os.getpid(), signal.SIGTERM)\n"
        "p.log = logged\n"
    )
    ended = nest.run(*words, *FOLDS, "--out", out, patch=patch)
    assert ended.code == 75 and f"whet resume {out}\n" in ended.said + "\n", ended.said
    assert [rundir.RunDir(place).status() for place in (out, out / "folds" / "0")] == ["interrupted"] * 2


def test_an_edited_fold_is_refused_by_name(nest, words, tmp_path):
    out = tmp_path / "run"
    patch = "import os, whet.pipeline as p\np.folds.answers = lambda *a: os._exit(9)\n"
    assert nest.run(*words, *FOLDS, "--out", out, patch=patch).code == 9
    recipe = out / "folds" / "1" / "recipe.yaml"
    recipe.write_text(recipe.read_text("utf-8") + "\n# by hand\n", "utf-8")
    ended = nest.run("resume", out)
    assert ended.code == 2 and str(recipe) in ended.said, ended.said
    assert nest.run("resume", out, "--force").code in (0, 5)
