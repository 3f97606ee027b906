"""Where a run stands and what the clock says: it works, or one sentence says why not, and nothing is lost."""

from __future__ import annotations

import errno
import math
import shutil
import subprocess
from pathlib import Path

import pytest

from reliability.conftest import posix
from reliability.harness import SIGKILLED, bits
from whet.core import rundir
from whet.core.rundir import ROOM, RunDir

pytestmark = posix
KILLED_AT_5 = (
    "import os, whet.papers as p\nlog = p.log\n"
    "def until(out, before, event):\n"
    "    log(out, before, event)\n"
    "    if event.step == 5: os.kill(os.getpid(), 9)\n"
    "p.log = until\n"
)
NAMES = {
    "spaces and signs": ' a  b\'s "c" $HOME `d` %s {0} [red]#?&=;',
    "no ASCII": "模型 🤖 ünï ѱ",
    "lines": "one\ntwo\ttabs",
    "255 bytes": "n" * 255,
    "255 bytes of Chinese": "字" * 85,
}


def killed_and_resumed(nest, words, out: Path) -> None:
    """Through a kill and a resume to the end, and asked afterwards."""
    assert nest.run(*words, "--out", out, patch=KILLED_AT_5).code == SIGKILLED
    again = nest.run("resume", out)
    assert again.code == 0 and again.steps[0] == 4, again.said
    asked = nest.run("predict", out, "a fine film")
    assert asked.code == 0, asked.said


@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(name, nest, words, whole, tmp_path):
    out = tmp_path / NAMES[name]
    killed_and_resumed(nest, words, out)
    assert bits(out) == bits(whole[0])


def test_rows_and_model_may_stand_there_too(nest, rows, model, words, whole, tmp_path):
    place = tmp_path / NAMES["spaces and signs"] / NAMES["no ASCII"]
    shutil.copytree(model, place / "model")
    shutil.copy(rows, place / "rows.csv")
    ended = nest.run("run", place / "rows.csv", "--model", place / "model", *words[4:], "--out", place / "run")
    assert ended.code == 0, ended.said
    weights = Path("model") / "model.safetensors"
    assert rundir.digest(place / "run" / weights) == rundir.digest(whole[0] / weights)


def deep(root: Path, length: int) -> Path:
    """A path of so many bytes."""
    while length - len(str(root)) > 202:
        root = root / ("d" * 200)
    return root / ("e" * (length - len(str(root)) - 1))


def test_a_path_is_used_as_long_as_names_fit_into_it(nest, words, whole, rows, tmp_path):
    out = deep(tmp_path, 4096 - ROOM)
    killed_and_resumed(nest, words, out)
    assert bits(out) == bits(whole[0])
    for length in (4096 - ROOM + 1, 4094, 5000):
        place = deep(tmp_path, length)
        ended = nest.run(*words, "--out", place)
        assert ended.code == 2 and ended.said.endswith("cure: choose another with --out\n"), ended.said
        assert length >= 4096 or not place.exists()
    for verb in (["resume"], ["predict"], ["evaluate"]):
        ended = nest.run(*verb, place, *([rows] if verb != ["resume"] else []))
        assert ended.code == 2 and "it cannot be used (File name too long)" in ended.said, ended.said


def test_a_link_to_a_folder_is_written_through(nest, words, whole, tmp_path):
    (tmp_path / "real").mkdir()
    out = tmp_path / "link"
    out.symlink_to(tmp_path / "real")
    killed_and_resumed(nest, words, out)
    assert bits(out) == bits(whole[0])
    assert nest.run(*words, "--out", out).code == 2
    assert nest.run(*words, "--out", out, "--overwrite").code == 0
    assert out.is_symlink() and bits(tmp_path / "real") == bits(whole[0])


def test_a_link_that_leads_nowhere_is_refused(nest, words, tmp_path):
    for name, target in (("dangling", "nowhere"), ("loop", "loop")):
        (tmp_path / name).symlink_to(tmp_path / target)
        ended = nest.run(*words, "--out", tmp_path / name)
        assert ended.code == 2 and f"{name}: a link stands there that leads nowhere" in ended.said, ended.said
    assert not (tmp_path / "nowhere").exists()


def test_on_a_disk_that_can_only_be_read_a_finished_run_is_used_and_nothing_else_begun(
    nest, words, rows, mount, tmp_path
):
    place = mount()
    done, half = place / "done", place / "half"
    assert nest.run(*words, "--out", done).code == 0
    assert nest.run(*words, "--out", half, patch=KILLED_AT_5).code == SIGKILLED
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    for refused in (
        (*words, "--out", place),
        (*words, "--out", place / "new"),
        (*words, "--out", done, "--overwrite"),
        ("plan", *words[1:], "--out", place / "plan"),
        ("resume", half),
        ("evaluate", done, rows),
    ):
        ended = nest.run(*refused)
        assert ended.code == 2 and "nothing can be written there (Read-only file system)" in ended.said, ended.said
    for into in (("predict", done, "a fine film", "-o", place / "answers.jsonl"), ("init", place / "recipe.yaml")):
        ended = nest.run(*into)
        assert ended.code == 6 and "the disk can only be read" in ended.said, ended.said
    for used in (
        ("predict", done, "a fine film"),
        ("evaluate", done, rows, "--out", tmp_path / "look"),
        ("resume", done),
    ):
        assert nest.run(*used).code == 0, used


@pytest.mark.parametrize("after", [130, 230, 330])
def test_a_disk_that_becomes_one_in_the_middle(after, nest, words, whole, tmp_path):
    """As the system does it where a disk fails."""
    out = tmp_path / "run"
    ended = nest.run(*words, "--out", out, fail_at=after, forever=True, number=errno.EROFS, under=str(out))
    assert ended.code == 6 and "the disk can only be read" in ended.said and "Traceback" not in ended.said, ended.said
    again = nest.run("resume", out)
    assert again.code == 0, again.said
    assert bits(out) == bits(whole[0])


@pytest.mark.parametrize("files", [3, 8, 16, 25])
def test_a_disk_that_takes_no_more_files(files, nest, words, whole, mount):
    """Its space is free, and its table of files is full: at the start, in the first save, in a later one, at the end."""
    place = mount(f"nr_inodes={files}")
    out = place / "run"
    ended = nest.run(*words, "--out", out)
    assert ended.code == 6 and "the disk is full" in ended.said and "df -i" in ended.said, ended.said
    subprocess.run(["mount", "-o", "remount,nr_inodes=1000", place], check=True)
    begun = (out / "recipe.yaml").is_file()
    again = nest.run(*(("resume",) if begun else (*words, "--out")), out)
    assert again.code == 0, again.said
    assert bits(out) == bits(whole[0])


CLOCK = (
    "import time, itertools, datetime, whet.papers as p\n"
    "true, jumps = time.time, itertools.cycle([{years} * 3e7, 0, -3e8, 3e8])\n"
    "time.time = lambda: max(true() + next(jumps), 0)\n"
    "class Clock(datetime.datetime):\n"
    "    now = classmethod(lambda cls, tz=None: cls.fromtimestamp(time.time(), tz))\n"
    "p.datetime = Clock\n"
)


def test_a_clock_that_jumps_changes_nothing(nest, words, whole, tmp_path):
    """Ten years ahead and back within a run, and back by twenty before its resume: what took how long is not asked of it."""
    out = tmp_path / "run"
    assert nest.run(*words, "--out", out, patch=CLOCK.format(years=10) + KILLED_AT_5).code == SIGKILLED
    again = nest.run("resume", out, patch=CLOCK.format(years=-10))
    assert again.code == 0 and again.steps[0] == 4, again.said
    assert bits(out) == bits(whole[0])
    files = RunDir(out)
    spent = [line["seconds"] for line in rundir.read_lines(files.log) if "seconds" in line]
    assert spent == sorted(spent) and spent[0] > 0 and spent[-1] < 600
    timing = rundir.read_json(files.metrics)["timing"]
    parts = timing.pop("step_seconds").values()
    assert all(math.isfinite(value) and 0 <= value < 1e6 for value in (*timing.values(), *parts))


def test_where_the_clock_stands_still_the_second_run_does_not_take_the_place_of_the_first(nest, words, tmp_path):
    still = f"import os\nos.chdir({str(tmp_path)!r})\n" + CLOCK.format(years=0).replace("next(jumps)", "0").replace(
        "true() +", "1e9 +"
    )
    assert nest.run(*words, patch=still).code == 0
    (first,) = (tmp_path / "runs").iterdir()
    before = bits(first)
    ended = nest.run(*words, patch=still)
    assert ended.code == 2 and "the directory is not empty" in ended.said, ended.said
    assert bits(first) == before
