"""Where a step's time goes, by a stopwatch that is read between its parts."""

from __future__ import annotations

import time
from typing import final


@final
class Laps:
    """Seconds by part, from one ``start`` to the next ``taken``.

    A GPU works on behind the program's back and nobody waits for it here: there the part in which the program first
    asks for a number (the loss, after the backward pass) pays for what was queued before it.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._at = time.perf_counter()

    def start(self) -> None:
        """Forget the time since the last lap: it was somebody else's."""
        self._at = time.perf_counter()

    def lap(self, part: str) -> None:
        """Give the time since the last lap to a part."""
        now = time.perf_counter()
        self._seconds[part] = self._seconds.get(part, 0.0) + now - self._at
        self._at = now

    def taken(self) -> dict[str, float]:
        """What each part took, to begin again from nothing."""
        found, self._seconds = self._seconds, {}
        return found
