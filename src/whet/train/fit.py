"""Drives the loop: looks at the validation rows, keeps the best weights, saves, and stops when asked.

``fit`` yields facts, and whoever holds it writes them down; at its end the best weights stand in the network. A fact
comes before the save that rests on it, so that a kill between the two loses no line: it is told again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace

from whet.core.events import Learnt, Said, Saved
from whet.nn.packed import Engine
from whet.strategies.contract import cut_in
from whet.train import optimizers
from whet.train.course import Course
from whet.train.keeper import Keeper, Watch
from whet.train.loop import loop
from whet.train.spikes import sentence, spike
from whet.train.state import Checkpoint
from whet.train.stop import StopNow


def fit(engine: Engine, course: Course, watch: Watch, start: Checkpoint | None = None) -> Iterator[Learnt]:
    """Train one stage from its beginning or from a checkpoint; the best weights are restored at the end.

    Raises Interrupted or Preempted after saving where the user or the system asks to stop, and Diverged where the loss
    or the gradient is no longer finite.
    """
    groups = course.strategy.groups(engine.network, engine.anatomy, course.learning_rate, course.options.weight_decay)
    optimizer = optimizers.build(course.options.optimizer, engine.network, groups)
    keeper = Keeper(engine.network, optimizer, groups, watch, course)
    if start is not None:
        keeper.take_up(start)
    cut = cut_in(engine.network, engine.anatomy, course.strategy)
    began = watch.began - keeper.progress.seconds
    with watch.stop.between_steps(), engine.trunk.rounded() if engine.trunk else nullcontext():
        if keeper.owes_a_look:
            yield from _look(keeper, lambda: time.perf_counter() - began)
        quieten(engine, cut)
        done = course.steps if keeper.out_of_patience else keeper.progress.step
        for step in loop(engine, course, optimizer, groups, done):
            times = spike(step.step, step.loss, keeper.progress.highest_loss)
            event = replace(step, seconds=time.perf_counter() - began, spike=times)
            keeper.progress = keeper.progress.after_event(event)
            yield event
            if times is not None:
                yield Said(sentence(course.stage, step.step, step.loss, times))
            watch.stop.refuse_to_go_on(keeper.save)
            if keeper.owes_a_look:
                yield from _look(keeper, lambda: time.perf_counter() - began)
                if keeper.out_of_patience:
                    break
                quieten(engine, cut)
    keeper.restore_best()
    engine.network.eval()


def _look(keeper: Keeper, seconds: Callable[[], float]) -> Iterator[Learnt]:
    """Score the validation rows and save; broken off by a request, the state before the look is saved instead."""
    stop = keeper.watch.stop
    keeper.pause()
    try:
        with stop.at_once():
            values = keeper.score()
    except StopNow:
        stop.refuse_to_go_on(keeper.save)
        raise
    looked = keeper.looked(values)
    keeper.progress = keeper.progress.after(seconds=seconds())
    yield replace(looked, seconds=keeper.progress.seconds)
    keeper.save()
    yield Saved(looked.step, seconds())
    stop.refuse_to_go_on(lambda: None)


def quieten(engine: Engine, cut: int) -> None:
    """Training mode above the ``cut``; below it nothing moves, so dropout there is off, whether cached or not.

    T5 and BART call the dropout behind their embeddings themselves; there it stays on.
    """
    engine.network.train()
    if cut > 0:
        for name in engine.anatomy.below(cut):
            engine.network.get_submodule(name).eval()
