"""The reading copy of training gives the losses of the house."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import whet

PLACE = Path(__file__).parents[2] / "examples" / "bare_loop.py"


def test_the_bare_loop_gives_the_same_losses(tmp_path, rows):
    spec = importlib.util.spec_from_file_location("bare_loop", PLACE)
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)
    run = whet.run(rows, out=tmp_path / "run", settings=["train.epochs=2"])
    log = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text("utf-8").splitlines()]
    ours = [line["loss"] for line in log if "loss" in line]
    found = bare.train(str(rows), epochs=2)
    assert len(found) == len(ours) >= 4
    assert found[0] == pytest.approx(ours[0], rel=1e-6)
    assert found == pytest.approx(ours, rel=1e-3)  # sums of gradients run in another order, and bfloat16 shows it


def test_it_is_under_80_lines():
    assert PLACE.read_text("utf-8").count("\n") < 80
