"""Every way in which whet says no: what is wrong, where in the user's own words, and the cure.

The tree is small, and each error is also the standard-library class that it specialises, so that
``except ValueError`` keeps working for people who do not know whet's names. ``exit_code`` is what the command line
returns (the table stands in docs/reference).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what, where (file, row, section, key) and how to mend it."""

    what: str
    where: str = ""
    cure: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  cure: {self.cure}" if self.cure else ""
        return f"{place}{self.what}{remedy}"


class WhetError(Exception):
    """The root of whet's errors. It carries one fault or, where several were found, all of them."""

    exit_code = 1

    def __init__(self, what: str | Sequence[Fault], where: str = "", cure: str = "") -> None:
        self.faults: tuple[Fault, ...] = (Fault(what, where, cure),) if isinstance(what, str) else tuple(what)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UsageError(WhetError, ValueError):
    """The command or the recipe asks for something that does not exist or cannot be combined."""

    exit_code = 2


class DataError(WhetError, ValueError):
    """The data cannot be used as it stands. Raised before any training, with every fault found."""

    exit_code = 3


class ModelError(WhetError, ValueError):
    """A model, adapter or bundle was refused: missing, altered, not safetensors, or of an unknown shape."""

    exit_code = 4


class TrainingError(WhetError, RuntimeError):
    """Training failed: the loss diverged, or the model ended below the trivial baseline."""

    exit_code = 5


class ResourceError(WhetError, OSError):
    """Memory or disk does not suffice."""

    exit_code = 6

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class Preempted(WhetError):
    """The run was asked to stop by the system (SIGTERM); its state is saved and ``whet resume`` goes on."""

    exit_code = 75


class Interrupted(WhetError):
    """The run was stopped by its user (Ctrl-C); its state is saved and ``whet resume`` goes on."""

    exit_code = 130


FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
CANNOT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP)
"""What the system says where it lets nothing be written at a place, or looked at."""
_NUMBER = re.compile(r"\(os error (\d+)\)")
"""How the Rust libraries that write weights and tokenizers spell the system's error."""
_NO_MEMORY = ("outofmemoryerror", "can't allocate memory", "not enough memory", "out of memory")


def of_the_disk(error: BaseException) -> ResourceError | None:
    """The same error in whet's words where the disk is full or broken, whichever library met it; else None."""
    if isinstance(error, WhetError):
        return None
    said = _NUMBER.search(str(error))
    number = error.errno if isinstance(error, OSError) and error.errno else int(said[1]) if said else None
    place = str(getattr(error, "filename", None) or "")
    if number in FULL:
        cure = "free some space, or files where these ran out (`df -h`, `df -i`); `whet resume RUN` goes on"
        return ResourceError("the disk is full", place, cure)
    if number == errno.EIO:
        cure = "look after the disk; `whet resume RUN` goes on from the last saved state"
        return ResourceError("the disk could not be read or written (input/output error)", place, cure)
    if number == errno.EROFS:
        cure = "choose another place, or look after the disk; `whet resume RUN` goes on from the last saved state"
        return ResourceError("the disk can only be read", place, cure)
    return None


def of_the_place(error: BaseException) -> UsageError | None:
    """The same error in whet's words where the system does not let a named place be used at all; else None."""
    if isinstance(error, WhetError) or not isinstance(error, OSError) or error.errno not in CANNOT:
        return None
    if not error.filename:
        return None
    return UsageError(f"it cannot be used ({error.strerror})", str(error.filename), "name another place")


def lacks_memory(error: BaseException) -> bool:
    """Whether memory ran out, in Python, in torch on the processor or on a GPU."""
    if isinstance(error, MemoryError):
        return True
    said = f"{type(error).__name__} {error}".lower()
    return isinstance(error, RuntimeError) and not isinstance(error, WhetError) and any(s in said for s in _NO_MEMORY)


def nearest(word: str, choices: Sequence[str]) -> str:
    """Say which known name is meant: ``did you mean 'epochs'?``, or the list where nothing is close."""
    import difflib

    found = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if found:
        return f"did you mean '{found[0]}'?"
    return "known: " + ", ".join(sorted(choices)) if choices else "none is known here"
