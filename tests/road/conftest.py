"""Sixty small rows and finished runs on them, shared by every test of the road; a run takes about three seconds."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
import transformers

import whet
from reliability.harness import DRAWS
from reliability.small import tiny
from whet.core.outcome import Run
from whet.judge.paired import difference
from whet.metrics.scores import Scores

GOOD = ("a fine film", "warm and funny", "I loved it", "a joy to watch", "the best this year", "moving and true")
BAD = ("a dull film", "cold and silly", "I hated it", "a pain to watch", "the worst this year", "flat and false")
PLACES = ("in spring", "at home", "with friends", "on a train", "last night")
FAST = ("train.epochs=1", "train.threads=1", "train.batch_size=8", "train.precision=float32")


def write_rows(path: Path, count: int = 60) -> Path:
    """Rows of two labels that a small model can tell apart."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(count):
            words = (GOOD, BAD)[number % 2][number // 2 % 6]
            rows.writerow([f"{words}, {PLACES[number // 12 % 5]} {number}", ("good", "bad")[number % 2]])
    return path


def in_a_process(
    *words: str | Path, cwd: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python apart from this process, on one thread."""
    found = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not check or found.returncode == 0, found.stderr
    return found


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def few_draws():
    """Of the bootstrap, a third of a small run's time: no interval is at stake here, but in other folders they are."""
    kept = [(asked, asked.__defaults__) for asked in (Scores.intervals, difference)]
    Scores.intervals.__defaults__, difference.__defaults__ = (0.95, DRAWS, 0), (DRAWS,)
    yield
    for asked, defaults in kept:
        asked.__defaults__ = defaults


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.csv")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A trunk of two narrow blocks, which gets a mean head as the default model does, for what does not hang on a
    model's size: its runs take a tenth of the time."""
    place = tmp_path_factory.mktemp("small")
    network = transformers.BertModel.from_pretrained(tiny(place), add_pooling_layer=False)
    network.save_pretrained(place)
    return str(place)


@pytest.fixture(scope="session")
def made(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """A finished run by its settings; asked for twice it is made once."""
    kept: dict[tuple[str | None, tuple[str, ...], str | None], Run] = {}

    def make(strategy: str | None = None, settings: Sequence[str] = (), model: str | None = None) -> Run:
        key = (strategy, tuple(settings), model)
        if key not in kept:
            out = tmp_path_factory.mktemp("runs") / "run"
            kept[key] = whet.run(rows, model=model, strategy=strategy, out=out, settings=[*FAST, *settings])
        return kept[key]

    return make
