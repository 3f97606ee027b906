"""Memory and time before the run: measured on a few of its own batches, without moving a weight."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import torch

from whet.assemble.states import BATCH_TOKENS
from whet.core import memory
from whet.leg import Leg
from whet.nn.packed import Engine
from whet.prepare.batch import Step, steps, sweep
from whet.strategies.contract import Strategy, cut_in
from whet.tasks.contract import Batch
from whet.train.course import Course
from whet.train.fit import quieten
from whet.train.optimizers import OPTIMIZERS, SETTINGS

TRIAL_STEPS = 3
SCRATCH = 1 << 22
STATE_BYTES = {"sgd": 4, "adagrad": 4, "rmsprop": 4, "adafactor": 1}
"""Bytes of optimizer memory a moving number; Adam's kind keeps two moments of 4 bytes."""
BEST_BYTES = 4
"""A weight, and a copy of it where it was the best so far; a checkpoint holds both and the optimizer's memory."""


@dataclass(frozen=True)
class Forecast:
    """``plan.json``: what would move, and what it would take here."""

    trainable_parameters: int
    total_parameters: int
    peak_memory_bytes: int
    train_seconds: float
    steps: int
    tokens: int
    checkpoint_bytes: int
    disk_bytes: int
    measure_seconds: float = 0.0
    bundle_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def forecast(leg: Leg) -> Forecast:
    """Time some steps' forward and backward passes, an update of scratch numbers, and a look at validation rows."""
    course, model = leg.course(), leg.model
    parameters = model.parameters()
    fraction = course.steps / max(course.steps_per_epoch, 1)
    tokens = leg.accounts["train"].tokens
    per_step = _update_seconds(course.options.optimizer, parameters["trainable"], model.engine.device)
    seconds = (_learning_seconds(leg) * tokens * fraction) + per_step * course.steps
    looks = course.steps / (course.options.evaluate_every or course.steps_per_epoch)
    answering, looking = _answering_seconds(leg), _answering_seconds(leg, Leg.fed)
    seconds += looks * looking * leg.accounts["validation"].tokens
    seconds += _stating_seconds(leg) * (tokens + leg.accounts["validation"].tokens)
    moving = parameters["trainable"] * (STATE_BYTES.get(course.options.optimizer, 8) + BEST_BYTES)
    checkpoint = moving + parameters["trainable"] * BEST_BYTES
    bundle = _bundle_bytes(leg)
    model.network.zero_grad(set_to_none=True)
    return Forecast(
        trainable_parameters=parameters["trainable"],
        total_parameters=parameters["total"],
        peak_memory_bytes=_peak(model.engine.device) + moving,
        train_seconds=seconds,
        steps=course.steps,
        tokens=round(tokens * fraction),
        checkpoint_bytes=checkpoint,
        measure_seconds=answering * (leg.accounts["validation"].tokens + leg.accounts["test"].tokens),
        disk_bytes=checkpoint * (course.options.keep_checkpoints + 1) + bundle,
        bundle_bytes=bundle,
    )


def _bundle_bytes(leg: Leg) -> int:
    """The finished model's weights: what moved where the strategy saves an adapter, else all of them."""
    own = type(leg.stage.strategy).save is not Strategy.save and leg.model.source.adapter is None
    parameters = leg.model.network.parameters()
    return sum(one.numel() * one.element_size() for one in parameters if one.requires_grad or not own)


def _learning_seconds(leg: Leg) -> float:
    """Seconds a token of forward and backward, after one step of warming up."""
    course, engine = leg.course(), leg.model.engine
    plain = steps(course.features, course.options.batch_size, course.tokens_per_batch, course.seed, course.stage, 0)
    feed = [replace(step, micro=tuple(map(leg.fed, step.micro))) for step in islice(plain, TRIAL_STEPS)]
    quieten(engine, cut_in(engine.network, engine.anatomy, course.strategy))
    spent, seen = 0.0, 0
    for number, step in enumerate(feed):
        seconds = _timed(partial(_learn, course, engine, step), engine.device)
        if number or course.steps_per_epoch == 1:
            spent, seen = spent + seconds, seen + sum(batch.flat.tokens for batch in step.micro)
    return spent / max(seen, 1)


def _learn(course: Course, engine: Engine, step: Step) -> None:
    for batch in step.micro:
        course.task.loss(engine, batch, course.schema).backward()


def _answering_seconds(leg: Leg, given: Callable[[Leg, Batch], Batch] = lambda leg, batch: batch) -> float:
    """Seconds a token of answering; ``given`` makes a batch what the engine gets."""
    features = leg.splits["validation"].features
    if not features:
        return 0.0
    leg.model.network.eval()
    batch = given(leg, next(sweep(features, leg.model.tokens_per_batch))[0])  # the largest that will come, for memory
    with torch.inference_mode():
        engine = leg.model.engine
        return _timed(lambda: leg.model.task.decode(engine, batch, leg.model.schema), engine.device) / batch.flat.tokens


def _stating_seconds(leg: Leg) -> float:
    """Seconds a token of computing the states that are kept; none where they are not."""
    still = leg.still
    if still is None:
        return 0.0
    batch = next(sweep(leg.splits["train"].features, BATCH_TOKENS))[0]
    leg.model.network.eval()
    with torch.inference_mode():
        return _timed(lambda: still.states(batch.flat), leg.model.engine.device) / batch.flat.tokens


def _update_seconds(optimizer: str, moving: int, device: torch.device) -> float:
    """Seconds of one update of ``moving`` numbers, scaled from a scratch tensor."""
    scratch = torch.nn.Parameter(torch.zeros(min(SCRATCH, max(moving, 1)), device=device))
    scratch.grad = torch.ones_like(scratch)
    trial = OPTIMIZERS[optimizer]([scratch], lr=1e-3, **SETTINGS.get(optimizer, {}))
    trial.step()
    return _timed(trial.step, device) * moving / scratch.numel()


def _timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds until the work is done; a GPU is asked to finish first, as it works on behind the program's back."""
    _finish(device)
    began = time.perf_counter()
    work()
    _finish(device)
    return time.perf_counter() - began


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak(device: torch.device) -> int:
    """The most memory taken so far, on the device that computes."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.peak_bytes()
