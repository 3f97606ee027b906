"""A run killed while a point of its learning curve is trained goes on there, to the same figures."""

from __future__ import annotations

from reliability.conftest import posix
from reliability.harness import SIGKILLED, bits
from whet.core import rundir

pytestmark = posix
CURVE = ("--set", "evaluate.curve=true")


def test_a_kill_in_a_point_changes_no_figure(nest, words, tmp_path):
    whole, out = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    for place in (whole, out):
        place.parent.mkdir()
    ended = nest.run(*words, *CURVE, "--out", whole)
    assert ended.code in (0, 5), ended.said
    patch = (
        "import os, signal, whet.papers as p\n"
        "log = p.log\n"
        "def logged(out, before, event):\n"
        "    log(out, before, event)\n"
        "    if 'curve/50' in str(out.root) and event.step == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "p.log = logged\n"
    )
    assert nest.run(*words, *CURVE, "--out", out, patch=patch).code == SIGKILLED
    assert rundir.RunDir(out).point(25).status() == "finished"
    ended = nest.run("resume", out)
    assert ended.code in (0, 5), ended.said
    assert bits(out) == bits(whole)
    assert len(rundir.read_json(out / "metrics.json")["curve"]) == 3
