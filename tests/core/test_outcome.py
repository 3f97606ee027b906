"""A run shows its figures in a terminal and in a notebook, those without a value too, and no markup of others."""

from __future__ import annotations

from whet.core import rundir
from whet.core.outcome import Run
from whet.core.rundir import RunDir


def test_a_run_shows_its_figures(tmp_path):
    files = RunDir(tmp_path / "a <b> run")
    files.claim()
    files.mark("finished")
    measured = {
        "mae": {"value": 0.25, "low": 0.125, "high": 0.5},
        "spearman": {"value": None, "low": None, "high": None},
    }
    rundir.write_json(files.metrics, {"test": measured})
    run = Run.at(files.root)
    assert "0.25 [0.125, 0.5]" in str(run) and "not defined" in str(run)
    shown = run._repr_html_()
    assert "0.25 [0.125, 0.5]" in shown and "a &lt;b&gt; run" in shown and "<b> run" not in shown
