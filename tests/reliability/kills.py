"""A chain of kills of one run, a fault at any of its calls, and what must hold afterwards: for the tests and bench/."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reliability.harness import SIGKILLED, Ended, Nest, bits, steps_saved
from reliability.small import STEPS
from whet.core.rundir import RunDir
from whet.train.state import latest

Kill = Callable[..., Ended]
"""Runs the words that it is given in a child, and kills that."""


def at_call(nest: Nest, number: int, out: Path) -> Kill:
    """At its n-th call that changes something under ``out``."""
    return lambda *words: nest.run(*words, kill_at=number, under=str(out))


def after(nest: Nest, seconds: float) -> Kill:
    """So many seconds after it began."""
    return lambda *words: nest.run_for(seconds, *words)


@dataclass
class Chain:
    """One run and its resumes: how many kills met it, how many steps were taken more than once, the last begun with."""

    nest: Nest
    words: tuple[str, ...]
    out: Path
    course: Sequence[int] = range(1, STEPS + 1)
    kills: int = 0
    again: int = 0
    done: int = 0
    begun: int = 0

    def next_words(self) -> tuple[str, ...]:
        """``whet resume``, or where the kill came before a recipe was written the same ``whet run`` as before."""
        if (self.out / "recipe.yaml").is_file():
            return ("resume", str(self.out))
        return (*self.words, "--out", str(self.out))

    def follow(self, kills: Iterable[Kill]) -> None:
        """Kill it again and again, then let it end; what a resume takes anew lies behind the last checkpoint."""
        for kill in kills:
            if self._live(kill).code == SIGKILLED:
                self.kills += 1
        ended = self._live(self.nest.run)
        assert ended.code in (0, 5), ended.said
        assert not list(self.out.rglob("*.part")) and not list(self.out.rglob("*.old")), "debris is cleared away"
        assert not (self.out / ".lock").exists()

    def _live(self, kill: Kill) -> Ended:
        saved = steps_saved(self.out)
        ended = kill(*self.next_words())
        assert ended.code in (SIGKILLED, 0, 5) and "Traceback" not in ended.said, ended
        assert "damaged" not in ended.said, ended.said
        if ended.steps:
            due = [step for step in self.course if step > saved]
            assert list(ended.steps) == due[: len(ended.steps)], (saved, ended.steps)
            self.begun = ended.steps[0]
            self.again += len([step for step in ended.steps if step <= self.done])
            self.done = max(self.done, *ended.steps)
        return ended


@dataclass
class Fault:
    """A run on a disk that fails at one call, or from one on, and its resume: what must hold at every call.

    The run has a cache of its own and an empty one, so that what is written there fails too.
    """

    nest: Nest
    words: tuple[str, ...]
    scratch: Path
    number: int
    forever: bool
    wanted: dict[str, str]

    def at(self, call: int) -> bool:
        """Whether the run came to that call; the directory is gone afterwards."""
        place = self.scratch / f"at-{call}"
        out, cache = place / "run", {"WHET_CACHE": str(place / "cache")}
        place.mkdir()
        plan = {"fail_at": call, "number": self.number, "forever": self.forever, "under": str(place)}
        ended = self.nest.run(*self.words, "--out", out, environment=cache, **plan)
        told = (call, ended.code, ended.said)
        assert ended.code in (0, 6), told  # 0: what failed was only clearing away, or a help that it can do without
        assert "Traceback" not in ended.said and "Exception ignored" not in ended.said, told
        if ended.code == 6:
            found, passed = latest(RunDir(out).checkpoints)
            assert not passed, told
            done = max(ended.steps, default=0)
            assert (found.progress.step if found else 0) >= done - 3, "at most the steps since the last look are lost"
            begun = (out / "recipe.yaml").is_file()
            again = self.nest.run(*(("resume",) if begun else (*self.words, "--out")), out, environment=cache)
            assert again.code == 0, (call, again.said)
        assert bits(out) == self.wanted, told
        shutil.rmtree(place)
        return ended.calls >= call
