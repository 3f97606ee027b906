"""What a container or a control group leaves a process: memory and cores, which may be less than the machine's.

Linux alone has such groups, in two versions; elsewhere, and where nothing is limited, every answer is None.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

GROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
BOUNDLESS = 1 << 60
"""Version 1 says an enormous number where memory is not limited."""


def group_memory_bytes(groups: Path = GROUPS, own: Path = OWN) -> int | None:
    """The least memory that any group above this process allows."""
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [int(text) for place in _places("memory", groups, own) for text in _texts(place, names) if text.isdigit()]
    return min((limit for limit in limits if limit < BOUNDLESS), default=None)


def group_free_bytes(groups: Path = GROUPS, own: Path = OWN) -> int | None:
    """What is left of it; pages of files count as free, since they are given back when memory is short."""
    left = []
    for place in _places("memory", groups, own):
        limits = [int(text) for text in _texts(place, ("memory.max", "memory.limit_in_bytes")) if text.isdigit()]
        used = [int(text) for text in _texts(place, ("memory.current", "memory.usage_in_bytes"))]
        stat = "\n".join(_texts(place, ("memory.stat",))).splitlines()
        files = [int(line.split()[1]) for line in stat if line.startswith(("inactive_file ", "active_file "))]
        left += [limit - used[0] + sum(files) for limit in limits if limit < BOUNDLESS and used]
    return min(left, default=None)


def cores(groups: Path = GROUPS, own: Path = OWN) -> int:
    """The processors that this process may use: those it is bound to, or fewer by a group's share of time."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = []
    for place in _places("cpu", groups, own):
        pair = " ".join(_texts(place, ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"))).split()
        if len(pair) == 2 and all(part.isdigit() for part in pair) and int(pair[1]):
            shares.append(max(1, math.ceil(int(pair[0]) / int(pair[1]))))
    return min([bound, *shares])


def _places(controller: str, groups: Path, own: Path) -> Iterator[Path]:
    """The folders of the groups in which this process is, from its own up to the root, in both versions."""
    try:
        lines = own.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = groups / controller if controllers else groups
        inside = Path(name.lstrip("/"))
        yield from dict.fromkeys(root / above for above in (inside, *inside.parents))


def _texts(place: Path, names: tuple[str, ...]) -> list[str]:
    """The contents of those of some files that are there."""
    found = []
    for name in names:
        try:
            found.append((place / name).read_text("utf-8").strip())
        except OSError:
            continue
    return found
