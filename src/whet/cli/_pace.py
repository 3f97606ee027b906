"""How fast it goes and how long it will take still, from the steps seen so far."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from whet.cli._show import duration, size
from whet.core import memory
from whet.core.events import Began, Stepped

_WINDOW = 50
"""Steps over which speed is averaged: enough to smooth uneven batches, few enough to follow a change."""


@dataclass
class Pace:
    """The pace of one stage, by this process's clock: an interruption before it does not slow it down."""

    began: Began
    clock: Callable[[], float] = time.monotonic
    step: int = 0
    epoch: float = 0.0
    loss: float | None = None
    seen: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=_WINDOW + 1))

    def __post_init__(self) -> None:
        self.start = self.clock()
        self.step = self.began.done
        self.seen.append((self.start, 0, 0))

    def take(self, event: Stepped) -> None:
        """Count one step; the loss shown is a running mean, as single steps jump."""
        self.step, self.epoch = event.step, event.epoch
        self.loss = event.loss if self.loss is None else 0.9 * self.loss + 0.1 * event.loss
        self.seen.append((self.clock(), event.examples, event.tokens))

    @property
    def rates(self) -> tuple[float, float]:
        """Rows and tokens a second over the last steps, as the clock saw them."""
        elapsed = self.seen[-1][0] - self.seen[0][0]
        if elapsed <= 0:
            return 0.0, 0.0
        later = list(self.seen)[1:]
        return sum(rows for _, rows, _ in later) / elapsed, sum(tokens for _, _, tokens in later) / elapsed

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the stage's last step, looks at the validation rows included as they came so far."""
        made = self.step - self.began.done
        if made <= 0:
            return None
        return (self.clock() - self.start) / made * max(self.began.steps - self.step, 0)

    def words(self) -> str:
        """Loss, rows/s, tokens/s and memory in one line."""
        rows, tokens = self.rates
        parts = [] if self.loss is None else [f"loss {self.loss:.4f}"]
        if rows:
            parts.append(f"{rows:,.0f} rows/s, {tokens:,.0f} tokens/s")
        return ", ".join([*parts, size(memory.resident_bytes())])

    def left(self) -> str:
        """The time left in words, empty while it is unknown."""
        return "" if self.seconds_left is None else f"{duration(self.seconds_left)} left"
