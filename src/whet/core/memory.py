"""How much memory the process takes and the machine has, on every system."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

import psutil

from whet.core import limits

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]


_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""The numbers of these settings in glibc's malloc.h."""


def keep_pages() -> None:
    """Let glibc keep freed memory for the next step instead of giving it back and faulting it in anew.

    A step frees and takes some hundred megabytes; without this a tenth of its time goes into clearing fresh pages
    (docs/log.md). Other systems have no ``mallopt``, and nothing happens there.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def give_back() -> None:
    """Give the system all that was kept and is not in use: between two phases, of which the next takes other sizes."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


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
    """What the machine has, whoever uses it now, or what this process may have of it where it is limited.

    It is limited by a container, a control group, or ``ulimit -v``. The last counts addresses, of which libraries take
    some gigabytes without filling them with anything: they are not the process's to use.
    """
    found = [int(psutil.virtual_memory().total), limits.group_memory_bytes()]
    left = _addresses_left()
    found.append(None if left is None else resident_bytes() + left)
    return max(min(one for one in found if one is not None), 0)


def free_bytes() -> int:
    """What this process may still take: what the machine has left, or less where the process is limited."""
    found = [int(psutil.virtual_memory().available), limits.group_free_bytes(), _addresses_left()]
    return max(min(one for one in found if one is not None), 0)


def _addresses_left() -> int | None:
    """What ``ulimit -v`` leaves; None where it sets no limit."""
    if resource is None:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    return int(limit) - int(psutil.Process(os.getpid()).memory_info().vms)
