"""A process that has imported everything once and forks a child a command, so that a kill costs no import.

Nothing of this is in whet: a child that is to die or to meet a fault at its n-th call replaces these functions of the
system in itself, after the fork.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
SIGKILLED = -signal.SIGKILL
TIMES = {"seconds", "examples_per_second"}


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (negative: by that signal), what it said, the steps that it took, its calls."""

    code: int
    said: str
    steps: tuple[int, ...]
    calls: int
    seconds: float


class Nest:
    """The process that forks: ``run(words)`` is ``whet words...`` in a child of it."""

    def __init__(self, scratch: Path, **environment: str) -> None:
        paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        self.scratch, self.began = scratch, 0.0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reliability.harness"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, **environment},
        )

    def begin(self, *words: str | Path, **plan: Any) -> int:
        """Start a child and return its process id.

        ``kill_at=n`` kills it at its n-th call that changes the disk, ``fail_at=n, number=errno`` fails that call;
        ``forever`` fails all later ones too; ``patch`` is Python that runs in the child before whet does.
        """
        for name in ("said", "steps", "calls"):
            (self.scratch / name).unlink(missing_ok=True)
        self.began = time.monotonic()
        self._tell({"words": [str(word) for word in words], "scratch": str(self.scratch), **plan})
        return int(self._hear())

    def end(self) -> Ended:
        """Wait for the child."""
        self._tell({"wait": True})
        code = int(self._hear())
        said, steps, calls = (self._read(name) for name in ("said", "steps", "calls"))
        return Ended(code, said, tuple(map(int, steps.split())), len(calls), time.monotonic() - self.began)

    def run(self, *words: str | Path, **plan: Any) -> Ended:
        self.begin(*words, **plan)
        return self.end()

    def run_for(self, seconds: float, *words: str | Path, number: int = signal.SIGKILL, **plan: Any) -> Ended:
        """Send a signal after some seconds, or let it end where it is faster."""
        child = self.begin(*words, **plan)
        time.sleep(seconds)
        os.kill(child, number)  # a zombie until ``end`` reaps it, so the number is still its own
        return self.end()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def _tell(self, plan: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps(plan) + "\n")
        self.process.stdin.flush()

    def _hear(self) -> str:
        line = self.process.stdout.readline()
        assert line, "the nest died"
        return line

    def _read(self, name: str) -> str:
        path = self.scratch / name
        return path.read_text("utf-8", "replace") if path.is_file() else ""


def serve() -> None:
    """Read plans, fork, say the child's number; on ``wait`` say how it ended."""
    import torch

    import whet.front
    import whet.pipeline  # noqa: F401
    from whet.cli import _verbs, main  # noqa: F401

    torch.set_num_threads(1)
    answer, child = os.fdopen(os.dup(1), "w"), 0
    for line in sys.stdin:
        plan = json.loads(line)
        if plan.get("wait"):
            _, status = os.waitpid(child, 0)
            answer.write(f"{os.waitstatus_to_exitcode(status)}\n")
        else:
            child = os.fork()
            if child == 0:
                live(plan)
            answer.write(f"{child}\n")
        answer.flush()


def live(plan: dict[str, Any]) -> None:
    """The child's whole life."""
    from whet.cli import main

    scratch = Path(plan["scratch"])
    os.dup2(os.open(scratch / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    count_steps(os.open(scratch / "steps", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
    exec(plan.get("patch", ""), {})
    watch_disk(plan, os.open(scratch / "calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
    code = 99
    try:
        code = main(plan["words"])
    finally:
        sys.stderr.flush()
        os._exit(code)


def count_steps(number: int) -> None:
    """Write down every step as it is logged."""
    from whet import papers

    log = papers.log

    def counted(out: Any, before: Any, event: Any) -> None:
        if hasattr(event, "loss"):
            os.write(number, f"{event.step}\n".encode())
        log(out, before, event)

    papers.log = counted


def watch_disk(plan: dict[str, Any], calls: int) -> None:
    """Count each call that changes what is on the disk, and die or fail at the one that the plan names."""
    import builtins
    import io
    import shutil

    import safetensors.torch

    from whet.train import state

    at, lethal = plan.get("kill_at") or plan.get("fail_at"), "kill_at" in plan
    number, seen, under = plan.get("number", errno.ENOSPC), [0], str(plan.get("under", ""))
    raw_write = os.write

    def meet(place: Any) -> None:
        if under and under not in str(place):
            return
        seen[0] += 1
        raw_write(calls, b".")
        if at is not None and (seen[0] == at or (plan.get("forever") and seen[0] > at)):
            if lethal:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(number, os.strerror(number), str(place))

    def wrapped(call: Any) -> Any:
        def wrapper(first: Any, *rest: Any, **named: Any) -> Any:
            place = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else first
            meet(place)
            return call(first, *rest, **named)

        return wrapper

    for name in ("fsync", "replace", "rename", "mkdir", "rmdir", "unlink"):
        setattr(os, name, wrapped(getattr(os, name)))
    plain_open = io.open

    def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        writes = any(letter in mode for letter in "wax+")
        if writes:
            meet(file)
        found = plain_open(file, mode, *rest, **named)
        if writes and isinstance(file, (str, os.PathLike)):
            write = found.write

            def written(data: Any) -> Any:
                meet(file)
                return write(data)

            found.write = written
        return found

    io.open = builtins.open = opened
    save_file = safetensors.torch.save_file

    def saved(tensors: Any, path: Any, *rest: Any, **named: Any) -> None:
        """Rust writes it, beyond Python's reach; what it says of a full disk was copied from a full one."""
        try:
            meet(path)
        except OSError as error:
            plain_open(path, "wb").write(b"\x08" * 100)
            said = f"I/O error: {error.strerror} (os error {error.errno})"
            raise safetensors.SafetensorError(f"Error while serializing: {said}") from None
        save_file(tensors, path, *rest, **named)

    state.save_file = safetensors.torch.save_file = saved
    shutil._use_fd_functions = False
    shutil.rmtree.avoids_symlink_attacks = False


def bits(root: Path) -> dict[str, str]:
    """The hash of everything whose bits are promised: weights, the optimizer's memory, answers, and the log."""
    from whet.core import rundir
    from whet.train.state import newest

    out = rundir.RunDir(root)
    last = next(newest(out.checkpoints))
    files = [*out.model.rglob("*.safetensors"), *last.glob("*.safetensors"), *(root / "predictions").glob("*")]
    found = {str(path.relative_to(root)): rundir.digest(path) for path in sorted(files)}
    log = [{key: value for key, value in line.items() if key not in TIMES} for line in rundir.read_lines(out.log)]
    metrics = rundir.read_json(out.metrics)
    kept = {key: metrics[key] for key in ("test", "validation", "baseline", "calibration", "parameters", "data")}
    return {**found, "log": json.dumps(log), "metrics": json.dumps(kept)}


def steps_saved(root: Path) -> int:
    """The step from which a resume will go on."""
    from whet.core.rundir import RunDir
    from whet.train.state import latest

    found, _ = latest(RunDir(root).checkpoints)
    return found.progress.step if found else 0


if __name__ == "__main__":
    serve()
