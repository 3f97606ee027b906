"""What is no longer what it was when a run began is refused by name; ``--force`` goes on."""

from __future__ import annotations

import shutil

import pytest

from reliability.conftest import posix
from road.conftest import write_rows
from whet.core import rundir
from whet.core.rundir import RunDir

pytestmark = posix
DIE = "import whet.train.keeper as k, os\nk.Keeper.restore_best = lambda self: os.kill(os.getpid(), 9)\n"


@pytest.fixture(scope="module")
def killed(nest, words, tmp_path_factory):
    """A run that was killed after its last step, on rows of its own."""
    place = tmp_path_factory.mktemp("killed")
    rows = write_rows(place / "rows.csv", 40)
    nest.run("run", rows, *words[2:], "--out", place / "run", patch=DIE)
    return place


def version(out):
    state = rundir.read_json(out.state)
    state["began"] |= {"torch": "2.0.1", "tokenizers": "0.1"}
    rundir.write_json(out.state, state)


def data(out):
    with (out.root.parent / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("one more,good\n")


def recipe(out):
    out.recipe.write_text(out.recipe.read_text("utf-8").replace("seed: 0", "seed: 1"), "utf-8")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (version, ("torch is", "was 2.0.1", "tokenizers is")),
        (data, ("rows.csv", "has changed since")),
        (recipe, ("recipe.yaml", "was edited")),
    ],
)
def test_a_change_is_refused_by_name_and_forced(change, named, nest, killed, tmp_path):
    whole = rundir.digest(killed / "rows.csv"), {p.name: p.read_bytes() for p in (killed / "run").glob("*.*")}
    place = killed / "run"
    saved = tmp_path / "saved"
    shutil.copytree(killed, saved)
    change(RunDir(place))
    told = nest.run("resume", place)
    assert told.code == 2 and "--force" in told.said, told.said
    assert all(word in told.said for word in named), told.said
    assert RunDir(place).status() == "running", "a refused resume changes nothing"
    assert nest.run("resume", place, "--force").code in (0, 5)
    shutil.rmtree(killed)
    shutil.copytree(saved, killed)
    assert whole[0] == rundir.digest(killed / "rows.csv")
