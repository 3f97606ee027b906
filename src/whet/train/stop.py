"""Stopping when asked: Ctrl-C, SIGTERM and SIGHUP end a run at once, or, while weights move, after the present step.

The first request is remembered where a step is under way and answered between two steps, saved; elsewhere nothing
would be gained by waiting, so it breaks off what is being done. A second Ctrl-C stops at once everywhere.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from whet.core.errors import Interrupted, Preempted


class StopNow(KeyboardInterrupt):
    """Breaks off what is being done; no ``except Exception`` of a library may swallow it."""


class Stop:
    """A context that hears requests to stop. Outside the main thread it hears nothing (Python's rule).

    ``run`` is the directory with which a resume goes on, None as long as nothing is written.
    """

    def __init__(self, run: Path | None = None) -> None:
        self.run = run
        self.asked: int | None = None
        self._waits = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            names = ("SIGINT", "SIGTERM", "SIGHUP")
            for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
                if number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) == signal.SIG_IGN:
                    continue  # started under nohup: a closed terminal is no reason to stop
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if isinstance(error, StopNow):
            raise self._answer("the run goes on from its last saved state") from None

    @contextmanager
    def between_steps(self) -> Iterator[None]:
        """Requests wait inside until ``refuse_to_go_on``, or the block's end."""
        with self._waiting(True):
            yield
        if self.asked is not None:
            raise StopNow

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Requests break off what is done inside, by ``StopNow``."""
        with self._waiting(False):
            if self.asked is not None:
                raise StopNow
            yield

    def refuse_to_go_on(self, save: Callable[[], object]) -> None:
        """Save and raise Interrupted or Preempted where a stop was asked for; else nothing happens."""
        if self.asked is None:
            return
        save()
        raise self._answer("the state is saved")

    @contextmanager
    def _waiting(self, waits: bool) -> Iterator[None]:
        before, self._waits = self._waits, waits
        try:
            yield
        finally:
            self._waits = before

    def _answer(self, stands: str) -> Interrupted | Preempted:
        cure = f"go on with: whet resume {self.run}" if self.run else "run it again"
        where = f"; {stands}" if self.run else ""
        if self.asked == signal.SIGINT:
            return Interrupted(f"stopped by its user{where}", cure=cure)
        return Preempted(f"stopped by the system{where}", cure=cure)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.asked = number
        if not self._waits:
            raise StopNow
