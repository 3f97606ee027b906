"""Stopping when asked: Ctrl-C and the system's SIGTERM end a run after the present step, saved.

The first request is remembered and answered between two steps; a second Ctrl-C stops at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from whet.core.errors import Interrupted, Preempted


class Stop:
    """A context in which requests to stop are remembered. Outside the main thread it hears nothing (Python's rule)."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def refuse_to_go_on(self, save: Callable[[], object]) -> None:
        """Save and raise Interrupted or Preempted where a stop was asked for; else nothing happens."""
        if self.asked is None:
            return
        save()
        if self.asked == signal.SIGTERM:
            raise Preempted("stopped by the system; the state is saved", cure=f"go on with: whet resume {self.run}")
        raise Interrupted("stopped by its user; the state is saved", cure=f"go on with: whet resume {self.run}")

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = number
