"""An answer as a line of ``predictions/*.jsonl``, and as what ``predict`` prints and the server returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from whet.core.rundir import plain
from whet.prepare.kept import as_json, of_json
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


def of_row(line: Mapping[str, Any]) -> Prediction:
    """The answer in such a line: what stands behind ``prediction`` is the answer's own, what stands before is not."""
    names = list(line)
    behind = names[names.index("prediction") + 1 :]
    details = {}
    for name in (name for name in behind if name != "probabilities"):
        bare = name.removeprefix("prediction_")
        details[bare if bare in names else name] = line[name]
    return Prediction(line["prediction"], line.get("probabilities"), None, details)


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


def packed(prediction: Prediction) -> bytes:
    """An answer as bytes, to lie on the disk; nothing of it is rounded."""
    raw = prediction.raw
    shape = None if raw is None or isinstance(raw, tuple) else np.shape(raw)
    numbers = None if raw is None else np.asarray(raw, np.float64).tobytes()
    told = as_json([prediction.answer, prediction.probabilities, prediction.details, shape, raw is None])
    return told + b"\n" + (numbers or b"")


def unpacked(whole: bytes) -> Prediction:
    """The answer back: its logits a tuple or an array, as they were."""
    told, _, numbers = whole.partition(b"\n")
    answer, probabilities, details, shape, bare = of_json(told)
    raw: Any = None
    if not bare:
        flat = np.frombuffer(numbers)
        raw = tuple(flat.tolist()) if shape is None else flat.reshape(shape)
    return Prediction(answer, probabilities, raw, details)


def size_of(prediction: Prediction) -> int:
    """About how many bytes an answer takes, packed."""
    return 100 + 40 * len(prediction.probabilities or ()) + 8 * int(np.size(prediction.raw))
