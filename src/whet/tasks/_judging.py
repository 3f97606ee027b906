"""How classified texts are scored: answers and targets as columns, and the field's metrics over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from whet.metrics import calibration, classification, correlation, likelihood, multilabel
from whet.metrics.scores import Columns, Measure, Scores
from whet.tasks._answers import Answers, read
from whet.tasks._targets import number_of, set_of, two_sided
from whet.tasks.contract import Pair, Schema


def scores(pairs: Sequence[Pair], schema: Schema) -> Scores:
    """The scores of answered rows. Labels that the model never learnt count as wrong answers.

    ``loss`` is there where every answer carries its logits: the mean of the training's own loss, each row alike
    (no weights, no smoothing), over the rows whose target the model knows.
    """
    answers = read(pairs, schema)
    of_kind = {"regression": _scale_scores, "multi": _many_scores}
    found = of_kind.get(schema.kind, _label_scores)(answers)
    if answers.logits is None:
        return found
    measures = {**found.measures, "loss": lambda got: likelihood.mean_known(got["losses"])}
    return Scores({**found.columns, "losses": losses(answers, answers.logits, schema)}, measures, found.reduce)


def quality(pair: Pair, schema: Schema) -> float:
    """How good one answer is: right or wrong; of several labels the share of those given or carried that are both
    (Jaccard; 1 where there is none); of a number its distance from the target, negative."""
    if schema.kind == "regression":
        return -abs(float(pair.prediction.answer) - number_of(pair.example))
    if schema.kind != "multi":
        return float(pair.prediction.answer == pair.example.target)
    carried, given = set(set_of(pair.example.target)), set(pair.prediction.answer)
    return len(carried & given) / len(carried | given) if carried | given else 1.0


def losses(answers: Answers, logits: np.ndarray, schema: Schema) -> np.ndarray:
    """Each row's loss by the logits of its answer: float [rows], NaN where the model does not know the target."""
    known = len(schema.labels)
    if schema.kind == "regression":
        _, deviation = schema.scale or (0.0, 1.0)  # not by the logits: each fold's model scales them its own way
        return np.asarray(((answers.given - answers.true) / deviation) ** 2)
    if schema.kind == "multi":
        return likelihood.binary_cross_entropy(logits, answers.true[:, :known])
    targets = np.where(answers.true < known, answers.true, likelihood.UNKNOWN)
    return likelihood.cross_entropy(two_sided(logits, schema), targets)


def _label_scores(answers: Answers) -> Scores:
    columns: dict[str, np.ndarray] = {"true": answers.true, "answered": answers.given}
    measures: dict[str, Measure] = {name: _of_matrix(f) for name, f in classification.MEASURES.items()}
    if answers.sure is not None:
        columns["confidence"] = answers.sure
        measures["ece"] = lambda got: calibration.ece(got["confidence"], got["correct"])

    def reduce(drawn: Columns) -> Mapping[str, np.ndarray]:
        matrix = classification.confusion(drawn["true"], drawn["answered"], len(answers.labels))
        return {**drawn, "matrix": matrix, "correct": drawn["true"] == drawn["answered"]}

    return Scores(columns, measures, reduce)


def _of_matrix(measure: Callable[[np.ndarray], float]) -> Measure:
    return lambda got: measure(got["matrix"])


def _many_scores(answers: Answers) -> Scores:
    columns = {"true": answers.true, "answered": answers.given}

    def reduce(drawn: Columns) -> Mapping[str, np.ndarray]:
        found = multilabel.counts(drawn["true"], drawn["answered"])
        return {**drawn, "right": found.right, "given": found.given, "carried": found.carried}

    def of_counts(measure: Callable[[multilabel.Counts], float]) -> Measure:
        return lambda got: measure(multilabel.Counts(got["right"], got["given"], got["carried"]))

    measures: dict[str, Measure] = {
        "f1_micro": of_counts(multilabel.f1_micro),
        "f1_macro": of_counts(multilabel.f1_macro),
        "precision": of_counts(multilabel.precision),
        "recall": of_counts(multilabel.recall),
        "accuracy": lambda got: multilabel.accuracy(got["true"], got["answered"]),
    }
    return Scores(columns, measures, reduce)


def _scale_scores(answers: Answers) -> Scores:
    def both(measure: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
        return lambda got: measure(got["true"], got["answered"])

    columns = {"true": answers.true, "answered": answers.given}
    return Scores(columns, {name: both(measure) for name, measure in correlation.MEASURES.items()})
