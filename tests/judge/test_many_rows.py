"""A million rows are judged as a thousand are: few walks through the answered rows, and never all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from whet.judge import slices
from whet.judge.held_out import HeldOut
from whet.judge.judge import MOST_ROWS, judge
from whet.judge.mistakes import mistakes
from whet.judge.options import EvaluateOptions
from whet.judge.paired import difference
from whet.metrics import scores
from whet.metrics.scores import Scores
from whet.prepare import kept
from whet.tasks.contract import TASKS, Example, Pair, Prediction, Schema

ROWS = 3000
CHUNK = 16
LABELS = ("bad", "good", "mixed")
TAGS = ("O", "B-PER", "I-PER")


class Live(Example):
    """An example that is counted while it lives."""

    now = most = 0

    def __init__(self, *values):
        super().__init__(*values)
        Live.now += 1
        Live.most = max(Live.most, Live.now)

    def __del__(self):
        Live.now -= 1


class Walked(Sequence):
    """Items made anew whenever they are asked for, as those that lie on the disk are; ``taken`` counts them."""

    def __init__(self, make, length=ROWS):
        self.make, self.length, self.taken = make, length, 0

    def __len__(self):
        return self.length

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(self.length))]
        if not 0 <= place < self.length:
            raise IndexError(place)
        self.taken += 1
        return self.make(place)


def label(k):
    target, answer = LABELS[k % 3], LABELS[(k * k) % 3]
    chances = {one: 0.8 if one == answer else 0.1 for one in LABELS}
    return Pair(Live(k + 1, ("word " * (k % 9 + 1),), target), Prediction(answer, chances, (0.1, 0.2, 0.3)))


def label_set(k):
    target, answer = tuple(LABELS[: k % 3]), list(LABELS[: k % 2])
    return Pair(Live(k + 1, ("word",), target), Prediction(answer, dict.fromkeys(LABELS, 0.4), (0.1, 0.2, 0.3)))


def number(k):
    return Pair(Live(k + 1, ("word",), str(k % 7)), Prediction(k % 5 / 2, None, (0.5,)))


def tags(k):
    target = ("B-PER", "I-PER", "O")
    given = ["B-PER", TAGS[2 * (k % 2)], "O"]
    return Pair(Live(k + 1, ("Ada", "King", "ran"), target), Prediction(given, None, np.zeros((3, 3))))


def document(k):
    answer = {"log_likelihood": -float(k % 9 + 1), "tokens": 5, "perplexity": 2.0}
    return Pair(Live(k + 1, ("Once upon a time.",)), Prediction(answer, None, (1.0, 5)))


KINDS = {
    "one label": ("text-classification", Schema("single", LABELS), label, 5),
    "several labels": ("text-classification", Schema("multi", LABELS), label_set, 5),
    "a number": ("text-classification", Schema("regression", scale=(3.0, 2.0)), number, 5),
    "tags": ("token-classification", Schema("spans", TAGS), tags, 7),
    "a document": ("language-modeling", Schema("causal"), document, 4),
}
"""Each with its walks: the score, the findings (of tags two), what judging itself reads, the trivial predictor's lesson
(of tags two, of documents none without their tokens), and its score."""
FEW = 10
"""Rows that are looked up besides, to be told as they stand."""


@pytest.mark.parametrize("kind", KINDS)
def test_judging_takes_few_walks_through_the_rows_and_holds_few_of_them(kind, monkeypatch):
    name, schema, make, walks = KINDS[kind]
    monkeypatch.setattr(kept, "CHUNK", CHUNK)
    monkeypatch.setattr(slices, "SHUFFLES", 50)
    pairs = Walked(make)
    Live.now = Live.most = 0
    judge(TASKS[name](), schema, None, (), HeldOut(pairs), None, EvaluateOptions(), 1)
    assert walks * ROWS <= pairs.taken <= walks * ROWS + FEW
    assert 0 < Live.most < ROWS / 2


def test_mistakes_are_found_in_one_walk():
    def row(k):
        return {"row": k, "text": f"text {k}", "target": "x", "prediction": "xy"[k % 2], "probabilities": {"y": 0.5}}

    judged = Walked(row)
    found = mistakes(judged, 10)
    assert judged.taken == ROWS
    assert (found.count, found.rows, [one.row for one in found.shown]) == (ROWS // 2, ROWS, list(range(1, 21, 2)))
    unjudged = Walked(lambda k: {"row": k, "text": "t", "prediction": {"loss": k}})
    found = mistakes(unjudged, 10)
    assert unjudged.taken == ROWS
    assert (found.known, found.count, len(found.shown)) == (False, ROWS, 10)


def test_of_rows_with_and_without_truth_those_with_one_are_shown():
    rows = [
        {"row": 1, "text": "a", "label": "?", "prediction": "x"},
        {"row": 2, "text": "b", "label": "y", "target": "y", "prediction": "x"},
        {"row": 3, "text": "c", "prediction": "x"},
    ]
    found = mistakes(rows)
    assert [(one.row, one.inputs) for one in found.shown] == [(2, {"text": "b"})]
    assert (found.count, found.rows, found.known) == (1, 3, True)


def test_a_schema_is_learnt_in_one_walk():
    for name, labels in (("single", lambda k: "ab"[k % 2]), ("multi", lambda k: ("a", "b")[: k % 3])):
        examples = Walked(lambda k, labels=labels: Example(k + 1, ("text",), labels(k)))
        assert TASKS["text-classification"]().learn(examples).kind == name
        assert examples.taken == ROWS


def test_a_finding_names_the_first_thousand_rows_and_tells_how_many_there_are():
    schema = Schema("single", LABELS)
    pairs = [label(k) for k in range(6000)]
    found = judge(TASKS["text-classification"](), schema, None, (), HeldOut(pairs), None, EvaluateOptions(), 1)
    named = {len(one["rows"]): one.get("row_count") for one in found.as_findings()}
    cut = [len(one.rows) for one in found.findings if len(one.rows) > MOST_ROWS]
    assert cut and named[MOST_ROWS] in cut
    assert all(count is None for rows, count in named.items() if rows < MOST_ROWS)


def mean_of(values):
    return Scores({"right": np.asarray(values, float)}, {"accuracy": lambda got: got["right"].mean()})


def test_a_difference_of_many_rows_is_as_wide_as_that_of_all(monkeypatch):
    random = np.random.default_rng(4)
    ours, theirs = mean_of(random.random(3000) < 0.8), mean_of(random.random(3000) < 0.7)
    whole = difference(ours, theirs, "accuracy", 0.95, 1)
    monkeypatch.setattr(scores, "MOST_DRAWN", 300)
    part = difference(ours, theirs, "accuracy", 0.95, 1)
    assert part.value == whole.value
    assert part.high - part.low == pytest.approx(whole.high - whole.low, rel=0.12)
