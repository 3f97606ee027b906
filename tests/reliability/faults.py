"""A disk that fails, or a process that dies, at the n-th call that touches the disk: put into a child after its fork."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITES = set("wax+")
READING = (errno.EIO,)
"""What can befall a file that is only read: a full disk is no reason."""
plain_open = io.open


def watch_disk(plan: dict[str, Any], calls: int) -> None:
    """Count each call that touches what lies under ``plan["under"]``, and die or fail at the one that the plan names.

    These are open, write, flush, close, fsync, rename, mkdir, rmdir and unlink; opening to read counts too where what
    is to fail is the disk itself. A file that is closed writes what it still holds, so that fails as on a full disk.
    """
    at, lethal = plan.get("kill_at") or plan.get("fail_at"), "kill_at" in plan
    number, seen, under = plan.get("number", errno.ENOSPC), [0], str(plan.get("under", ""))
    write_raw = os.write

    def meet(place: Any) -> None:
        if under not in str(place):
            return
        seen[0] += 1
        write_raw(calls, b".")
        if at is not None and (seen[0] == at or (plan.get("forever") and seen[0] > at)):
            if lethal:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(number, os.strerror(number), str(place))

    _watch_names(meet)
    _watch_files(meet, number in READING and not lethal)
    _watch_rust(meet)


def _watch_names(meet: Callable[[Any], None]) -> None:
    """Calls that take a path, or an open file's number."""

    def wrapped(call: Any) -> Any:
        def wrapper(first: Any, *rest: Any, **named: Any) -> Any:
            meet(Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else first)
            return call(first, *rest, **named)

        return wrapper

    for name in ("open", "fsync", "replace", "rename", "mkdir", "rmdir", "unlink"):
        setattr(os, name, wrapped(getattr(os, name)))
    shutil._use_fd_functions = False  # or it would remove by numbers of folders
    shutil.rmtree.avoids_symlink_attacks = False


def _watch_files(meet: Callable[[Any], None], reading: bool) -> None:
    """Python's own files: opened, written, flushed, closed."""

    def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        writes = bool(WRITES & set(mode))
        if (writes or reading) and not isinstance(file, int):
            meet(file)
        found = plain_open(file, mode, *rest, **named)
        if writes and isinstance(file, (str, os.PathLike)):
            write, flush, close = found.write, found.flush, found.close

            def written(data: Any) -> Any:
                meet(file)
                return write(data)

            def flushed() -> None:
                meet(file)
                flush()

            def closed() -> None:
                was_open = not found.closed
                close()
                if was_open:
                    meet(file)

            found.write, found.flush, found.close = written, flushed, closed
        return found

    io.open = builtins.open = opened


def _watch_rust(meet: Callable[[Any], None]) -> None:
    """What Rust writes, beyond Python's reach: half a file is left, in words that were copied from a full disk."""
    import safetensors
    import safetensors.torch
    import transformers.modeling_utils
    from transformers import PreTrainedTokenizerFast as Fast

    from whet.assemble import bundle
    from whet.train import state

    save_file, save_tokenizer = safetensors.torch.save_file, Fast._save_pretrained

    def meet_in_rust(path: Any, kind: type[Exception], before: str) -> None:
        try:
            meet(path)
        except OSError as error:
            with contextlib.suppress(OSError), plain_open(path, "wb") as file:
                file.write(b"\x08" * 100)
            raise kind(f"{before}{error.strerror} (os error {error.errno})") from None

    def saved(tensors: Any, path: Any, *rest: Any, **named: Any) -> None:
        meet_in_rust(path, safetensors.SafetensorError, "Error while serializing: I/O error: ")
        save_file(tensors, path, *rest, **named)

    def saved_tokenizer(self: Any, save_directory: Any, *rest: Any, **named: Any) -> Any:
        meet_in_rust(Path(save_directory) / "tokenizer.json", Exception, "")
        return save_tokenizer(self, save_directory, *rest, **named)

    state.save_file = bundle.save_file = safetensors.torch.save_file = saved
    transformers.modeling_utils.safe_save_file = saved
    Fast._save_pretrained = saved_tokenizer
