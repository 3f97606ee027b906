"""Two equal runs give equal bits: under load, in other processes, with any number of workers.

whet has no workers that feed rows; what works beside it are the tokenizer's threads, the libraries' own, and the
number of threads that the recipe names, which is part of the recipe.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reliability.conftest import posix
from reliability.harness import Nest, bits

pytestmark = posix
MANY = {"TOKENIZERS_PARALLELISM": "true", "RAYON_NUM_THREADS": "4", "OMP_NUM_THREADS": "4", "PYTHONHASHSEED": "1"}
FEW = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "2"}


@pytest.fixture(scope="module")
def loaded():
    """A process that never rests; with the two that are compared it is one more than many machines have cores."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    busy.kill()
    busy.wait()


@pytest.fixture(scope="module")
def two(loaded, tmp_path_factory):
    """Two fresh processes with many and with one worker, each with a cache, a temporary and a working folder of its own."""
    nests = []
    for number, environment in enumerate((MANY, FEW)):
        place = tmp_path_factory.mktemp(f"nest-{number}")
        (place / "temporary").mkdir()
        own = {"OMP_WAIT_POLICY": "passive", "WHET_CACHE": str(place / "cache"), "TMPDIR": str(place / "temporary")}
        nests.append(Nest(place, cwd=place, **environment, **own))
    yield nests
    for nest in nests:
        nest.close()


def at_once(nests: list[Nest], folder: Path, *words: str) -> list[dict[str, str]]:
    """What the same words give in each, both at work at the same time."""
    for number, nest in enumerate(nests):
        nest.begin(*words, "--out", folder / str(number))
    ended = [nest.end() for nest in nests]
    assert {one.code for one in ended} == {0}, ended
    return [bits(folder / str(number)) for number in range(len(nests))]


def test_neither_load_nor_workers_nor_places_change_a_bit(two, words, whole, tmp_path):
    many, few = at_once(two, tmp_path, *words)
    assert many == few == bits(whole[0])
    assert len(few) > 15, "files of every kind were compared"


def test_nor_with_two_threads(two, words, whole, tmp_path):
    many, few = at_once(two, tmp_path, *words, "--set", "train.threads=2", "--set", "train.epochs=1")
    assert many == few


def test_a_run_of_its_recipe_does_not_choose_anew(two, rows, model, tmp_path):
    """What the machine chose (precision, threads, tokens at once) stands in recipe.yaml, and is taken from there."""
    many, few = two
    chosen = ("run", str(rows), "--model", str(model), "--set", "train.epochs=1")
    assert many.run(*chosen, "--out", tmp_path / "first").code == 0
    assert few.run("run", tmp_path / "first" / "recipe.yaml", "--out", tmp_path / "again").code == 0
    assert bits(tmp_path / "first") == bits(tmp_path / "again")
