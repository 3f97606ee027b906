"""Where whet keeps what it can make again: choices of the machine, tokens, and rows too many for the memory."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from itertools import count
from pathlib import Path

import psutil

MOST_BYTES = 10 << 30
"""What a folder of the cache may hold; what was not used for longest goes first."""
IN_USE_SECONDS = 86_400
"""What was used so lately stays in any case: a run may be reading it."""
_numbers = count()


def root() -> Path:
    """``WHET_CACHE``, by default ``~/.cache/whet``."""
    named = os.environ.get("WHET_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "whet"


def folder(name: str) -> Path:
    """A folder of the cache that can be written; where the cache cannot, one among the system's temporary files."""
    place = root() / name
    try:
        place.mkdir(parents=True, exist_ok=True)
        if os.access(place, os.W_OK):
            return place
    except OSError:  # a home that cannot be written, or none
        pass
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    place = Path(tempfile.gettempdir()) / f"whet-{user}" / name
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def scratch() -> Path:
    """A free name for a file that this process alone uses and removes.

    It lies in the cache and not among the system's temporary files, which are memory on many machines. What killed
    processes left behind is removed first.
    """
    place = folder("scratch")
    for path in place.iterdir():
        owner = path.name.partition("-")[0]
        if not (owner.isdigit() and psutil.pid_exists(int(owner))):
            path.unlink(missing_ok=True)
    return place / f"{os.getpid()}-{next(_numbers)}"


def trim(place: Path, most_bytes: int = MOST_BYTES, in_use_seconds: float = IN_USE_SECONDS) -> None:
    """Remove the entries of a folder that were not used for longest, until the others fit."""
    entries = []
    for entry in place.iterdir():
        try:
            size = sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
            entries.append((entry.stat().st_mtime, size, entry))
        except OSError:  # another process removes it
            continue
    left = sum(size for _, size, _ in entries)
    for used, size, entry in sorted(entries):
        if left <= most_bytes or time.time() - used < in_use_seconds:
            return
        shutil.rmtree(entry, ignore_errors=True)
        left -= size
