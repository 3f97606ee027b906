"""Whether the probabilities can be believed, read off the answers alone, whatever the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from whet.metrics.calibration import ece, reliability
from whet.tasks.contract import Pair, Schema


def calibration_of(pairs: Sequence[Pair], schema: Schema) -> dict[str, Any] | None:
    """``ece``, the ``temperature`` in use (null: none was fitted) and the reliability diagram's ``bins``.

    None where answers carry no probabilities by label. With one label a row a decision is the given answer;
    with several, each label of each row is one.
    """
    decisions = [decision for pair in pairs for decision in _decisions(pair)]
    if not decisions:
        return None
    confidence = np.array([p for p, _ in decisions], np.float64)
    right = np.array([r for _, r in decisions], np.float64)
    return {
        "ece": ece(confidence, right),
        "temperature": schema.temperature,
        "bins": [asdict(one) for one in reliability(confidence, right, bins=10)],
    }


def _decisions(pair: Pair) -> list[tuple[float, bool]]:
    probabilities, target = pair.prediction.probabilities, pair.example.target
    if not probabilities:
        return []
    if isinstance(target, str):
        given = probabilities.get(str(pair.prediction.answer))
        return [] if given is None else [(float(given), pair.prediction.answer == target)]
    if isinstance(target, (list, tuple, set, frozenset)) and set(target) <= set(probabilities):
        return [(float(p), label in target) for label, p in probabilities.items()]
    return []
