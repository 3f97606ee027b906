"""What the road says no to, and what it does not write."""

from __future__ import annotations

import os
import socket
import time

import whet
from road.conftest import FAST, in_a_process, write_rows


def test_a_hub_name_without_a_network_fails_soon_and_names_the_local_way(tmp_path):
    rows = write_rows(tmp_path / "rows.csv", 40)
    began = time.monotonic()
    found = in_a_process(
        "-c",
        "import sys; from whet.cli import main; sys.exit(main())",
        *("run", rows, "--model", "someone/some-model", "--out", tmp_path / "run"),
        cwd=tmp_path,
        check=False,
        HF_ENDPOINT="http://127.0.0.1:9",
        HF_HOME=str(tmp_path / "hub"),
        HF_HUB_OFFLINE="",
        OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "1"),
    )
    assert found.returncode == 4, found.stderr
    assert "name the local directory" in found.stderr and "Traceback" not in found.stderr
    assert time.monotonic() - began < 60, "the wait for the hub itself is ten seconds; the rest is start-up"


def test_a_hub_that_takes_the_call_and_says_nothing_is_given_up(tmp_path):
    """A listening port that never answers: the wait ends by itself, with the local way as the cure."""
    rows = write_rows(tmp_path / "rows.csv", 40)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        found = in_a_process(
            "-c",
            "import sys; from whet.cli import main; sys.exit(main())",
            *("run", rows, "--model", "someone/some-model", "--out", tmp_path / "run"),
            cwd=tmp_path,
            check=False,
            HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            HF_HOME=str(tmp_path / "hub"),
            HF_HUB_OFFLINE="",
        )
        waited = time.monotonic() - began
    assert found.returncode == 4 and "name the local directory" in found.stderr, found.stderr
    assert waited < 45, "ten seconds of waiting, and start-up on a busy machine"


def test_a_plan_writes_nothing_and_a_planned_place_is_gone_on_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = write_rows(tmp_path / "rows.csv", 40)
    made = whet.plan(rows, settings=FAST, show=1)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert "weights move" in str(made) and "row " in str(made)
    assert made.as_json()["shown"] == list(made.shown) and "[CLS]" in made.shown[0]
    whet.plan(rows, settings=FAST, out="run")
    assert whet.Run.at("run").status == "planned"
    assert whet.run(rows, settings=[*FAST, "train.epochs=0.2"], strategy="head", out="run").status == "finished"
