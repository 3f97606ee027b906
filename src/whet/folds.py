"""Cross-validation: every fold is a run of its own inside the run, and their answers are judged as one.

Each row is answered by a model that was trained, and whose best weights were chosen, without it (Stone 1974). The model
that ships learns from all rows by the same recipe, which the folds have measured.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence

import numpy as np

from whet import leg as legs
from whet.assemble.bundle import open_predictor
from whet.core.durable import discard
from whet.core.events import Event, Said, Tell, silent
from whet.core.rundir import RunDir
from whet.judge.options import EvaluateOptions
from whet.leg import Leg
from whet.prepare.corpus import Corpus
from whet.prepare.encode import encode
from whet.recipe import Recipe
from whet.tasks.contract import Pair, Split


def count(recipe: Recipe) -> int:
    """How many folds a run trains; 0 where it measures on a test split, or is a point of a learning curve."""
    last = recipe.stages[-1]
    return 0 if last.data.share is not None else last.evaluate.folds or 0


def models_beside(recipe: Recipe) -> int:
    """How many models will stand beside a run's own until the end: of the folds after a fold and of the whole, and of
    a learning curve's points. The whole begins when its folds stand already."""
    data, curve = recipe.stages[-1].data, recipe.stages[-1].evaluate.curve
    return (data.fold[1] - data.fold[0] if data.fold else 0) + (2 if curve else 0)


def told(recipe: Recipe, bundle_bytes: int) -> list[str]:
    """What a plan says of folds beside the whole training, whose model takes so much of the disk."""
    if not (k := count(recipe)):
        return []
    took = f"about {k} times the time of one training, and {k * bundle_bytes / 1e6:,.0f} MB more of disk until the end"
    return [f"{k} folds are trained beside it: all together take {took}"]


def share(recipe: Recipe) -> float:
    """What one fold may take of a time: k trainings, each without a k-th of the rows, and one of all rows are k."""
    k = count(recipe)
    return (1 - 1 / k) / k


def checked(recipe: Recipe, corpora: Sequence[Corpus]) -> list[Corpus]:
    """The same rows, with the test rows noted that stand in what is mixed into their fold's training rows.

    Raises DataError where they are too many, before anything is trained; rows of one file never stand on both sides.
    """
    last = corpora[-1]
    if not (count(recipe) and recipe.stages[-1].data.mix):
        return list(corpora)
    leaking: list[int] = []
    for number, places in enumerate(_places(last, count(recipe))):
        stage = _recipe(recipe, number).stages[-1]
        _, (fold,) = legs.read(dataclasses.replace(recipe, stages=(stage,)), silent)
        leaking += places[list(fold.leaking)].tolist()
    return [*corpora[:-1], dataclasses.replace(last, leaking=tuple(sorted(leaking)))]


def run(
    recipe: Recipe,
    out: RunDir,
    tell: Tell,
    train: Callable[[Recipe, RunDir, Tell, float | None], object],
    budget_seconds: float | None = None,
) -> Recipe:
    """Train and measure every fold that is not finished yet; the recipe as the first of them settled it.

    What the machine chooses, and how many epochs a budget allows, is so the same for all folds and for the whole.
    """
    heard: set[str] = set()

    def once(event: Event) -> None:
        if not (isinstance(event, Said) and event.text in heard):
            tell(event)
        if isinstance(event, Said):
            heard.add(event.text)

    for number in range(count(recipe)):
        place = out.fold(number)
        if place.status() != "finished":
            tell(Said(f"fold {number + 1} of {count(recipe)}"))
            train(_recipe(recipe, number), place, once, None if number else budget_seconds)
        place.recover()
        if place.checkpoints.is_dir():
            discard(place.checkpoints)
        if number == 0:
            recipe = _whole(Recipe.read(place.recipe), recipe.stages[-1].evaluate)
    tell(Said(f"the {count(recipe)} folds are measured; the model that ships is trained on all rows"))
    return recipe


def answers(out: RunDir, leg: Leg, tell: Tell) -> list[Pair]:
    """The test rows, each answered by the model of its fold."""
    test = leg.splits["test"]
    found: dict[int, Pair] = {}
    for number, places in enumerate(_places(leg.corpus, leg.stage.evaluate.folds or 0)):
        predictor = open_predictor(str(out.fold(number).model), leg.stage.train.device)
        model = predictor.model
        own = Split(f"fold {number + 1}", [test.examples[place] for place in places.tolist()])
        encoded = encode(own, model.task, model.tokenizer, model.limits, model.schema)
        found.update(zip(places.tolist(), predictor.pairs(encoded.split, tell), strict=True))
    return [found[place] for place in sorted(found)]


def forget_models(out: RunDir) -> None:
    """Remove the models of the runs inside once all is judged: nobody ships them, and their recipes make them again."""
    for fold in out.inside():
        for place in (fold.model, fold.root / "stages"):
            shutil.rmtree(place, ignore_errors=True)


def _recipe(recipe: Recipe, number: int) -> Recipe:
    stage = recipe.stages[-1].with_("evaluate", folds=None, pool=None, retain=None, curve=False)
    stage = stage.with_("data", fold=(number, count(recipe)))
    return recipe.with_stage(len(recipe.stages) - 1, stage)


def _whole(recipe: Recipe, evaluate: EvaluateOptions) -> Recipe:
    stage = dataclasses.replace(recipe.stages[-1], evaluate=evaluate).with_("data", fold=None)
    return recipe.with_stage(len(recipe.stages) - 1, stage)


def _places(corpus: Corpus, folds: int) -> list[np.ndarray]:
    """For each fold the places of its rows in the test split."""
    return [np.flatnonzero(np.asarray(corpus.homes) == number) for number in range(folds)]
