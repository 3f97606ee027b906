"""A chain of kills of one run, and what must hold after each: shared by the tests and `make bench-kills`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from reliability.harness import SIGKILLED, Ended, Nest, steps_saved

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
    """One run and its resumes: how many kills met it, how many steps were taken more than once, what went wrong."""

    nest: Nest
    words: tuple[str, ...]
    out: Path
    kills: int = 0
    again: int = 0
    done: int = 0

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
            assert ended.steps == tuple(range(saved + 1, saved + 1 + len(ended.steps))), (saved, ended.steps)
            self.again += len([step for step in ended.steps if step <= self.done])
            self.done = max(self.done, *ended.steps)
        return ended
