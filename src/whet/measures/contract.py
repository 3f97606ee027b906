"""What a metric of the shelf must answer: which answers it can be computed for, its columns, and its value.

A metric is columns with an entry a row, and a function from them to one number; so intervals, paired differences and
slices, which draw rows and ask again, hold for it as for a task's own. Its key in ``metrics.json`` is its name with
underscores: ``roc-auc`` becomes ``roc_auc``, and a recipe may write either.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from whet.core.errors import Fault, UsageError
from whet.core.shelf import Shelf
from whet.metrics.scores import LOWER_IS_BETTER, Columns, Measure, Scores
from whet.tasks.contract import Pair, Schema, Task

Kind = Literal["label", "labels", "number", "tags", "other"]
KINDS: dict[Kind, str] = {
    "label": "one label a row",
    "labels": "several labels a row",
    "number": "a number a row",
    "tags": "a tag a word",
    "other": "answers of its own kind",
}
"""What a task's answers can be, read off the answers themselves, so that tasks to come are known too."""


class Metric(ABC):
    """A number that says how good answers are. An entry is a frozen dataclass whose fields are its options."""

    answers: ClassVar[tuple[Kind, ...]]
    """The kinds of answers that it can be computed for."""
    needs_probabilities: ClassVar[bool] = False
    """Whether each answer must come with the probabilities of all labels."""
    lower_is_better: ClassVar[bool] = False

    @abstractmethod
    def columns(self, pairs: Sequence[Pair], schema: Schema) -> Columns:
        """Arrays with an entry (or row) a pair; walk through the pairs once and in order, there may be a million.

        What takes long belongs here: ``measure`` is asked again for each of a thousand resamples.
        """

    @abstractmethod
    def measure(self, columns: Columns) -> float:
        """The metric of these rows; NaN where they have none, as where only one class is among them."""

    def objection(self, schema: Schema) -> str:
        """Why it cannot be computed for these labels, as the end of a sentence about it; empty where it can."""
        return ""


METRICS: Shelf[Metric] = Shelf("whet.measures", Metric, "metric")  # type: ignore[type-abstract]


def key_of(metric: Metric) -> str:
    """Its name in ``metrics.json`` and in ``evaluate.metric``."""
    return METRICS.name_of(type(metric)).replace("-", "_")


def name_of_key(key: str) -> str:
    """The shelf's name of what a recipe calls with underscores or hyphens."""
    return key.replace("_", "-")


def chosen(asked: Sequence[str | Mapping[str, Any]], leading: str | None) -> tuple[Metric, ...]:
    """The metrics that a recipe asks for, and the one that leads where the shelf has it.

    Raises UsageError for a name that the shelf does not have, and where one metric is asked for twice: both would have
    one key.
    """
    found: dict[str, Metric] = {}
    for one in asked:
        options = {"name": one} if isinstance(one, str) else dict(one)
        metric = METRICS[name_of_key(str(options.pop("name", "")))](**options)
        key = key_of(metric)
        if key in found:
            raise UsageError(f"the metric '{key}' is asked for twice", "evaluate.metrics", "leave one of them")
        found[key] = metric
    if leading and leading not in found and name_of_key(leading) in METRICS.names():
        found[leading.replace("-", "_")] = METRICS[name_of_key(leading)]()
    LOWER_IS_BETTER.update(key for key, metric in found.items() if metric.lower_is_better)
    return tuple(found.values())


def score(task: Task, pairs: Sequence[Pair], schema: Schema, metrics: Sequence[Metric]) -> Scores:
    """The task's scores and those of the metrics asked for. Raises UsageError with all that cannot be computed."""
    own = task.score(pairs, schema)
    if not metrics or not len(pairs):
        return own
    refuse(metrics, next(iter(pairs)), schema, own)
    added = {key_of(metric): _Added(metric, metric.columns(pairs, schema)) for metric in metrics}
    columns = {**own.columns, **{f"{key}.{name}": c for key, one in added.items() for name, c in one.columns.items()}}

    def reduce(drawn: Columns) -> Columns:
        theirs = {name: drawn[name] for name in own.columns}
        return {**drawn, **(theirs if own.reduce is None else own.reduce(theirs))}

    return Scores(columns, {**own.measures, **{key: one.measured_as(key) for key, one in added.items()}}, reduce)


def refuse(metrics: Sequence[Metric], pair: Pair, schema: Schema, own: Scores) -> None:
    """Raises UsageError with every metric that cannot be computed for answers such as this one, and why."""
    faults = []
    for metric in metrics:
        key = key_of(metric)
        if key in own.measures:
            faults.append(Fault(f"the task measures '{key}' already", "evaluate.metrics", "leave it out"))
        elif what := _objection(metric, pair, schema):
            faults.append(Fault(f"the metric '{key}' {what}", "evaluate.metrics", "leave it out, or choose another"))
    if faults:
        raise UsageError(faults)


def kind_of(pair: Pair) -> Kind:
    """What kind of answer a row was given."""
    answer = pair.prediction.answer
    if isinstance(answer, str):
        return "label"
    if isinstance(answer, (int, float)):
        return "number"
    if isinstance(answer, (list, tuple)):
        return "tags" if pair.prediction.probabilities is None else "labels"
    return "other"


@dataclass(frozen=True)
class _Added:
    """A metric and its columns, which stand among the task's under names of their own."""

    metric: Metric
    columns: Columns

    def measured_as(self, key: str) -> Measure:
        def measured(got: Columns) -> float:
            return float(self.metric.measure({name: got[f"{key}.{name}"] for name in self.columns}))

        return measured


def _objection(metric: Metric, pair: Pair, schema: Schema) -> str:
    kind = kind_of(pair)
    if kind not in metric.answers:
        needed = " or ".join(KINDS[one] for one in metric.answers)
        return f"is of {needed}; this task gives {KINDS[kind]}"
    if metric.needs_probabilities and pair.prediction.probabilities is None:
        return "needs probabilities, and this task's answers have none"
    return metric.objection(schema)
