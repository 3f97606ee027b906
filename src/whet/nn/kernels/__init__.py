"""The kernels: the parts of a step beside its products, in C for the processor at hand.

They are compiled once a machine by whatever C compiler it has (some two seconds) and kept in the cache; where there is
none, the plain torch code that stands beside each of them is used, to the same answers but for rounding.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from whet.core import cache

Kernels = Literal["compiled", "plain"]
SOURCES = ("common.h", "adamw.c", "attention.c", "rows.c", "surprise.c", "all.c")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fPIC", "-shared")
SECONDS = 120
"""A compiler that takes longer is not waited for."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels; None where there is no compiler or what it makes cannot be loaded."""
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)
    if compiler is None:
        return None
    try:
        home = cache.folder("kernels")
        if not _is_ours(home):
            return None
        place = home / f"{_key(compiler)}.so"
        if not place.is_file():
            _compile(compiler, place)
        found = ctypes.CDLL(str(place))
        found.whet_squares.restype = ctypes.c_double
    except (OSError, subprocess.SubprocessError, AttributeError):
        return None
    return found


def _is_ours(home: Path) -> bool:
    """Whether nobody else can have put a file there: what is loaded from it runs."""
    found = home.stat()
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & stat.S_IWOTH)


def _compile(compiler: str, place: Path) -> None:
    """Published by rename, so that two processes at once do no harm; without OpenMP where it is missing."""
    source = Path(__file__).parent / "all.c"
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        made = Path(scratch) / "kernels.so"
        for more in (["-fopenmp"], []):
            command = [compiler, *FLAGS, *more, str(source), "-o", str(made), "-lm"]
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
            if done.returncode == 0:
                made.replace(place)
                return
    raise OSError("the kernels do not compile")


def _key(compiler: str) -> str:
    """What the compiled file depends on: sources, compiler, flags, processor, and torch, whose OpenMP it shares."""
    said = subprocess.run([compiler, "--version"], capture_output=True, timeout=SECONDS, check=True).stdout
    found = Path("/proc/cpuinfo")
    lines = found.read_text("utf-8", "replace").splitlines() if found.is_file() else [platform.processor()]
    flags = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    parts = [said, " ".join([*FLAGS, *flags, torch.__version__, platform.machine()]).encode()]
    parts += [(Path(__file__).parent / name).read_bytes() for name in SOURCES]
    return hashlib.blake2b(b"\0".join(parts), digest_size=12).hexdigest()


LANES = 16
"""Numbers in a vector of the kernels."""
_plain = False
Word = ctypes.c_uint32


def choose(kind: Kernels) -> None:
    """From now on the compiled kernels, where there are any, or the plain code beside them; like torch's threads."""
    global _plain
    _plain = kind == "plain"


def chosen() -> Kernels:
    """What is in use here."""
    return "plain" if _plain or library() is None else "compiled"


def about() -> str:
    """What is in use here, with its reason where it is the slower."""
    if chosen() == "compiled":
        return "compiled in C for this processor"
    return "plain torch, as the recipe says" if _plain else "plain torch: no C compiler (cc) makes the faster ones here"


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Inside, the plain code is used."""
    global _plain
    before, _plain = _plain, True
    try:
        yield
    finally:
        _plain = before


def take(*tensors: Tensor) -> bool:
    """Whether the kernels are in use and can work on these: on the processor, of one of two types, not empty."""
    first = tensors[0].dtype
    if first not in (torch.float32, torch.bfloat16) or _plain:
        return False
    fitting = all(one.dtype == first and one.device.type == "cpu" and one.numel() > 0 for one in tensors)
    return fitting and library() is not None


def take_rows(*tensors: Tensor) -> bool:
    """The same for those kernels that read rows of whole vectors: the last dimension is a multiple of ``LANES``."""
    return all(one.dim() > 0 and one.shape[-1] % LANES == 0 for one in tensors) and take(*tensors)


def call(name: str, *given: Tensor | float | Word | None) -> float:
    """Run a kernel: tensors go by their address, None is none, whole numbers take 64 bits, and threads come last.

    What comes back means something where the kernel returns something.
    """
    function = getattr(library(), name)
    found: float = function(*map(_as_c, given), ctypes.c_int(torch.get_num_threads()))
    return found


def _as_c(given: Any) -> Any:
    if isinstance(given, Tensor):
        return ctypes.c_void_p(given.data_ptr())
    if isinstance(given, bool):
        return ctypes.c_int(given)
    if isinstance(given, int):
        return ctypes.c_int64(given)
    if isinstance(given, float):
        return ctypes.c_float(given)
    return given


def is_half(tensor: Tensor) -> bool:
    return tensor.dtype == torch.bfloat16
