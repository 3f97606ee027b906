"""Memory and time before the run: measured on a few of its own batches, without moving a weight.

Memory is the largest of the phases that follow each other, of which the first is tried and the others are added up from
the sizes of what they hold. Time is that of some steps drawn as the run draws them, an update of scratch numbers, a
checkpoint of a few megabytes and a look at validation rows, each as often as the run does it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from whet.assemble.predictor import EXPLAINING_TOKENS
from whet.assemble.states import BATCH_TOKENS
from whet.core import memory
from whet.leg import Leg
from whet.nn import machine
from whet.nn.packed import Engine
from whet.nn.probe import timed
from whet.prepare.batch import Step, heaviest, steps, sweep
from whet.strategies.contract import Group, Strategy, cut_in
from whet.tasks.contract import Batch
from whet.train import optimizers
from whet.train.course import Course
from whet.train.fit import quieten
from whet.train.state import Checkpoint, Progress

TRIAL_SECONDS, LEAST_STEPS, MOST_STEPS = 2.0, 2, 20
"""Steps are timed until they took so long, or until there are enough of them."""
EPOCHS = 8
"""Epochs in which the heaviest batch is looked for; more would hardly find a heavier one."""
SCRATCH = 1 << 22
"""Numbers of the tensors that are updated and saved for their time: beyond a core's caches, as those of a model are."""
STATE_BYTES = {"sgd": 4, "adagrad": 4, "rmsprop": 4, "adafactor": 1}
"""Bytes of optimizer memory a moving number; Adam's kind keeps two moments of 4 bytes."""
GRADIENT_BYTES = 4
SAVES = 2
"""Small checkpoints that are written for their time."""
NOT_IN_GAPS = 0.7
"""The share of what answering needs that does not fit into the gaps that training's batches left in memory: between
half and all, as seen in runs of which most weights stand still."""
BEST_BYTES = 4
"""A weight, and a copy of it where it was the best so far; a checkpoint holds both and the optimizer's memory."""


@dataclass(frozen=True)
class Need:
    """A peak of memory and what it is made of: ``fixed_bytes`` whatever the batches, the rest by the ``tokens`` of one.

    ``light_bytes`` is the peak of a strategy that moves few weights, with the same batches.
    """

    peak_bytes: int
    fixed_bytes: int
    light_bytes: int
    tokens: int


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
    fixed_bytes: int = 0
    light_bytes: int = 0
    heaviest_tokens: int = 0

    @property
    def need(self) -> Need:
        """The peak and what it is made of."""
        return Need(self.peak_memory_bytes, self.fixed_bytes, self.light_bytes, self.heaviest_tokens)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def forecast(leg: Leg) -> Forecast:
    """Take what the run would take, a little of each."""
    course, model = leg.course(), leg.model
    parameters, device = model.parameters(), model.engine.device
    moving = parameters["trainable"]
    each, best = _moved_each_step(leg, course), moving * BEST_BYTES
    read = min(moving - each, leg.accounts["train"].tokens * machine.shape(model.network.config)[0])
    state_bytes = STATE_BYTES.get(course.options.optimizer, 8)
    state = (each + read) * state_bytes  # rows of a table that no text holds need room in a checkpoint alone
    tried = _tried(leg, course)
    looks = _looks(course)
    checkpoint = moving * state_bytes + best + (best if looks > 1 else 0)
    fraction = course.steps / max(course.steps_per_epoch, 1)
    tokens = leg.accounts["train"].tokens * fraction
    answering, looking = _answering_seconds(leg), _answering_seconds(leg, Leg.fed)
    memory.give_back()
    after = _held(device)
    seconds = tried.seconds_a_token * tokens
    seconds += _updating_seconds(leg, course, each)
    seconds += looks * (looking * leg.accounts["validation"].tokens + _save_seconds(checkpoint))
    seconds += _stating_seconds(leg) * (leg.accounts["train"].tokens + leg.accounts["validation"].tokens)
    bundle = _bundle_bytes(leg)
    training = max(tried.held, after) + state + (best if looks > 1 else 0)
    saving = tried.before + 2 * state + best
    answered = training + max(0, round(NOT_IN_GAPS * _answering_bytes(leg)) - 2 * state - best)
    return Forecast(
        trainable_parameters=moving,
        total_parameters=parameters["total"],
        peak_memory_bytes=max(_peak(device), answered, saving),
        train_seconds=seconds,
        steps=course.steps,
        tokens=round(tokens),
        checkpoint_bytes=checkpoint,
        measure_seconds=answering * (leg.accounts["validation"].tokens + leg.accounts["test"].tokens),
        disk_bytes=checkpoint * (course.options.keep_checkpoints + 1) + bundle,
        bundle_bytes=bundle,
        fixed_bytes=max(saving, answered - tried.held + tried.before + GRADIENT_BYTES * moving),
        light_bytes=max(tried.held - GRADIENT_BYTES * moving, tried.before),
        heaviest_tokens=tried.heaviest.flat.tokens,
    )


def roughly(leg: Leg) -> Need:
    """The peak by a formula, before anything is tried: where it is far beyond the machine, a try would end the process.

    Beside what a token's blocks keep (see ``machine.bytes_a_token``) attention keeps its weights, their noise and both
    together for every head and pair of tokens. Nothing is kept below the strategy's cut.
    """
    course, engine = leg.course(), leg.model.engine
    flat, blocks = _heaviest(course).flat, engine.anatomy.depth
    heads = int(getattr(engine.network.config, "num_attention_heads", 1))
    pairs = sum(length * length for length in flat.lengths)
    kept = leg.bytes_a_token * flat.tokens + 12.0 * heads * blocks * pairs
    kept *= 1 - cut_in(engine.network, engine.anatomy, course.strategy) / (blocks + 1)
    moving, held = leg.model.parameters()["trainable"], _held(engine.device)
    fixed = held + moving * (GRADIENT_BYTES + STATE_BYTES.get(course.options.optimizer, 8))
    return Need(fixed + round(kept), fixed, held + round(kept), flat.tokens)


@dataclass(frozen=True)
class _Tried:
    """What a few steps took; ``before`` and ``held`` are bytes of the device, the latter at the heaviest batch."""

    before: int
    held: int
    heaviest: Batch
    seconds_a_token: float


def _tried(leg: Leg, course: Course) -> _Tried:
    """The heaviest batch for its memory, which also warms up, then steps as they come for their time."""
    engine = leg.model.engine
    quieten(engine, cut_in(engine.network, engine.anatomy, course.strategy))
    before, highest = _held(engine.device), _peak(engine.device)
    batch = leg.fed(_heaviest(course))
    course.task.loss(engine, batch, course.schema).backward()
    peak = _peak(engine.device)
    held = peak if peak > highest else _held(engine.device)
    feed = steps(course.features, course.options.batch_size, course.tokens_per_batch, course.seed, course.stage, 0)
    chosen, spent = [], 0.0
    for step in islice(feed, MOST_STEPS):
        step = replace(step, micro=tuple(map(leg.fed, step.micro)))
        chosen.append(step)
        spent += _learning_seconds(course, engine, step)
        if len(chosen) >= LEAST_STEPS and spent > TRIAL_SECONDS:
            break
    if spent < TRIAL_SECONDS:  # quick steps: most of the first time went into kernels, which a run makes once
        spent = sum(_learning_seconds(course, engine, step) for step in chosen)
    engine.network.zero_grad(set_to_none=True)
    tokens = sum(micro.flat.tokens for step in chosen for micro in step.micro)
    return _Tried(before, held, batch, spent / max(tokens, 1))


def _heaviest(course: Course) -> Batch:
    epochs = min(EPOCHS, math.ceil(course.steps / max(course.steps_per_epoch, 1)))
    return heaviest(
        course.features, course.options.batch_size, course.tokens_per_batch, course.seed, course.stage, epochs
    )


def _learning_seconds(course: Course, engine: Engine, step: Step) -> float:
    """Seconds of one step forward and backward."""
    engine.network.zero_grad(set_to_none=True)
    return timed(partial(_learn, course, engine, step), engine.device)


def _learn(course: Course, engine: Engine, step: Step) -> None:
    for batch in step.micro:
        course.task.loss(engine, batch, course.schema).backward()


def _looks(course: Course) -> int:
    """How often the validation rows are looked at and a checkpoint is written: at the end in any case."""
    return math.ceil(course.steps / (course.options.evaluate_every or course.steps_per_epoch))


def _bundle_bytes(leg: Leg) -> int:
    """The finished model's weights: what moved where the strategy saves an adapter, else all of them."""
    own = type(leg.stage.strategy).save is not Strategy.save and leg.model.source.adapter is None
    parameters = leg.model.network.parameters()
    return sum(one.numel() * one.element_size() for one in parameters if one.requires_grad or not own)


def _answering_seconds(leg: Leg, given: Callable[[Leg, Batch], Batch] = lambda leg, batch: batch) -> float:
    """Seconds a token of answering; ``given`` makes a batch what the engine gets."""
    features = leg.splits["validation"].features
    if not features:
        return 0.0
    leg.model.network.eval()
    batch = given(leg, next(sweep(features, leg.model.tokens_per_batch))[0])  # the largest that will come, for memory
    with torch.inference_mode():
        engine = leg.model.engine
        return timed(lambda: leg.model.task.decode(engine, batch, leg.model.schema), engine.device) / batch.flat.tokens


def _stating_seconds(leg: Leg) -> float:
    """Seconds a token of computing the states that are kept; none where they are not."""
    still = leg.still
    if still is None:
        return 0.0
    batch = next(sweep(leg.splits["train"].features, BATCH_TOKENS))[0]
    leg.model.network.eval()
    with torch.inference_mode():
        return timed(lambda: still.states(batch.flat), leg.model.engine.device) / batch.flat.tokens


def _answering_bytes(leg: Leg) -> int:
    """What a batch takes that is only answered, as large as they come when test rows are answered and explained."""
    width, inner = machine.shape(leg.model.network.config)
    tokens = min(leg.model.tokens_per_batch, max(leg.accounts["test"].tokens, EXPLAINING_TOKENS))
    return tokens * 4 * (2 * inner + 20 * width)


def _moved_each_step(leg: Leg, course: Course) -> int:
    """How many numbers every step moves; the others are rows of a table, moved where a text holds them."""
    network, anatomy = leg.model.network, leg.model.engine.anatomy
    groups = course.strategy.groups(network, anatomy, course.learning_rate, 0.0)
    optimizer = optimizers.build(course.options.optimizer, network, groups)
    found = optimizers.moved_each_step(optimizer)
    optimizers.release(optimizer)
    return found


def _updating_seconds(leg: Leg, course: Course, moving: int) -> float:
    """Seconds of all updates and of their gradients' norms, scaled from a scratch tensor.

    The first makes the optimizer's memory, which costs several times an update.
    """
    name, device = course.options.optimizer, leg.model.engine.device
    scratch = torch.nn.Linear(1, min(SCRATCH, max(moving, 1)), bias=False, device=device)
    scratch.weight.grad = torch.ones_like(scratch.weight)
    trial = optimizers.build(name, scratch, [Group(("weight",), 1e-3, 0.0, 0)])

    def update() -> None:
        optimizers.clip(trial, 1.0)
        trial.step()

    first, later = timed(update, device), timed(update, device)
    return (first + later * (course.steps - 1)) * moving / scratch.weight.numel()


def _save_seconds(checkpoint_bytes: int) -> float:
    """Seconds of writing a checkpoint of so many bytes, scaled from a small one."""
    scratch = torch.zeros(min(SCRATCH, max(checkpoint_bytes // 4, 1)))
    with tempfile.TemporaryDirectory() as place:
        saves = [
            timed(
                lambda: Checkpoint(Progress(), {"scratch": scratch.clone()}, {}, None).save(Path(place), 1),
                torch.device("cpu"),
            )
            for _ in range(SAVES)
        ]
    return sum(saves) / SAVES * max(1.0, checkpoint_bytes / 4 / scratch.numel())


def _peak(device: torch.device) -> int:
    """The most memory taken so far, on the device that computes."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.peak_bytes()


def _held(device: torch.device) -> int:
    """What is taken now; the processor's allocator gives little back (see ``memory.keep_pages``)."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else memory.resident_bytes()
