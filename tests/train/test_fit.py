"""What ``fit`` keeps and when it looks and stops: validation scores are given, so that each case is plain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from train.small_course import Started, started
from whet.core.events import Looked, Saved, Stepped
from whet.train.fit import fit
from whet.train.keeper import Watch
from whet.train.state import latest
from whet.train.stop import Stop


class Walk:
    """A fit over given validation scores ``(accuracy, loss)``, and the weights that stood at every look."""

    def __init__(self, folder, scores: list[tuple[float, float]], **options) -> None:
        self.begun: Started = started(**options)
        self.at_looks: list[dict[str, torch.Tensor]] = []
        self.folder, self.scores = folder, iter(scores)
        self.events = list(fit(self.begun.engine, self.begun.course, self.watch()))
        self.looks = [event for event in self.events if isinstance(event, Looked)]
        self.ended = self.begun.weights()

    def watch(self) -> Watch:
        return Watch(self.look, "accuracy", self.folder, Stop(self.folder))

    def look(self) -> dict[str, float]:
        assert not self.begun.engine.network.training, "validation rows are scored without dropout"
        self.at_looks.append(self.begun.weights())
        accuracy, loss = next(self.scores)
        return {"accuracy": accuracy, "loss": loss}

    def kept(self) -> Iterator[int]:
        """Which looks' weights are those at the end."""
        for number, weights in enumerate(self.at_looks):
            if all(tensor.equal(self.ended[name]) for name, tensor in weights.items()):
                yield number


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([(0.5, 0.6), (0.9, 0.5), (0.7, 0.1)], 1),
        ([(0.5, 0.6), (0.6, 0.5), (0.7, 0.9)], 2),
        ([(0.8, 0.5), (0.8, 0.4), (0.8, 0.4)], 1),
        ([(0.8, 0.5), (0.8, 0.5), (0.7, 0.1)], 0),
    ],
    ids=["a peak in the middle", "rising", "ties go to the lower loss", "then to the earlier"],
)
def test_the_best_weights_stand_in_the_network_at_the_end(scores, best, tmp_path):
    walk = Walk(tmp_path, scores, epochs=3.0)
    assert list(walk.kept()) == [best]
    assert [look.best for look in walk.looks][best] and not any(look.best for look in walk.looks[best + 1 :])


def test_patience_counts_looks_without_a_better_score(tmp_path):
    walk = Walk(tmp_path, [(0.5, 0.6), (0.9, 0.5), (0.8, 0.4), (0.9, 0.5), (0.99, 0.1)], epochs=5.0, patience=2)
    assert len(walk.looks) == 4 and list(walk.kept()) == [1]


def test_it_looks_every_so_many_steps_and_at_the_end(tmp_path):
    walk = Walk(tmp_path, [(0.5, 0.6)] * 9, epochs=2.0, evaluate_every=4)
    assert [look.step for look in walk.looks] == [4, 6]


def test_it_looks_after_each_epoch_and_after_a_broken_last_one(tmp_path):
    walk = Walk(tmp_path, [(0.5, 0.6)] * 9, epochs=1.67)
    assert [look.step for look in walk.looks] == [3, 5]


def test_without_validation_rows_the_last_weights_stay(tmp_path):
    begun = started()
    watch = Watch(None, "accuracy", tmp_path, Stop(tmp_path))
    looks = [event for event in fit(begun.engine, begun.course, watch) if isinstance(event, Looked)]
    assert [look.best for look in looks] == [True, True]
    found, _ = latest(tmp_path)
    assert all(tensor.equal(begun.weights()[name]) for name, tensor in found.weights.items())


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "adagrad", "rmsprop", "adafactor", "nadam", "radam"])
def test_every_optimizer_lowers_the_loss_and_goes_on_from_a_checkpoint_bit_for_bit(name, tmp_path):
    rate = 0.05 if name in ("sgd", "radam") else 0.02
    given = {"optimizer": name, "rate": rate, "epochs": 6.0}
    scores = [(0.1 * number, 1.0) for number in range(1, 7)]
    whole = Walk(tmp_path / "whole", scores, **given)
    losses = [event.loss for event in whole.events if isinstance(event, Stepped)]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])

    begun, places = started(**given), iter(scores)
    watch = Watch(
        lambda: dict(zip(("accuracy", "loss"), next(places), strict=True)), "accuracy", tmp_path / "cut", Stop(tmp_path)
    )
    for event in fit(begun.engine, begun.course, watch):
        if isinstance(event, Saved) and event.step == 9:
            break
    start, _ = latest(tmp_path / "cut")
    again = started(**given)
    list(fit(again.engine, again.course, watch, start))
    assert start.progress.step == 9
    assert all(tensor.equal(whole.ended[name]) for name, tensor in again.weights().items())
