"""What the last doubling of the training rows gained, in words that its interval carries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whet.judge.curving import finding
from whet.judge.options import EvaluateOptions
from whet.metrics.scores import Scores

POINTS = [{"rows": 25}, {"rows": 50}, {"rows": 100}]


def told(half, whole, metric="accuracy", language="en"):
    """The finding where the rows were answered so well after half and after all of the training rows."""
    scores = [
        Scores({"each": np.asarray(one, float)}, {metric: lambda got: got["each"].mean()}) for one in (half, whole)
    ]
    return finding(scores, POINTS, metric, EvaluateOptions(language=language), 1)


BETTER, WORSE, ALIKE = [1] * 27 + [0] * 3, [1] * 12 + [0] * 18, [1] * 13 + [0] * 17
CASES = {
    "More data is likely to help": (WORSE, BETTER, "accuracy"),
    "More of the same data is not likely to help": (BETTER, WORSE, "accuracy"),
    "No gain from more data is to be seen": (WORSE, ALIKE, "accuracy"),
    "cannot be told: there are 10": (WORSE[5:15], BETTER[5:15], "accuracy"),
    "cannot be told: accuracy is not defined": ([math.nan] * 30, BETTER, "accuracy"),
}


@pytest.mark.parametrize("opening", CASES)
def test_the_sentence_is_what_the_interval_says(opening):
    found = told(*CASES[opening])
    assert opening in found.text and found.kind == "next"
    chinese = told(*CASES[opening], language="zh").text
    assert "{" not in chinese and chinese.endswith("。")


def test_of_a_loss_a_fall_helps():
    assert "is likely to help" in told(BETTER, WORSE, "loss").text
    assert "by +0.500, for the worse (" in told(WORSE, BETTER, "loss").text
