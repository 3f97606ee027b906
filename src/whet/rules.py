"""What cannot go with what, before anything is read or loaded: all faults of a recipe at once.

Rules speak of what entries say about themselves, never of their names.
"""

from __future__ import annotations

from collections.abc import Iterator

from whet.assemble.devices import devices
from whet.core.errors import Fault, UsageError
from whet.recipe import Recipe, Stage


def refuse(recipe: Recipe) -> None:
    """Raises UsageError with every fault of the recipe."""
    faults = [fault for number, stage in enumerate(recipe.stages) for fault in _stage(stage, _place(recipe, number))]
    last = recipe.stages[-1]
    if last.evaluate.folds and last.data.test is not None:
        what = "folds measure with the training rows, and a test file is named too"
        place = f"{_place(recipe, len(recipe.stages) - 1)}evaluate.folds"
        faults.append(Fault(what, place, "leave out one of evaluate.folds and data.test"))
    if faults:
        raise UsageError(faults)


def _place(recipe: Recipe, number: int) -> str:
    return f"stages.{number}." if len(recipe.stages) > 1 else ""


def _stage(stage: Stage, place: str) -> Iterator[Fault]:
    train, shares = stage.train, stage.data.split_fractions
    if stage.data.train is None:
        yield Fault("no data is named", f"{place}data.train", "give DATA on the command line, or set data.train")
    if train.optimizer in ("sgd", "adagrad", "rmsprop", "adafactor") and train.learning_rate is None:
        yield Fault(
            f"the strategies' own rates are for Adam's kind, not for {train.optimizer}",
            f"{place}train.learning_rate",
            "name a rate, for sgd about a hundred times Adam's",
        )
    if train.device is not None and train.device not in devices():
        yield Fault(f"this machine has no {train.device}", f"{place}train.device", f"here: {', '.join(devices())}")
    if min(shares) < 0 or sum(shares) >= 1:
        yield Fault(
            f"shares of {list(shares)} leave no training rows",
            f"{place}data.split_fractions",
            "as [0.1, 0.1]",
        )
    if stage.data.fold and (stage.evaluate.folds or not 0 <= stage.data.fold[0] < stage.data.fold[1] > 1):
        yield Fault(
            f"{list(stage.data.fold)} is not one of several folds",
            f"{place}data.fold",
            "as [0, 5] for the first of five; evaluate.folds=5 runs them all",
        )
    if stage.evaluate.curve and shares[0] == 0 and stage.data.validation is None:
        yield Fault(
            "a learning curve is measured on validation rows, and there are none",
            f"{place}evaluate.curve",
            "set data.validation or split_fractions",
        )
    if train.patience is not None and shares[0] == 0 and stage.data.validation is None:
        yield Fault(
            "patience needs validation rows",
            f"{place}train.patience",
            "set data.validation or split_fractions",
        )
