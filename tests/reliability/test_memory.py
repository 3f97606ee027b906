"""Too little memory ends a run with exit code 6 and a budget of tokens that does fit."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest

import whet
from reliability.harness import Ended
from road.conftest import FAST, write_rows
from whet.core import memory
from whet.core.errors import ResourceError
from whet.tasks.text_classification import TextClassification

LIMITED = """
import resource, psutil, torch
import whet.leg as legs

assemble = legs.assemble

def limited(*given):
    leg = assemble(*given)
    size = psutil.Process().memory_info().vms + {room}
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    return leg

legs.assemble = limited
"""
"""The command line in a process that may take so many bytes from the moment at which its model is there."""


def long_rows(path: Path) -> Path:
    words, draw = ["the", "film", "was", "long", "and", "told", "by", "people", "who", "talk", "much"], random.Random(0)
    lines = (f"{' '.join(draw.choices(words, k=300))},{'ab'[number % 2]}" for number in range(20))
    path.write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the process's memory")
def test_the_budget_that_is_named_does_fit(nest, tmp_path):
    rows = long_rows(tmp_path / "rows.csv")

    def run(out: str, budget: int) -> Ended:
        settings = ("train.epochs=1", "train.threads=1", "train.precision=float32", "train.batch_size=16")
        words = [word for one in (*settings, f"train.tokens_per_batch={budget}") for word in ("--set", one)]
        return nest.run("run", rows, "--out", tmp_path / out, *words, patch=LIMITED.format(room=700_000_000))

    first = run("one", 4096)
    assert first.code == 6 and "Traceback" not in first.said, first.said
    said = re.search(r"train\.tokens_per_batch=(\d+)", first.said)
    assert said and "4,096 tokens at once" in first.said, first.said
    fitting = int(said[1])
    assert 256 <= fitting <= 2048
    second = run("two", fitting)
    assert second.code in (0, 5), second.said


def test_where_not_even_one_text_fits_it_is_said(tmp_path, monkeypatch):
    def greedy(*given):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(TextClassification, "loss", greedy)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1_000_000)
    with pytest.raises(ResourceError, match="not even one text of 256 tokens fits: lower encode.max_tokens"):
        whet.run(write_rows(tmp_path / "rows.csv"), out=tmp_path / "run", settings=FAST)
    assert whet.Run(tmp_path / "run").status == "failed"
