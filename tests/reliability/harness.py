"""A process that has lived through a run once and forks a child a command, so that a kill costs no import.

Nothing of this is in whet: a child that is to die or to meet a fault at its n-th call replaces functions of the
system in itself, after the fork.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
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
STAGE = 100
"""The steps of a second stage count from 101."""
DRAWS = 50
"""Of the bootstrap, for intervals are not at stake here and took a third of a run's time."""


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

    def __init__(self, scratch: Path, cwd: Path | None = None, **environment: str) -> None:
        paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        self.scratch, self.began = scratch, 0.0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reliability.harness"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, **environment},
        )

    def warm(self, *words: str | Path) -> None:
        """Run the words in the process that forks: what libraries load and compile at first use is then there."""
        self._tell({"warm": [str(word) for word in words]})
        assert int(self._hear()) == 0

    def begin(self, *words: str | Path, **plan: Any) -> int:
        """Start a child and return its process id.

        ``kill_at=n`` kills it at its n-th call that changes the disk, ``fail_at=n, number=errno`` fails that call;
        ``forever`` fails all later ones too; ``under`` is where they count; ``environment`` and ``patch``, which is
        Python, are set and run in the child before whet is.
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
        self.process.kill()
        self.process.wait()
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
    import whet.front
    import whet.pipeline  # noqa: F401
    from whet.cli import main
    from whet.judge.paired import difference
    from whet.metrics.scores import Scores

    Scores.intervals.__defaults__ = (0.95, DRAWS, 0)
    difference.__defaults__ = (DRAWS,)
    answer, child = os.fdopen(os.dup(1), "w"), 0
    for line in sys.stdin:
        plan = json.loads(line)
        if plan.get("wait"):
            _, status = os.waitpid(child, 0)
            answer.write(f"{os.waitstatus_to_exitcode(status)}\n")
        elif "warm" in plan:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                answer.write(f"{main(plan['warm'])}\n")
        else:
            child = os.fork()
            if child == 0:
                live(plan)
            answer.write(f"{child}\n")
        answer.flush()


def live(plan: dict[str, Any]) -> None:
    """The child's whole life."""
    from reliability.faults import watch_disk
    from whet.cli import main

    scratch = Path(plan["scratch"])
    os.dup2(os.open(scratch / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ.update(plan.get("environment", {}))
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
            os.write(number, f"{STAGE * before.stage + event.step}\n".encode())
        log(out, before, event)

    papers.log = counted


def bits(root: Path) -> dict[str, str]:
    """Everything whose bits are promised: each file of a run but those that tell times; of these what tells none."""
    from whet.core import rundir

    runs = [rundir.RunDir(root), *rundir.RunDir(root).inside()]
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    timeless = [path for path in files if not any(tells_times(path, run) for run in runs)]
    found = {str(path.relative_to(root)): _digest(path, root) for path in timeless}
    for run in runs:
        log = [{key: value for key, value in line.items() if key not in TIMES} for line in rundir.read_lines(run.log)]
        metrics = rundir.read_json(run.metrics) if run.metrics.is_file() else {}  # a point of a curve has none
        kept = {key: value for key, value in metrics.items() if key not in ("timing", "memory")}
        kept |= {"curve": [one | {"seconds": None} for one in kept["curve"]]} if "curve" in kept else {}
        found[f"log of {run.root.relative_to(root)}"] = json.dumps(log)
        found[f"metrics of {run.root.relative_to(root)}"] = json.dumps(kept)
    return found


def tells_times(path: Path, out: Any) -> bool:
    """Whether a file of a run says how long something took; a manifest holds the hashes of such, or of places.

    An empty ``.lock`` may stay where nothing could be removed any more; it locks nobody out.
    """
    return path.name in ("progress.json", "manifest.json", ".lock") or path in (
        out.plan,
        out.state,
        out.metrics,
        out.log,
        out.report,
        out.card,
    )


def _digest(path: Path, root: Path) -> str:
    """A file's hash; where the run itself stands is no part of it."""
    content = path.read_bytes()
    if path.suffix == ".json":
        content = content.replace(str(root).encode(), b"RUN")
    return hashlib.sha256(content).hexdigest()


def steps_saved(root: Path) -> int:
    """The step from which a resume will go on, as ``Ended.steps`` counts them."""
    from whet.core.rundir import RunDir
    from whet.train.state import latest

    found, _ = latest(RunDir(root).checkpoints)
    return STAGE * found.progress.stage + found.progress.step if found else 0


if __name__ == "__main__":
    serve()
