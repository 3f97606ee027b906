"""Whether the probabilities can be believed, read off the answers alone, whatever the task."""

from __future__ import annotations

from array import array
from dataclasses import asdict
from typing import Any

import numpy as np

from whet.metrics.calibration import ece, reliability
from whet.tasks.contract import Pair


class Deciding:
    """Decisions under way: how sure each was and whether it was right; pairs are added one by one and not kept.

    With one label a row a decision is the given answer; with several, each label of each row is one.
    """

    def __init__(self) -> None:
        self._sure, self._right = array("d"), array("d")

    def add(self, pair: Pair) -> None:
        probabilities, target = pair.prediction.probabilities, pair.example.target
        if not probabilities:
            return
        if isinstance(target, str):
            given = probabilities.get(str(pair.prediction.answer))
            if given is not None:
                self._sure.append(given)
                self._right.append(pair.prediction.answer == target)
        elif isinstance(target, (list, tuple, set, frozenset)) and set(target) <= set(probabilities):
            self._sure.extend(probabilities.values())
            self._right.extend(label in target for label in probabilities)

    def calibration(self, temperature: float | None) -> dict[str, Any] | None:
        """``ece``, the ``temperature`` in use (null: none was fitted) and the reliability diagram's ``bins``.

        None where answers carry no probabilities by label.
        """
        if not self._sure:
            return None
        sure, right = np.array(self._sure), np.array(self._right)
        return {
            "ece": ece(sure, right),
            "temperature": temperature,
            "bins": [asdict(one) for one in reliability(sure, right, bins=10)],
        }
