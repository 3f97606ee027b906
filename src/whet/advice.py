"""What a finished training says beyond its scores: why its surest errors came about, and which rows to label next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whet.assemble.answers import as_row
from whet.assemble.predictor import Predictor
from whet.core import rundir
from whet.core.events import Said, Tell
from whet.core.rundir import RunDir
from whet.judge import pool
from whet.judge.mistakes import mistakes
from whet.leg import Leg
from whet.prepare.corpus import Corpus
from whet.prepare.prints import text_prints
from whet.recipe import Recipe
from whet.tasks.contract import Finding, Pair

EXPLAINED = 5
"""Errors that the report explains: enough to see what kind they are, few enough to cost seconds."""


def checked(recipe: Recipe, corpus: Corpus, tell: Tell) -> Recipe:
    """The same recipe with its pool named in full. Raises DataError, before any training, where that cannot be read."""
    last = recipe.stages[-1]
    if last.evaluate.pool is None:
        return recipe
    path = str(Path(last.evaluate.pool).resolve())
    count = pool.check(path, corpus.task.settled(corpus.schema), corpus.columns, tell)
    tell(
        Said(f"evaluate.pool: {count:,} rows of {path} are ranked after training by how much a label of each is worth")
    )
    return recipe.with_stage(len(recipe.stages) - 1, last.with_("evaluate", pool=path))


def ranked(leg: Leg, predictor: Predictor, out: RunDir, tell: Tell) -> list[Finding]:
    """Write ``pool.jsonl``, where a pool was given; the sentence about it."""
    options = leg.stage.evaluate
    if options.pool is None:
        return []
    tell(Said(f"{options.pool}: its rows are ranked by how much a label of each is worth"))
    tells_no_doubt = leg.model.task.head(leg.model.schema).kind == "sequence" and not leg.model.schema.labels
    near = predictor.near if tells_no_doubt else None
    labelled = np.concatenate([text_prints(split.examples) for split in leg.splits.values()])
    found = pool.rank(predictor, options.pool, near, options.language, tell, labelled=labelled)
    rundir.write_lines(out.pool, found.lines)
    return [found.finding]


def worst(leg: Leg, predictor: Predictor, pairs: Sequence[Pair], errors: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The surest wrong answers as lines with their explanation; none where models of folds answered."""
    if leg.corpus.homes:
        return []
    wrong = mistakes(errors, EXPLAINED)
    rows = [one.row for one in wrong.shown] if wrong.known else []
    named = set(rows)
    where = {pair.example.row: place for place, pair in enumerate(pairs) if pair.example.row in named}
    told = predictor.explained([pairs[where[row]] for row in rows])
    originals = leg.corpus.originals("test")
    lines = [as_row(row, originals[where[row]], pair) for row, pair in zip(rows, told, strict=True)]
    return [line for line in lines if "explanation" in line]
