"""What the road says no to, and what it does not write."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import whet
from road.conftest import FAST, in_a_process, write_rows


def asked_of_a_hub_at(endpoint: str, place: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """A run from a model on a hub that stands there, with an empty cache; and how long it took."""
    rows = write_rows(place / "rows.csv", 40)
    began = time.monotonic()
    found = in_a_process(
        "-c",
        "import sys; from whet.cli import main; sys.exit(main())",
        *("run", rows, "--model", "someone/some-model", "--out", place / "run"),
        cwd=place,
        check=False,
        HF_ENDPOINT=endpoint,
        HF_HOME=str(place / "hub"),
        HF_HUB_OFFLINE="",
    )
    return found, time.monotonic() - began


def test_a_hub_name_without_a_network_fails_soon_and_names_the_local_way(tmp_path):
    found, seconds = asked_of_a_hub_at("http://127.0.0.1:9", tmp_path)
    assert found.returncode == 4, found.stderr
    assert "name the local directory" in found.stderr and "Traceback" not in found.stderr
    assert seconds < 60, "the wait for the hub itself is ten seconds; the rest is start-up"


def test_a_hub_that_takes_the_call_and_says_nothing_is_given_up(tmp_path):
    """A listening port that never answers: the wait ends by itself, with the local way as the cure."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found, seconds = asked_of_a_hub_at(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
    assert found.returncode == 4 and "name the local directory" in found.stderr, found.stderr
    assert seconds < 60, "the client's own limits would repeat themselves for minutes"


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
