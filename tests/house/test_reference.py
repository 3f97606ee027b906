"""The reference pages are what the code says, and the check finds one that is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from whet import papers
from whet.cli import _verbs
from whet.core.events import Looked, Stepped
from whet.core.rundir import RunDir, read_json, read_lines
from whet.forecast import Forecast
from whet.planning import Plan
from whet.train.state import Progress

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import reference


def test_the_reference_is_current():
    """In a process of its own: a plugin that another test put on a shelf belongs to no page."""
    tool = Path(reference.__file__)
    done = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_old_page_is_found():
    found = {path: path.read_text("utf-8") for path in reference.pages()}
    assert len(found) >= 6
    assert reference.stale(found) == []
    path = next(iter(found))
    assert reference.stale({**found, path: found[path] + "more"}) == [path]


def test_every_option_is_explained():
    for path, text in reference.pages().items():
        for line in text.splitlines():
            if path.suffix == ".md" and line.startswith("| `"):
                assert line.rstrip(" |").count(" | ") >= 1 and not line.endswith("|  |"), line


def test_commands_of_a_group_are_explained_too():
    told = reference.commands()
    inner = {f"{verb} {name}" for verb in _verbs.names() for name in getattr(_verbs.command(verb), "commands", {})}
    assert len(inner) >= 4 and [name for name in inner if f"## `whet {name}`\n" not in told] == []
    assert "| `--yes`, `-y` | Do not ask. |" in told


def named(sentence: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", sentence))


def test_the_log_holds_the_keys_that_are_told(tmp_path):
    out = RunDir(tmp_path)
    papers.log(out, Progress(), Stepped(1, 0.5, 0.7, 1e-4, 1.0, 8, 99, 1.0, spike=4.0))
    papers.log(out, Progress(), Looked(1, 0.5, {"METRIC": 0.5}, True, 1.0))
    assert {key for line in read_lines(out.log) for key in line} == named(reference.FILES["log"])


def test_the_plan_holds_the_keys_that_are_told(tmp_path):
    out, foreseen, told = RunDir(tmp_path), Forecast(1, 2, 3, 4.0, 5, 6, 7, 8), named(reference.FILES["plan"])
    machine = {"reasons": [], "gflops": {}, "bandwidth": 1.0}
    stage = {"task": "t", "strategy": "s", "rows": {}, "machine": machine}
    plan = Plan((stage,), (foreseen,), ("note",), ("row",)).as_json()
    assert {*plan, *plan["stages"][0], *machine} == told
    papers.write_forecast(out, [foreseen])
    run = read_json(out.plan)
    assert {*run, *run["stages"][0]} == told - {"task", "strategy", "rows", "machine", "notes", "shown", *machine}
