"""The training loop: a generator that moves the weights by one step and yields what happened.

It knows no task, no strategy and no file. Whoever drives it decides what to log, when to look and when to stop; it
can be left and taken up at any step, for nothing in it depends on what was drawn before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from whet.core.draws import derive
from whet.core.events import Stepped
from whet.nn.flops import computed, work
from whet.nn.packed import Engine
from whet.prepare.batch import steps as batches
from whet.strategies.contract import Group
from whet.train import optimizers
from whet.train.course import Course
from whet.train.diverged import diverged
from whet.train.laps import Laps


def loop(
    engine: Engine, course: Course, optimizer: torch.optim.Optimizer, groups: Sequence[Group], done: int = 0
) -> Iterator[Stepped]:
    """Take steps ``done + 1`` to the last, yielding each.

    A step is ``batch_size`` examples whatever their lengths: its micro-batches' summed losses are divided by the
    supervised targets of the whole step, so the result does not depend on how it was cut. Raises Diverged where
    the loss or the gradient is no longer finite, before the weights are touched.
    """
    parameters = dict(engine.network.named_parameters())
    moving = [[parameters[name] for name in group.names] for group in groups]
    per_epoch, laps = course.steps_per_epoch, Laps()
    still: list[bool] = []
    while done < course.steps:
        epoch, first = divmod(done, per_epoch)
        feed = batches(
            course.features,
            course.options.batch_size,
            course.tokens_per_batch,
            course.seed,
            course.stage,
            epoch,
        )
        laps.start()
        for place, step in enumerate(feed):
            laps.lap("data")
            if place < first:
                continue
            if done >= course.steps:
                return
            factors = course.strategy.at(done / per_epoch, course.options.epochs, groups)
            scheduled = course.factor(done)
            for group, tensors, factor in zip(optimizer.param_groups, moving, factors, strict=True):
                group["lr"] = group["peak"] * scheduled * factor
                for tensor in tensors:
                    tensor.requires_grad_(factor > 0)
            if still != [factor == 0 for factor in factors]:
                still = [factor == 0 for factor in factors]
                known = engine.trunk.cut if engine.trunk and step.micro[0].flat.known is not None else 0
                useful = work(engine.network, engine.anatomy, course.rows, known)
            total = 0.0
            laps.start()
            for number, batch in enumerate(step.micro):
                torch.manual_seed(derive(course.seed, "step", course.stage, done, number))
                loss = course.task.loss(engine, batch, course.schema) / step.supervised
                laps.lap("forward")
                loss.backward()
                total += loss.item()
                laps.lap("backward")
            norm = optimizers.clip(optimizer, course.options.clip_norm)
            if not (math.isfinite(total) and math.isfinite(norm)):
                raise diverged(engine, course, step, done + 1, total, norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            laps.lap("optimizer")
            flats = [batch.flat for batch in step.micro]
            done += 1
            yield Stepped(
                step=done,
                epoch=done / per_epoch,
                loss=total,
                learning_rate=max(group["lr"] for group in optimizer.param_groups),
                grad_norm=norm,
                examples=step.examples,
                tokens=sum(flat.tokens for flat in flats),
                ends_epoch=place + 1 == per_epoch,
                computed=sum(
                    computed(flat, engine.path, engine.anatomy.encoder_decoder, engine.precision) for flat in flats
                ),
                flops=useful.of([length for flat in flats for length in flat.lengths], step.supervised),
                spent=laps.taken(),
            )
            laps.start()
