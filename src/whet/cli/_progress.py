"""Progress on standard error: a bar on a terminal, plain lines at a sensible rhythm elsewhere.

Both read the facts of ``core.events``. Nothing here ever reaches standard output.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column

from whet.cli._pace import Pace
from whet.cli._show import figure, note
from whet.core.events import Answered, Began, Event, Looked, Said, Stepped, Tell

_FIRST_WAIT = 5.0
_LONGEST_WAIT = 60.0
"""Seconds between plain lines: 5 at first, to see it move, then ever longer, so that no log fills up."""


@contextmanager
def telling() -> Iterator[Tell]:
    """Render events for as long as the block runs: a bar where standard error is a terminal, lines else."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with Bars() as bars:
        yield bars


class Lines:
    """Events as plain lines, for logs and pipes."""

    def __init__(self, write: Callable[[str], None] = note, clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._pace: Pace | None = None
        self._last, self._wait = clock(), _FIRST_WAIT
        self._swept: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Write a line, or nothing where the last one is recent."""
        match event:
            case Said(text):
                self._write(text)
            case Began():
                self._pace = Pace(event, self._clock)
                self._last, self._wait = self._clock(), _FIRST_WAIT
                self._write(begun(event))
            case Stepped() if self._pace is not None:
                self._pace.take(event)
                if event.step == self._pace.began.steps or self._due():
                    self._write(self._stepped(event, self._pace))
            case Looked():
                self._write(looked(event))
            case Answered(split, done, rows):
                if self._answering(event):
                    self._write(f"{split}: {done:,}{'' if rows is None else f' of {rows:,}'} rows answered")

    def _stepped(self, event: Stepped, pace: Pace) -> str:
        left = pace.left() if event.step < pace.began.steps else ""
        parts = (f"step {event.step:,}/{pace.began.steps:,}", f"epoch {event.epoch:.2f}", pace.words(), left)
        return ", ".join(part for part in parts if part)

    def _answering(self, event: Answered) -> bool:
        """Long sweeps show now and then how far they are, and their end; short ones go without a word."""
        ended = event.rows is not None and event.done >= event.rows
        shown = event.split in self._swept if ended else self._due()
        if ended:
            self._swept.discard(event.split)
        elif shown:
            self._swept.add(event.split)
        return shown

    def _due(self) -> bool:
        now = self._clock()
        if now - self._last < self._wait:
            return False
        self._last, self._wait = now, min(self._wait * 1.5, _LONGEST_WAIT)
        return True


class Bars:
    """Events as a bar with time left, speed and memory; sentences scroll above it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[words]}", table_column=rest),
            expand=True,
            console=self._console,
            transient=True,
            redirect_stdout=False,
        )
        self._pace: Pace | None = None
        self._training: TaskID | None = None
        self._answering: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case Said(text):
                self._print(text)
            case Began():
                self._begin(event)
            case Stepped() if self._pace is not None and self._training is not None:
                self._pace.take(event)
                words = ", ".join(part for part in (self._pace.left(), self._pace.words()) if part)
                self._progress.update(self._training, completed=event.step, words=words)
            case Looked():
                self._print(looked(event))
            case Answered():
                self._answer(event)

    def _begin(self, event: Began) -> None:
        if self._training is not None:
            self._progress.remove_task(self._training)
        self._pace = Pace(event)
        name = "training" if event.stages == 1 else f"stage {event.stage + 1} of {event.stages}"
        self._training = self._progress.add_task(name, total=event.steps, completed=event.done, words="")

    def _answer(self, event: Answered) -> None:
        bar = self._answering.get(event.split)
        if event.rows is not None and event.done >= event.rows:
            if bar is not None:
                self._progress.remove_task(self._answering.pop(event.split))
            return
        if bar is None:
            bar = self._progress.add_task(f"answering {event.split}", total=event.rows, words="")
            self._answering[event.split] = bar
        self._progress.update(bar, completed=event.done)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def begun(event: Began) -> str:
    """The line with which a stage begins, or goes on."""
    name = "training" if event.stages == 1 else f"stage {event.stage + 1} of {event.stages}"
    if event.done:
        return f"{name}: goes on after step {event.done:,} of {event.steps:,}"
    return f"{name}: {event.steps:,} steps, {event.epochs:g} epochs"


def looked(event: Looked) -> str:
    """The line for a look at the validation rows."""
    values = ", ".join(f"{name} {figure(value)}" for name, value in event.values.items()) or "no rows to look at"
    return f"validation after epoch {event.epoch:g}: {values}{' (best so far)' if event.best else ''}"
