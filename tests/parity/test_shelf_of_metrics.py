"""The metrics of the shelf beside scikit-learn's, on answers with ties, rare labels and labels that nobody is given."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from whet.measures.contract import METRICS
from whet.tasks.contract import Example, Pair, Prediction, Schema

ROWS = 300
CASES = [(2, 0), (2, 1), (5, 2), (5, 3), (11, 4)]


def drawn(classes: int, seed: int):
    """True numbers and coarse probabilities, so that many are equal; the last label is rare."""
    random = np.random.default_rng(seed)
    true = np.minimum(random.geometric(0.35, ROWS) - 1, classes - 1)
    true[:classes] = np.arange(classes)
    logits = random.normal(size=(ROWS, classes)).round(0) + 1.2 * np.eye(classes)[true]
    chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return true, chance


def ours(name: str, true, chance, **options) -> float:
    labels = tuple(str(k) for k in range(chance.shape[1]))
    pairs = [
        Pair(
            Example(k, ("x",), labels[t]),
            Prediction(labels[int(p.argmax())], dict(zip(labels, map(float, p), strict=True))),
        )
        for k, (t, p) in enumerate(zip(true, chance, strict=True))
    ]
    metric = METRICS[name](**options)
    return metric.measure(metric.columns(pairs, Schema("single", labels)))


@pytest.mark.parametrize(("classes", "seed"), CASES)
def test_ranking(classes, seed):
    true, chance = drawn(classes, seed)
    score = chance[:, 1] if classes == 2 else chance
    area = theirs.roc_auc_score(true, score, multi_class="ovr", average="macro")
    assert ours("roc-auc", true, chance) == pytest.approx(area, abs=1e-12)
    truth = true if classes == 2 else np.eye(classes)[true]
    precision = theirs.average_precision_score(truth, score, average="macro")
    assert ours("average-precision", true, chance) == pytest.approx(precision, abs=1e-12)
    if classes == 2:
        first = theirs.average_precision_score(1 - true, chance[:, 0])
        assert ours("average-precision", true, chance, positive="0") == pytest.approx(first, abs=1e-12)


def test_several_labels_a_row():
    random = np.random.default_rng(7)
    chance = random.random((ROWS, 4)).round(1)
    true = random.random((ROWS, 4)) < 0.2 + 0.5 * chance
    labels = tuple("abcd")
    pairs = [
        Pair(
            Example(k, ("x",), tuple(label for label, has in zip(labels, row, strict=True) if has)),
            Prediction([], dict(zip(labels, map(float, p), strict=True))),
        )
        for k, (row, p) in enumerate(zip(true, chance, strict=True))
    ]
    for name, known in (("roc-auc", theirs.roc_auc_score), ("average-precision", theirs.average_precision_score)):
        metric = METRICS[name]()
        found = metric.measure(metric.columns(pairs, Schema("multi", labels)))
        assert found == pytest.approx(known(true, chance, average="macro"), abs=1e-12)


@pytest.mark.parametrize(("classes", "seed"), CASES)
def test_brier_and_agreement(classes, seed):
    true, chance = drawn(classes, seed)
    given = chance.argmax(1)
    brier = (
        theirs.brier_score_loss(true, chance[:, 1])
        if classes == 2
        else ((chance - np.eye(classes)[true]) ** 2).sum(1).mean()
    )
    assert ours("brier", true, chance) == pytest.approx(brier, abs=1e-12)
    balanced = theirs.balanced_accuracy_score(true, given)
    assert ours("balanced-accuracy", true, chance) == pytest.approx(balanced, abs=1e-12)
    for weights in ("none", "linear", "quadratic"):
        kappa = theirs.cohen_kappa_score(true, given, weights=None if weights == "none" else weights)
        assert ours("cohen-kappa", true, chance, weights=weights) == pytest.approx(kappa, abs=1e-12)


def test_a_rating_that_only_the_rows_have_stands_at_its_place_in_the_order():
    """The model learnt 1, 2 and 10; one row is a 3. scikit-learn is told the whole scale."""
    labels, true, given = ("1", "2", "10"), ["1", "2", "10", "3", "10"], ["1", "1", "10", "10", "2"]
    pairs = [Pair(Example(k, ("x",), t), Prediction(g)) for k, (t, g) in enumerate(zip(true, given, strict=True))]
    metric = METRICS["cohen-kappa"](weights="quadratic")
    known = theirs.cohen_kappa_score(true, given, weights="quadratic", labels=["1", "2", "3", "10"])
    assert metric.measure(metric.columns(pairs, Schema("single", labels))) == pytest.approx(known, abs=1e-12)
