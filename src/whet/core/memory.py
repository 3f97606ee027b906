"""How much memory the process takes and the machine has, on every system."""

from __future__ import annotations

import os
import sys

import psutil

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]


def peak_bytes() -> int:
    """The process's largest resident size so far."""
    if resource is None:
        return int(getattr(psutil.Process().memory_info(), "peak_wset", resident_bytes()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def resident_bytes() -> int:
    """What the process holds now."""
    return int(psutil.Process(os.getpid()).memory_info().rss)


def total_bytes() -> int:
    """What the machine has, whoever uses it now."""
    return int(psutil.virtual_memory().total)


def free_bytes() -> int:
    """What this process may still take: what the machine has left, or less where the process is limited (ulimit -v)."""
    free = int(psutil.virtual_memory().available)
    if resource is not None:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free = min(free, limit - int(psutil.Process(os.getpid()).memory_info().vms))
    return max(free, 0)
