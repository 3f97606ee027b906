"""The learning curve: the same recipe on a quarter and on half of the training rows, to see whether more would help.

Each is a run of its own inside the run, as a fold is, but measures nothing: its model answers the validation rows here,
beside the whole's, and no test row is ever looked at. The parts are nested and stratified, every label is in each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from whet import folds
from whet.assemble.bundle import open_predictor
from whet.core import memory, rundir
from whet.core.durable import discard
from whet.core.events import Said, Tell
from whet.core.rundir import RunDir
from whet.forecast import Forecast
from whet.judge import curving
from whet.leg import Leg
from whet.measures.contract import chosen, score
from whet.metrics.scores import Interval
from whet.prepare.encode import encode
from whet.recipe import Recipe
from whet.tasks.contract import Finding, Pair, Split

SHARES = (0.25, 0.5)
MOST = 0.1
"""The share of the whole run under which the curve is trained unasked."""


@dataclass(frozen=True)
class Curve:
    """``points`` as in ``metrics.json``, fewest rows first, and the sentence about the last doubling."""

    points: list[dict[str, Any]]
    finding: Finding


def is_point(recipe: Recipe) -> bool:
    """Whether a run is one point of another one's curve."""
    return recipe.stages[-1].data.share is not None


def seconds(forecasts: Sequence[Forecast]) -> float:
    """What the curve takes: the last stage on three quarters of its rows in all."""
    return sum(SHARES) * forecasts[-1].train_seconds


def settled(recipe: Recipe, forecasts: Sequence[Forecast], budget_seconds: float | None = None) -> Recipe:
    """The recipe with the choice made, so that a resume keeps to it: as asked for, else if it takes little of the run.

    The whole run is its training (of every fold) and the answers to validation and test rows.
    """
    last = recipe.stages[-1]
    if last.evaluate.curve is not None or is_point(recipe):
        return recipe
    trained = sum(one.train_seconds for one in forecasts)
    shorter = 1.0 if budget_seconds is None else min(1.0, budget_seconds / max(trained, 1e-9))
    whole = shorter * trained * (folds.count(recipe) or 1) + sum(one.measure_seconds for one in forecasts)
    small = has_rows(recipe) and shorter * seconds(forecasts) < MOST * whole
    return recipe.with_stage(len(recipe.stages) - 1, last.with_("evaluate", curve=small))


def has_rows(recipe: Recipe) -> bool:
    """Whether there are validation rows to measure a curve on."""
    data = recipe.stages[-1].data
    return data.validation is not None or data.split_fractions[0] > 0


def told(recipe: Recipe, forecasts: Sequence[Forecast], budget_seconds: float | None = None) -> list[str]:
    """What ``whet plan`` says of it."""
    if not has_rows(recipe) or is_point(recipe):
        return []
    cost = f"about {seconds(forecasts):.0f} s more of training"
    if settled(recipe, forecasts, budget_seconds).stages[-1].evaluate.curve:
        return [f"a learning curve is measured beside it, with 25 and 50 % of the training rows: {cost}"]
    return [f"a learning curve (evaluate.curve=true) would say whether more rows would help: {cost}"]


def run(recipe: Recipe, out: RunDir, tell: Tell, train: Callable[[Recipe, RunDir, Tell], object]) -> int | None:
    """Train every point that is not finished yet; what it says has been said of the whole run.

    Gives the process's peak of memory before it, for the finished model lies beside every point's; None where no curve
    is asked for.
    """
    if not recipe.stages[-1].evaluate.curve or is_point(recipe):
        return None
    peak = memory.peak_bytes()
    for share in SHARES:
        place = out.point(round(100 * share))
        if place.status() != "finished":
            tell(Said(f"learning curve: the same recipe on {share:.0%} of the training rows"))
            train(_recipe(recipe, share, out), place, lambda event: None if isinstance(event, Said) else tell(event))
        place.recover()
        if place.checkpoints.is_dir():
            discard(place.checkpoints)
    return peak


def measured(recipe: Recipe, leg: Leg, out: RunDir, validation: Sequence[Pair], spent: float) -> Curve | None:
    """The curve on the validation rows, answered by each point's model; None where none was trained.

    ``spent`` is the time of the whole's last stage, as a point has no other.
    """
    options = recipe.stages[-1].evaluate
    if not options.curve or not validation:
        return None
    task, schema, metric = leg.model.task, leg.model.schema, leg.metric
    metrics = chosen(options.metrics, metric)
    points, answered = [], []
    for share in SHARES:
        place = out.point(round(100 * share))
        check = rundir.read_json(place.check)
        rows = check["rows"]["used"]["train"]
        answered.append(score(task, _answers(place, leg), schema, metrics).only(metric))
        points.append((share, rows, rundir.read_json(place.state)["done"][-1]["seconds"]))
    answered.append(score(task, validation, schema, metrics).only(metric))
    points.append((1.0, leg.corpus.rows["train"], spent))
    values: list[Interval] = [one.intervals(options.confidence, seed=recipe.seed)[metric] for one in answered]
    told = [
        {"share": share, "rows": rows, **dataclasses.asdict(value), "seconds": took}
        for (share, rows, took), value in zip(points, values, strict=True)
    ]
    return Curve(told, curving.finding(answered, told, metric, options, recipe.seed))


def _answers(place: RunDir, leg: Leg) -> Sequence[Pair]:
    """The validation rows, answered by the model of one point."""
    predictor = open_predictor(str(place.model), leg.stage.train.device)
    model = predictor.model
    own = Split("validation", leg.splits["validation"].examples)
    return predictor.pairs(encode(own, model.task, model.tokenizer, model.limits, model.schema).split)


def _recipe(recipe: Recipe, share: float, out: RunDir) -> Recipe:
    """The whole's last stage with fewer rows, from the model that the stages before it left, which read all of theirs.

    Its folds stay named, for with them no rows are set apart for a test.
    """
    stage = recipe.stages[-1].with_("evaluate", pool=None, retain=None, curve=False).with_("data", share=share)
    if number := len(recipe.stages) - 1:
        stage = stage.with_("model", name=str(out.stage(number - 1).resolve()))
    return dataclasses.replace(recipe, stages=(stage,))
