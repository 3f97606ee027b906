"""The rows that the model never saw, answered: what is judged, and what is known of each row besides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.tasks.contract import Features, Pair


@dataclass(frozen=True)
class HeldOut:
    """Answered rows; everything beside ``pairs`` may be empty, where it is not known.

    ``features`` are what the model saw of the rows, ``originals`` the user's own columns of each row, of which
    ``roles`` name those that the task reads, ``unknown`` the share of each row's tokens that say nothing to the model,
    ``leaking`` the places of rows that stand in training too, ``homes`` for each row of a cross-validation the fold
    whose model answered it.
    """

    pairs: Sequence[Pair]
    features: Sequence[Features] = ()
    originals: Sequence[Mapping[str, Any]] = ()
    roles: Collection[str] = ()
    unknown: Sequence[float] = ()
    leaking: Sequence[int] = ()
    homes: Sequence[int] = ()
