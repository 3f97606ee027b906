"""How classified texts are scored: answers and targets as columns, and the field's metrics over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from whet.metrics import calibration, classification, correlation, likelihood, multilabel
from whet.metrics.scores import Columns, Measure, Scores
from whet.tasks._targets import carried, number_of, two_sided
from whet.tasks.contract import Pair, Schema


def scores(pairs: Sequence[Pair], schema: Schema) -> Scores:
    """The scores of answered rows. Labels that the model never learnt count as wrong answers.

    ``loss`` is there where every answer carries its logits: the mean of the training's own loss, each row alike
    (no weights, no smoothing), over the rows whose target the model knows.
    """
    if schema.kind == "regression":
        found = _scale_scores(pairs)
    elif schema.kind == "multi":
        found = _many_scores(pairs, known_labels(pairs, schema))
    else:
        found = _label_scores(pairs, known_labels(pairs, schema))
    if not pairs or any(pair.prediction.raw is None for pair in pairs):
        return found
    measures = {**found.measures, "loss": lambda got: likelihood.mean_known(got["losses"])}
    return Scores({**found.columns, "losses": losses(pairs, schema)}, measures, found.reduce)


def losses(pairs: Sequence[Pair], schema: Schema) -> np.ndarray:
    """Each row's loss by the logits of its answer: float [rows], NaN where the model does not know the target."""
    logits = np.array([pair.prediction.raw for pair in pairs], np.float64)
    if schema.kind == "regression":
        mean, deviation = schema.scale or (0.0, 1.0)
        wanted = np.array([number_of(pair.example) for pair in pairs])
        return np.asarray((logits[:, 0] - (wanted - mean) / deviation) ** 2)
    if schema.kind == "multi":
        truth = carried([pair.example.target for pair in pairs], schema.labels)
        return likelihood.binary_cross_entropy(logits, truth)
    place = {label: k for k, label in enumerate(schema.labels)}
    targets = np.array([place.get(pair.example.target, likelihood.UNKNOWN) for pair in pairs])
    return likelihood.cross_entropy(two_sided(logits, schema), targets)


def known_labels(pairs: Sequence[Pair], schema: Schema) -> tuple[str, ...]:
    """The model's labels, and after them those that only these rows carry."""
    found = {label for pair in pairs for label in _names(pair.example.target)}
    return (*schema.labels, *sorted(found - set(schema.labels)))


def places(pairs: Sequence[Pair], labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answers as class numbers: two int arrays [rows]."""
    place = {label: k for k, label in enumerate(labels)}
    true = np.array([place[pair.example.target] for pair in pairs], np.int64)
    return true, np.array([place[pair.prediction.answer] for pair in pairs], np.int64)


def confidences(pairs: Sequence[Pair]) -> np.ndarray | None:
    """The probability of each given answer, float [rows]; None where an answer carries none."""
    found = [(pair.prediction.probabilities or {}).get(str(pair.prediction.answer)) for pair in pairs]
    known = [value for value in found if value is not None]
    return np.array(known) if len(known) == len(pairs) else None


def _names(target: object) -> tuple[str, ...]:
    return tuple(map(str, target)) if isinstance(target, (tuple, list)) else (str(target),)


def _label_scores(pairs: Sequence[Pair], labels: Sequence[str]) -> Scores:
    true, answered = places(pairs, labels)
    columns: dict[str, np.ndarray] = {"true": true, "answered": answered}
    measures: dict[str, Measure] = {name: _of_matrix(f) for name, f in classification.MEASURES.items()}
    sure = confidences(pairs)
    if sure is not None:
        columns["confidence"] = sure
        measures["ece"] = lambda got: calibration.ece(got["confidence"], got["correct"])

    def reduce(drawn: Columns) -> Mapping[str, np.ndarray]:
        matrix = classification.confusion(drawn["true"], drawn["answered"], len(labels))
        return {**drawn, "matrix": matrix, "correct": drawn["true"] == drawn["answered"]}

    return Scores(columns, measures, reduce)


def _of_matrix(measure: Callable[[np.ndarray], float]) -> Measure:
    return lambda got: measure(got["matrix"])


def _many_scores(pairs: Sequence[Pair], labels: Sequence[str]) -> Scores:
    columns = {
        "true": carried([pair.example.target for pair in pairs], labels),
        "answered": carried([tuple(pair.prediction.answer) for pair in pairs], labels),
    }

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


def _scale_scores(pairs: Sequence[Pair]) -> Scores:
    def both(measure: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
        return lambda got: measure(got["true"], got["answered"])

    columns = {
        "true": np.array([number_of(pair.example) for pair in pairs]),
        "answered": np.array([float(pair.prediction.answer) for pair in pairs]),
    }
    return Scores(columns, {name: both(measure) for name, measure in correlation.MEASURES.items()})
