"""What the cells' answers say row by row, so that any metric can be asked again of resampled rows.

The answers are those of ``predictions/test.jsonl``; the rows are read once, as every cell reads them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.assemble.answers import of_row
from whet.core import draws, rundir
from whet.core.errors import UsageError
from whet.measures.contract import Metric, score
from whet.metrics.scores import Scores, resample
from whet.search.cells import Outcome
from whet.tasks.contract import Example, Pair, Prediction, Schema, Split, Task

DRAWS = 500
"""Resamples: a variance needs fewer than an interval's ends (Efron and Tibshirani 1993: 200 for a standard error)."""


@dataclass(frozen=True)
class Ground:
    """The test rows of every seed. Where they were drawn from the training rows each seed has others, and what two
    seeds have in common is known by the rows' numbers. ``added`` is the metric's entry where it is one of the shelf."""

    task: Task
    schema: Schema
    metric: str
    added: Sequence[Metric]
    tests: Mapping[int, Sequence[Example]]
    numbers: Mapping[int, np.ndarray]

    @classmethod
    def of(
        cls,
        task: Task,
        schema: Schema,
        metric: str,
        added: Sequence[Metric],
        tests: Mapping[int, Sequence[Example]],
    ) -> Ground:
        """Number the rows over all seeds from 0."""
        rows = {seed: np.array([example.row for example in examples]) for seed, examples in tests.items()}
        every = np.unique(np.concatenate(list(rows.values())))
        numbers = {seed: np.searchsorted(every, own) for seed, own in rows.items()}
        return cls(task, schema, metric, added, tests, numbers)

    @property
    def rows(self) -> int:
        """How many different rows there are."""
        return 1 + max(int(own.max()) for own in self.numbers.values())

    @property
    def same_rows(self) -> bool:
        """Whether all seeds are tested on the same rows."""
        first, *others = self.numbers.values()
        return all(np.array_equal(first, other) for other in others)

    def drawn(self, one: Outcome) -> np.ndarray:
        """The metric on resampled rows, the same resamples for every cell: float [DRAWS]."""
        scores, own = self._scores(one), self.numbers[one.cell.seed]
        random = draws.generator(0, "compare")
        found = np.full(DRAWS, math.nan)
        for k in range(DRAWS):
            times = np.bincount(resample(random, self.rows), minlength=self.rows)[own]
            pick = np.repeat(np.arange(len(own)), times)
            found[k] = scores.at(pick).values()[self.metric] if len(pick) else math.nan
        return found

    def _scores(self, one: Outcome) -> Scores:
        """The cell's columns. Raises UsageError where its answers do not give the score that its figures state."""
        alone = score(self.task, list(self._pairs(one)), self.schema, self.added).only(self.metric)
        value, told = alone.values()[self.metric], one.value("test", self.metric)
        if told is None or not math.isclose(value, told, rel_tol=1e-6, abs_tol=1e-9):
            what = f"these answers give {self.metric} {value:.6g}, and the run's metrics.json says {told}"
            raise UsageError(what, str(one.lines), "remove the run's directory and compare again")
        return alone

    def _pairs(self, one: Outcome) -> Iterator[Pair]:
        examples = self.tests[one.cell.seed]
        for example, line in zip(examples, rundir.read_lines(one.lines), strict=True):
            yield Pair(example, of_row(line))


def refuse_unkept(task: Task, schema: Schema, train: Split, metric: str, added: Sequence[Metric]) -> None:
    """Raises UsageError where a metric needs what a run's files do not keep, known before any training."""
    few = Split(train.name, train.examples[:64], ())
    answers = [Prediction(one.answer, one.probabilities) for one in task.baseline(few, few, schema)]
    pairs = [Pair(e, a) for e, a in zip(few.examples, answers, strict=True)]
    known = score(task, pairs, schema, added).measures
    if metric not in known:
        what = f"{metric} needs the logits of the answers, which a run does not keep"
        raise UsageError(what, "evaluate.metric", f"compare in one of: {', '.join(known)}")
