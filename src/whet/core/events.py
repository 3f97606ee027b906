"""What a run tells whoever holds it: plain facts, in the order in which they happen.

The training loop yields ``Stepped``, its driver ``Looked``; the pipeline adds the rest. A progress bar, the log and a
notebook all read the same facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Said:
    """A sentence for the user: what was inferred, chosen or passed over."""

    text: str


@dataclass(frozen=True)
class Began:
    """A stage of training begins (or goes on after ``done`` of its ``steps``)."""

    stage: int
    stages: int
    steps: int
    done: int
    epochs: float


@dataclass(frozen=True)
class Stepped:
    """One step: its number (from 1), the mean loss over its supervised targets, and what it took.

    ``seconds`` counts from the stage's first batch, or from the states that are computed once before it, over
    interruptions, validation and saves included. ``spike`` is how many times the highest loss of the steps before it
    the loss is, None where it lies among them. ``computed`` counts the places of ``tokens`` with those that only fill
    up; ``flops`` are useful operations; ``spent`` holds the seconds of data, forward, backward and optimizer.
    """

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    examples: int
    tokens: int
    seconds: float = 0.0
    ends_epoch: bool = False
    spike: float | None = None
    computed: int = 0
    flops: float = 0.0
    spent: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Looked:
    """A look at the validation rows: the scores, and whether they are the best so far."""

    step: int
    epoch: float
    values: dict[str, float] = field(default_factory=dict)
    best: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Saved:
    """A checkpoint was published: from here a resume goes on. It comes after its ``Looked``."""

    step: int
    seconds: float


@dataclass(frozen=True)
class Answered:
    """``done`` of ``rows`` of a split were answered (``rows`` is None where nobody knows how many will come)."""

    split: str
    done: int
    rows: int | None = None


Learnt = Stepped | Said | Looked | Saved
"""What training tells."""
Event = Said | Began | Stepped | Looked | Saved | Answered
Tell = Callable[[Event], None]


def silent(event: Event) -> None:
    """Tell nobody."""
