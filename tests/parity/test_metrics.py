"""Our metrics beside the field's: scikit-learn's, SciPy's and seqeval's, on whatever rows hypothesis thinks of."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.stats
import seqeval.metrics
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.metrics import calibration, classification, correlation, entities, likelihood, multilabel

CLASSES = 4
LABELS = list(map(str, range(CLASSES)))
settings.register_profile("parity", max_examples=150, deadline=None, derandomize=True)
settings.load_profile("parity")

rows = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=40)
tables = st.integers(1, 20).flatmap(
    lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n * CLASSES, max_size=n * CLASSES)] * 2)
)
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
CLOSED = [*TAGS, "E-PER", "S-PER", "E-LOC", "S-LOC"]


def tagged(tags: list[str]):
    sentence = st.lists(st.tuples(st.sampled_from(tags), st.sampled_from(tags)), min_size=1, max_size=12)
    return st.lists(sentence, min_size=1, max_size=6)


@given(rows)
def test_one_label_a_row_as_scikit_learn(pairs):
    true, given_ = (np.array(column) for column in zip(*pairs, strict=True))
    matrix = classification.confusion(true, given_, CLASSES)
    assert (matrix == sklearn.metrics.confusion_matrix(true, given_, labels=range(CLASSES))).all()
    macro = {"average": "macro", "zero_division": 0}
    assert classification.accuracy(matrix) == pytest.approx(sklearn.metrics.accuracy_score(true, given_))
    assert classification.f1_macro(matrix) == pytest.approx(sklearn.metrics.f1_score(true, given_, **macro))
    assert classification.precision(matrix) == pytest.approx(sklearn.metrics.precision_score(true, given_, **macro))
    assert classification.recall(matrix) == pytest.approx(sklearn.metrics.recall_score(true, given_, **macro))
    micro = sklearn.metrics.f1_score(true, given_, average="micro")
    assert classification.f1_micro(matrix) == pytest.approx(micro)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = sklearn.metrics.matthews_corrcoef(true, given_)
    assert classification.matthews(matrix) == pytest.approx(theirs, abs=1e-12)
    parts = sklearn.metrics.precision_recall_fscore_support(true, given_, labels=range(CLASSES), zero_division=0)
    for k, row in enumerate(classification.per_class(matrix, LABELS)):
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(tuple(part[k] for part in parts))


@given(tables)
def test_several_labels_a_row_as_scikit_learn(pair):
    true, given_ = (np.array(flat, bool).reshape(-1, CLASSES) for flat in pair)
    found = multilabel.counts(true, given_)
    for ours, average in ((multilabel.f1_micro, "micro"), (multilabel.f1_macro, "macro")):
        theirs = sklearn.metrics.f1_score(true, given_, average=average, zero_division=0)
        assert ours(found) == pytest.approx(theirs)
    micro = {"average": "micro", "zero_division": 0}
    assert multilabel.precision(found) == pytest.approx(sklearn.metrics.precision_score(true, given_, **micro))
    assert multilabel.recall(found) == pytest.approx(sklearn.metrics.recall_score(true, given_, **micro))
    assert multilabel.accuracy(true, given_) == pytest.approx(sklearn.metrics.accuracy_score(true, given_))


@given(tagged(TAGS))
@settings(max_examples=300)
def test_entities_as_conlleval_and_seqeval(sentences):
    _agrees_with_seqeval(sentences)


@given(tagged(CLOSED))
@settings(max_examples=300)
def test_entities_with_closing_marks_as_seqeval(sentences):
    _agrees_with_seqeval(sentences)


def _agrees_with_seqeval(sentences) -> None:
    true = [[t for t, _ in sentence] for sentence in sentences]
    given_ = [[g for _, g in sentence] for sentence in sentences]
    theirs = sorted(seqeval.metrics.sequence_labeling.get_entities(true[0]))
    ours = sorted((span.type, span.start, span.end - 1) for span in entities.spans(true[0]))
    assert ours == [(kind, int(first), int(last)) for kind, first, last in theirs]
    table = sum(entities.count(t, g, ["PER", "LOC"]) for t, g in zip(true, given_, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert entities.f1(table) == pytest.approx(seqeval.metrics.f1_score(true, given_))
        assert entities.precision(table) == pytest.approx(seqeval.metrics.precision_score(true, given_))
        assert entities.recall(table) == pytest.approx(seqeval.metrics.recall_score(true, given_))


def test_entities_as_conlleval_counts_the_cases_that_others_repair():
    """An I- after O, or after another type, begins an entity (conlleval's startOfChunk)."""
    assert entities.spans(["I-PER", "I-PER", "O", "I-LOC"]) == [entities.Span(0, 2, "PER"), entities.Span(3, 4, "LOC")]
    assert entities.spans(["B-PER", "I-LOC"]) == [entities.Span(0, 1, "PER"), entities.Span(1, 2, "LOC")]
    assert entities.spans(["B-PER", "B-PER"]) == [entities.Span(0, 1, "PER"), entities.Span(1, 2, "PER")]
    assert entities.spans(["B-a-b", "I-a-b"]) == [entities.Span(0, 2, "a-b")]
    assert entities.spans(["B-X", "M-X", "E-X", "U-X", "L-X"]) == [
        entities.Span(0, 3, "X"),
        entities.Span(3, 4, "X"),
        entities.Span(4, 5, "X"),
    ]


numbers = st.lists(st.tuples(*[st.integers(-50, 50).map(lambda n: n / 4)] * 2), min_size=3, max_size=40)


@given(numbers)
def test_correlations_and_distances_as_scipy(pairs):
    true, given_ = (np.array(column) for column in zip(*pairs, strict=True))
    assert correlation.mse(true, given_) == pytest.approx(sklearn.metrics.mean_squared_error(true, given_))
    assert correlation.mae(true, given_) == pytest.approx(sklearn.metrics.mean_absolute_error(true, given_))
    np.testing.assert_allclose(correlation.ranks(true), scipy.stats.rankdata(true))
    if len(set(true)) == 1 or len(set(given_)) == 1:
        assert np.isnan(correlation.pearson(true, given_)) and np.isnan(correlation.spearman(true, given_))
    else:
        assert correlation.pearson(true, given_) == pytest.approx(scipy.stats.pearsonr(true, given_)[0], abs=1e-9)
        assert correlation.spearman(true, given_) == pytest.approx(scipy.stats.spearmanr(true, given_)[0], abs=1e-9)


def test_a_correlation_does_not_hang_on_the_unit():
    """Rounding leaves a constant a spread of its own, yet small numbers are none."""
    true, given_ = np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 1.0, 4.0, 3.0])
    assert correlation.pearson(1e-9 * true, 1e-9 * given_) == pytest.approx(correlation.pearson(true, given_))
    assert np.isnan(correlation.pearson(true, np.full(4, 0.1))) and np.isnan(correlation.pearson(true, np.zeros(4)))


@given(st.integers(0, 10_000))
def test_losses_as_scikit_learn(seed):
    random = np.random.default_rng(seed)
    logits, targets = random.normal(0, 4, (30, CLASSES)), random.integers(0, CLASSES, 30)
    chances = calibration.softmax(logits)
    theirs = sklearn.metrics.log_loss(targets, chances, labels=range(CLASSES))
    assert likelihood.cross_entropy(logits, targets).mean() == pytest.approx(theirs)
    there = random.random((30, CLASSES)) < 0.4
    flat = sklearn.metrics.log_loss(there.ravel(), calibration.sigmoid(logits).ravel(), labels=[False, True])
    assert likelihood.binary_cross_entropy(logits, there).mean() == pytest.approx(flat)


@given(st.integers(0, 10_000))
def test_thresholds_are_the_best_of_all_that_scikit_learn_lists(seed):
    random = np.random.default_rng(seed)
    true = random.random((25, 2)) < 0.4
    chances = np.round(random.random((25, 2)), 1).clip(0.05)  # ties are many, and nothing is impossible
    found = multilabel.best_thresholds(true, chances)
    for k in range(2):
        if not true[:, k].any():
            assert found[k] == 0.5
            continue
        given_ = chances[:, k] > found[k]
        ours = sklearn.metrics.f1_score(true[:, k], given_, zero_division=0)
        sharp, caught, _ = sklearn.metrics.precision_recall_curve(true[:, k], chances[:, k])
        best = np.max(2 * sharp * caught / np.maximum(sharp + caught, 1e-12))
        assert ours == pytest.approx(best)
