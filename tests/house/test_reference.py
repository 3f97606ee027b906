"""The reference pages are what the code says, and the check finds one that is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
