"""One writer a directory: a lock of the operating system, which dies with its process however that ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from whet.core.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows has no such module
    fcntl = None  # type: ignore[assignment]
if sys.platform == "win32":
    import msvcrt

NAME = ".lock"
BUSY = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder, which must exist, for this process. Raises UsageError at once where another one holds it.

    The file itself says nothing: what a killed process left behind is free, for the system has let go of it.
    """
    path = folder / NAME
    number = _take(path, folder)
    try:
        yield
    finally:
        with suppress(OSError):  # removed while it is held: who opens the next one finds that this one is gone
            path.unlink()
        os.close(number)
        with suppress(OSError):  # Windows removes no open file
            path.unlink()


def refuse_second_writer(folder: Path) -> None:
    """Raises UsageError where another process writes into the folder now; makes nothing."""
    if is_held(folder):
        raise _busy(folder)


def is_held(folder: Path) -> bool:
    """Whether another process writes into the folder now; makes nothing."""
    try:
        number = os.open(folder / NAME, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _locked(number)
    finally:
        os.close(number)


def _take(path: Path, folder: Path) -> int:
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _locked(number):
            os.close(number)
            raise _busy(folder)
        with suppress(OSError):
            if path.stat().st_ino == os.fstat(number).st_ino:
                return number
        os.close(number)  # its holder has just finished and removed it


def _locked(number: int) -> bool:
    """Take the lock on an open file; False where somebody has it."""
    try:
        if fcntl is not None:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif sys.platform == "win32":
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in BUSY:
            return False
        raise
    return True


def _busy(folder: Path) -> UsageError:
    return UsageError("another process is writing here", str(folder), "let it end, or choose another with --out")
