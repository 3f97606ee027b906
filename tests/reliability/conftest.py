"""A tiny model on disk, forty rows, and the nest that forks runs of them in some tenths of a second."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.harness import Ended, Nest
from reliability.small import SETTINGS, tiny
from road.conftest import write_rows

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows neither forks nor sends signals")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.csv", 40)


@pytest.fixture(scope="session")
def words(model: Path, rows: Path) -> tuple[str, ...]:
    """``whet run`` of the small course, without --out."""
    return ("run", str(rows), "--model", str(model), *SETTINGS)


@pytest.fixture(scope="session")
def nest(words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory):
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    made = Nest(tmp_path_factory.mktemp("nest"))
    made.warm(*words, "--out", tmp_path_factory.mktemp("warm") / "run")
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole(nest: Nest, words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A run that nobody disturbed, and how it ended."""
    out = tmp_path_factory.mktemp("whole") / "run"
    ended = nest.run(*words, "--out", out, under=str(out))
    assert ended.code == 0, ended.said
    return out, ended


@pytest.fixture
def mount(tmp_path: Path):
    """Makes a file system of its own, with the options that it is given; gone after the test."""
    place = tmp_path / "disk"

    def made(options: str = "size=80m") -> Path:
        place.mkdir()
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place]).returncode:
            pytest.skip("no file system can be mounted here")
        return place

    yield made
    if place.is_mount():
        subprocess.run(["umount", "-l", place], check=True)
