"""An answer as a line of ``predictions/*.jsonl``, and as what ``predict`` prints and the server returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.core.rundir import plain
from whet.tasks.contract import Pair, Prediction

RESERVED = ("row", "target", "prediction", "probabilities")
"""whet's own keys; an input column of such a name gets the prefix ``input_``."""


def as_row(
    row: int, original: Mapping[str, Any], answered: Pair | Prediction, top: int | None = None
) -> dict[str, Any]:
    """One answered row: its number (data rows count from 1), the user's own columns, the truth, the answer.

    Give a Pair where the target may be known, a Prediction where it is not; ``target`` stands only where it
    is. A task without probabilities has no such key; the answer's details come last. ``top`` keeps that many
    of the likeliest labels, likeliest first.
    """
    prediction = answered.prediction if isinstance(answered, Pair) else answered
    target = answered.example.target if isinstance(answered, Pair) else None
    found: dict[str, Any] = {"row": int(row)}
    for name, value in _own(original).items():
        found[name] = plain(value)
    if target is not None:
        found["target"] = plain(_like(prediction.answer, target))
    found["prediction"] = plain(prediction.answer)
    if prediction.probabilities is not None:
        found["probabilities"] = _likeliest(prediction.probabilities, top)
    for name, value in (prediction.details or {}).items():
        found[name if name not in found else f"prediction_{name}"] = plain(value)
    return found


def _like(answer: Any, target: Any) -> Any:
    """A target that was read as text is the number that it says where the answer is a number."""
    if isinstance(target, str) and isinstance(answer, float):
        try:
            return float(target)
        except ValueError:
            return target
    return target


def _own(original: Mapping[str, Any]) -> dict[str, Any]:
    """The user's columns in their order, each under its own name or, where that is ours, a free one."""
    kept: dict[str, Any] = {}
    taken = {str(name) for name in original} | set(RESERVED)
    for key, value in original.items():
        name = str(key)
        if name in RESERVED:
            while name in taken:
                name = f"input_{name}"
            taken.add(name)
        kept[name] = value
    return kept


def _likeliest(probabilities: Mapping[str, float], top: int | None) -> dict[str, Any]:
    pairs = [(str(label), float(p)) for label, p in probabilities.items()]
    if top is not None:
        pairs = sorted(pairs, key=lambda pair: -pair[1])[:top]
    return {label: plain(p) for label, p in pairs}
