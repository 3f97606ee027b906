"""Drives the loop: looks at the validation rows, keeps the best weights, saves, and stops when asked.

``fit`` yields facts, and whoever holds it writes them down; at its end the best weights stand in the network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from whet.core.errors import ResourceError
from whet.core.events import Looked, Stepped
from whet.nn.packed import Engine
from whet.strategies.contract import cut_in
from whet.train import optimizers
from whet.train.course import Course
from whet.train.keeper import Keeper, Watch
from whet.train.loop import loop
from whet.train.state import Checkpoint


def fit(engine: Engine, course: Course, watch: Watch, start: Checkpoint | None = None) -> Iterator[Stepped | Looked]:
    """Train one stage from its beginning or from a checkpoint; the best weights are restored at the end.

    Raises Interrupted or Preempted after saving where the user or the system asks to stop, TrainingError where the
    loss diverges, ResourceError where memory or disk runs out.
    """
    groups = course.strategy.groups(engine.network, engine.anatomy, course.learning_rate, course.options.weight_decay)
    optimizer = optimizers.build(course.options.optimizer, engine.network, groups)
    keeper = Keeper(engine.network, optimizer, groups, watch, course)
    if start is not None:
        keeper.take_up(start)
    cut = cut_in(engine.network, engine.anatomy, course.strategy)
    quieten(engine, cut)
    began = time.perf_counter() - keeper.progress.seconds
    done = course.steps if keeper.out_of_patience else keeper.progress.step
    try:
        for step in loop(engine, course, optimizer, groups, done):
            event = replace(step, seconds=time.perf_counter() - began)
            keeper.progress = keeper.progress.after_event(event)
            yield event
            if _due(event, course):
                looked = keeper.look(event)
                quieten(engine, cut)
                keeper.progress = keeper.progress.after(seconds=time.perf_counter() - began)
                keeper.save()
                yield replace(looked, seconds=time.perf_counter() - began)
                if keeper.out_of_patience:
                    break
            watch.stop.refuse_to_go_on(keeper.save)
    except torch.OutOfMemoryError as error:
        raise ResourceError(str(error), "training", "lower train.tokens_per_batch") from error
    keeper.restore_best()
    engine.network.eval()


def quieten(engine: Engine, cut: int) -> None:
    """Training mode above the ``cut``; below it nothing moves, so dropout there is off, whether cached or not.

    T5 and BART call the dropout behind their embeddings themselves; there it stays on.
    """
    engine.network.train()
    if cut > 0:
        for name in engine.anatomy.below(cut):
            engine.network.get_submodule(name).eval()


def _due(event: Stepped, course: Course) -> bool:
    every = course.options.evaluate_every
    return event.step == course.steps or (event.step % every == 0 if every else event.ends_epoch)
