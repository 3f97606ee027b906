"""The user's own earlier task (``evaluate.retain``): its rows, and who is asked about them before and after.

Where the base has a head that answers such rows, that head is asked over the untouched trunk and over the tuned one.
Where not, a linear probe is fitted on the untouched states of half of the rows and asked about the other half. Where
the run models language, the rows are texts and their loss is measured.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from whet.assemble.bundle import open_predictor
from whet.assemble.model import Model
from whet.assemble.predictor import Predictor
from whet.assemble.source import Source
from whet.core.errors import DataError, Fault, ModelError
from whet.judge.looking import BATCH_TOKENS, vectors
from whet.judge.retention import Measured
from whet.judge.shipped import chance_of
from whet.metrics.probe import Probe, fit_probe
from whet.nn.packed import Engine
from whet.prepare.corpus import prepare, prepare_test
from whet.prepare.encode import encode
from whet.prepare.options import DataOptions
from whet.tasks.contract import Example, Limits, Pair, Prediction, Schema, Split, Task

MOST_ROWS = 2000
"""Rows that are asked, drawn evenly where there are more: they tell a share to two hundredths."""
FEWEST = 4
How = Literal["head", "probe", "loss"]


@dataclass(frozen=True)
class Earlier:
    """Checked rows of an earlier task; ``learnt`` are those that a probe is fitted on, ``asked`` all that are asked."""

    file: str
    how: How
    task: Task
    schema: Schema
    asked: tuple[Example, ...]
    learnt: tuple[Example, ...] = ()
    head: Model | None = None
    """The base as a model of its own, on the processor, where its head is asked."""
    why: str = ""
    """Why it is not the base's head that is asked; empty where it is, or cannot be."""

    @property
    def sentence(self) -> str:
        """Who will be asked, to be said aloud."""
        who = {
            "head": "the base's own head, before and after",
            "probe": f"a linear probe that learns from {len(self.learnt)} others of its rows",
            "loss": "for the loss of its texts",
        }[self.how]
        why = f" (not the base's own head: {self.why})" if self.why else ""
        return f"evaluate.retain: {len(self.asked)} rows of {self.file} are asked, {who}{why}"


def read_earlier(file: str, base: str, language: tuple[Task, Schema] | None = None) -> Earlier:
    """Read and check FILE for a run from ``base``. Raises DataError with every fault of its rows.

    ``language`` is the task of a run that models language from its first stage to its last.
    """
    options = DataOptions(max_rows=MOST_ROWS)
    if not Path(file).is_file():
        raise DataError("there is no such file", file, "name a file of labelled rows with evaluate.retain (--retain)")
    if language:
        found = prepare_test(file, options, *language, {})
        return Earlier(file, "loss", *language, tuple(found.splits["test"].examples))
    why = "it has none for labelled rows"
    try:
        model = open_predictor(base, "cpu").model
        if model.anatomy.base and any(column.target for column in model.task.columns):
            found = prepare_test(file, options, model.task, model.schema, model.columns)
            return Earlier(file, "head", model.task, model.schema, tuple(found.splits["test"].examples), head=model)
    except (ModelError, DataError) as error:  # it has no head, or one for other rows
        why = error.faults[0].what
    return _probed(file, why)


def _probed(file: str, why: str) -> Earlier:
    options = DataOptions(max_rows=2 * MOST_ROWS, on_leak="drop", split_fractions=(0.0, 0.5))
    try:
        corpus = prepare(file, options, None, 0)
    except DataError as error:
        raise DataError([_own_cure(fault) for fault in error.faults]) from error
    learnt, asked = (tuple(corpus.splits[name].examples) for name in ("train", "test"))
    head = corpus.task.head(corpus.schema)
    one_each = all(isinstance(example.target, str) for example in (*learnt, *asked))
    if head.kind != "sequence" or not corpus.schema.labels or not one_each:
        cure = "give rows of a text and a label, or start from a model that was trained on such rows"
        raise DataError("a linear probe is asked for one label a row, and these rows have none", file, cure)
    if unknown := [one.row for one in asked if one.target not in corpus.schema.labels]:
        what = f"its label stands in the half alone that is asked, and the probe cannot learn it ({len(unknown)} rows)"
        raise DataError([Fault(what, f"{file}, row {unknown[0]}", "give more rows of it, or leave it out")])
    if len(asked) < FEWEST:
        raise DataError(f"{len(learnt) + len(asked)} rows are too few to ask", file, f"give {2 * FEWEST} or more")
    return Earlier(file, "probe", corpus.task, corpus.schema, asked, learnt, why=why)


def _own_cure(fault: Fault) -> Fault:
    """The same fault; ``data.columns`` would rename the run's own columns, so the file's are to be renamed."""
    if "data.columns" not in fault.cure:
        return fault
    return dataclasses.replace(fault, cure="call the column of the text 'text', that of the label 'label'")


@dataclass(frozen=True)
class Before:
    """The untouched model's answers, and what asks the tuned one the same: a head without its trunk, or a probe."""

    earlier: Earlier
    pairs: Sequence[Pair]
    head: Model | None = None
    pooler: nn.Module | None = None
    probe: Probe | None = None
    chance: float = math.inf

    def measured(self, pairs: Sequence[Pair]) -> Measured:
        """The two answers to the same rows beside each other."""
        task, schema = self.earlier.task, self.earlier.schema
        old, new = (task.score(one, schema) for one in (self.pairs, pairs))
        metric = "loss" if self.earlier.how == "loss" and "loss" in old.measures else task.metric(schema)
        more = {"file": Path(self.earlier.file).name, "how": self.earlier.how}
        return Measured("retain", metric, old, new, more, self.chance)

    @property
    def warning(self) -> str:
        """What is to be said before training where the rows can measure nothing; empty where they can."""
        if self.measured(self.pairs).blind is None:
            return ""
        file = self.earlier.file
        return f"evaluate.retain: the untouched model tells {file} no better than chance, so no loss of it is measured"


def ask_before(earlier: Earlier, engine: Engine, tokenizer: Any, limits: Limits) -> Before:
    """Ask the untouched model; ``engine`` is its own, in float32."""
    if model := earlier.head:
        model.network.to(engine.device)
        plain = Engine(model.network, model.anatomy, model.engine.path)
        pairs = _answered(dataclasses.replace(model, engine=plain), earlier)
        pooler = getattr(plain.base, "pooler", None)
        setattr(model.network, model.anatomy.base, nn.Identity())  # the trunk is not kept through the training
        shell = Engine(model.network, model.anatomy, model.engine.path)
        return Before(earlier, pairs, dataclasses.replace(model, engine=shell), pooler)
    if earlier.how == "loss":
        pairs = _answered(_as_model(earlier, engine, tokenizer, limits), earlier)
        return Before(earlier, pairs, chance=chance_of(tokenizer))
    labels, known = earlier.schema.labels, [one.target for one in earlier.learnt]
    probe = fit_probe(
        _states(earlier.learnt, earlier, engine, tokenizer, limits),
        np.array([labels.index(label) for label in known]),
        len(labels),
    )
    return Before(earlier, _by_probe(probe, earlier, engine, tokenizer, limits), probe=probe)


def ask_after(before: Before, engine: Engine, tokenizer: Any, limits: Limits) -> Measured:
    """Ask the tuned model the same; ``engine`` is its own, in float32, ``tokenizer`` the untouched model's."""
    earlier = before.earlier
    if before.head is not None:
        with _over(before.head, before.pooler, engine) as model:
            return before.measured(_answered(model, earlier))
    if before.probe is not None:
        return before.measured(_by_probe(before.probe, earlier, engine, tokenizer, limits))
    return before.measured(_answered(_as_model(earlier, engine, tokenizer, limits), earlier))


@contextlib.contextmanager
def _over(model: Model, pooler: nn.Module | None, tuned: Engine) -> Iterator[Model]:
    """The untouched head over the tuned trunk; the pooler, which lies in the trunk, is a part of the head too."""
    network, anatomy, trunk = model.network, model.anatomy, tuned.base
    own = getattr(trunk, "pooler", None)
    if pooler is not None:
        trunk.pooler = pooler
    setattr(network, anatomy.base, trunk)
    try:
        yield dataclasses.replace(model, engine=Engine(network, anatomy, tuned.path))
    finally:
        setattr(network, anatomy.base, nn.Identity())
        if pooler is not None:
            trunk.pooler = own  # type: ignore[assignment]


def _as_model(earlier: Earlier, engine: Engine, tokenizer: Any, limits: Limits) -> Model:
    nowhere = Source("retain", Path())
    return Model(engine, tokenizer, earlier.task, earlier.schema, limits, nowhere, "family", BATCH_TOKENS)


def _answered(model: Model, earlier: Earlier) -> Sequence[Pair]:
    split = Split("retain", earlier.asked)
    encoded = encode(split, model.task, model.tokenizer, model.limits, model.schema)
    return Predictor(model).pairs(encoded.split)


def _states(rows: Sequence[Example], earlier: Earlier, engine: Engine, tokenizer: Any, limits: Limits) -> np.ndarray:
    found = [earlier.task.encode(one, k, tokenizer, limits, earlier.schema)[0].ids for k, one in enumerate(rows)]
    return vectors(engine, found)


def _by_probe(probe: Probe, earlier: Earlier, engine: Engine, tokenizer: Any, limits: Limits) -> list[Pair]:
    chances = probe.probabilities(_states(earlier.asked, earlier, engine, tokenizer, limits))
    labels = earlier.schema.labels
    return [
        Pair(example, Prediction(labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True)), None))
        for example, row in zip(earlier.asked, chances, strict=True)
    ]
