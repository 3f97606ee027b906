"""The loop's promises: a step is a number of examples however it is cut, and a broken loss touches no weight."""

from __future__ import annotations

import math
import time

import pytest
import torch
from torch import nn

from train.small_course import TEXTS, started
from whet.core import draws
from whet.core.errors import TrainingError
from whet.nn.dropout import replace_dropouts
from whet.prepare.batch import collate
from whet.train.loop import loop


def steps_of(begun, done: int = 0):
    begun.engine.network.train()
    return list(loop(begun.engine, begun.course, begun.optimizer, begun.groups, done))


def without_dropout(begun):
    for module in begun.engine.network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return begun


def test_a_step_does_not_depend_on_how_it_was_cut():
    whole, cut = (without_dropout(started(tokens, optimizer="sgd")) for tokens in (100_000, 16))
    for one, other in zip(steps_of(whole), steps_of(cut), strict=True):
        assert (one.examples, one.tokens, one.learning_rate) == (other.examples, other.tokens, other.learning_rate)
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-4)
    for (name, one), other in zip(whole.weights().items(), cut.weights().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6, msg=name)


def test_every_example_is_seen_once_an_epoch_and_the_last_step_takes_what_is_left():
    events = steps_of(started())
    assert [event.examples for event in events] == [8, 8, 6, 8, 8, 6] and len(TEXTS) == 22
    assert [event.ends_epoch for event in events] == [False, False, True] * 2
    assert events[-1].epoch == 2.0


def test_a_partial_step_is_the_mean_over_its_own_targets():
    """The loss of the last step (6 examples) is a mean over 6: the one that torch gives for these logits."""
    begun = without_dropout(started(optimizer="sgd", rate=1e-12, epochs=1.0))
    last = steps_of(begun)[-1]
    features = begun.course.features
    left = draws.order(len(features), begun.course.seed, 0, 0)[16:]
    batch = collate([features[place] for place in left])
    with torch.no_grad():
        wanted = begun.course.task.loss(begun.engine, batch, begun.course.schema) / 6
    assert last.loss == pytest.approx(float(wanted), rel=1e-5)


def test_taken_up_in_the_middle_it_draws_what_it_would_have_drawn():
    whole, begun = started(optimizer="sgd"), started(optimizer="sgd")
    for one in (whole, begun):
        replace_dropouts(one.engine.network)
    events = steps_of(whole)
    begun.engine.network.train()
    first = loop(begun.engine, begun.course, begun.optimizer, begun.groups)
    taken = [next(first) for _ in range(2)]
    torch.manual_seed(99)
    optimizer = type(begun.optimizer)(begun.optimizer.param_groups)
    optimizer.load_state_dict(begun.optimizer.state_dict())
    taken += list(loop(begun.engine, begun.course, optimizer, begun.groups, done=2))
    assert taken == events
    for one, other in zip(whole.weights().values(), begun.weights().values(), strict=True):
        assert one.equal(other)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_before_the_weights_are_touched(broken, monkeypatch):
    begun = started()
    task = begun.course.task
    true_loss, asked = type(task).loss, []

    def loss(self, engine, batch, schema):
        asked.append(batch)
        return true_loss(self, engine, batch, schema) * (broken if len(asked) == 2 else 1)

    monkeypatch.setattr(type(task), "loss", loss)
    begun.engine.network.train()
    walk = loop(begun.engine, begun.course, begun.optimizer, begun.groups)
    next(walk)
    before = begun.weights()
    with pytest.raises(TrainingError, match=r"stage 0, step 2") as refused:
        next(walk)
    assert "learning_rate" in refused.value.faults[0].cure
    assert all(tensor.equal(before[name]) for name, tensor in begun.weights().items())


def test_gradients_are_clipped_to_the_limit():
    """With plain SGD the step's length is the rate times the clipped norm."""
    free, held = (
        without_dropout(started(optimizer="sgd", clip_norm=limit, rate=0.1, weight_decay=0.0, warmup=0.0, epochs=0.33))
        for limit in (0.0, 0.5)
    )
    before = held.weights()
    (loose,), (tight,) = steps_of(free), steps_of(held)
    assert loose.grad_norm == pytest.approx(tight.grad_norm) and loose.grad_norm > 0.5
    moved = math.sqrt(sum(float((one - before[name]).square().sum()) for name, one in held.weights().items()))
    assert moved == pytest.approx(tight.learning_rate * 0.5, rel=1e-3)


def test_every_step_tells_what_it_took_and_what_of_it_was_useful():
    events = steps_of(started())
    for event in events:
        assert list(event.spent) == ["data", "forward", "backward", "optimizer"]
        assert all(0 <= seconds < 10 for seconds in event.spent.values())
        assert event.computed == event.tokens, "nothing fills up"
    assert events[0].flops > 6 * 12 * 1024 * events[0].tokens, "six for each number of two blocks of width 32"
    cut = steps_of(started(tokens_per_batch=16))
    assert [one.flops for one in cut] == pytest.approx([one.flops for one in events]), "however it is cut"


def test_what_stands_still_for_a_while_is_no_work_meanwhile(monkeypatch):
    begun = started()
    count = len(begun.groups)
    still = {0.0: [0.0] * (count - 1) + [1.0]}
    monkeypatch.setattr(
        type(begun.course.strategy), "at", lambda self, epoch, epochs, groups: still.get(epoch, [1.0] * count)
    )
    events = steps_of(begun)
    assert events[0].flops < 0.7 * events[1].flops * events[0].tokens / events[1].tokens


def test_time_that_others_take_between_steps_is_not_the_steps():
    begun = started()
    begun.engine.network.train()
    taken = []
    for event in loop(begun.engine, begun.course, begun.optimizer, begun.groups):
        taken.append(sum(event.spent.values()))
        time.sleep(0.3)
    assert sum(taken[1:]) < 0.3 * (len(taken) - 1)
