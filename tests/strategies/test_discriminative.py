"""ULMFiT's three ideas, each alone: rates by depth, the slanted triangle, gradual unfreezing."""

from __future__ import annotations

import pytest
import torch

import families
from strategies.exercise import EPOCHS, installed, train
from whet.core.errors import UsageError
from whet.nn.anatomy import read_anatomy
from whet.strategies.contract import Group
from whet.strategies.discriminative import THAWED_BY, Discriminative
from whet.train import schedules

LAYERS = 4
TOP = LAYERS + 1


def groups_of(strategy: Discriminative, family: str = "bert") -> list[Group]:
    changes = {"num_hidden_layers": LAYERS} if family == "bert" else {}
    network = families.FAMILIES[family]("sequence", **changes)
    anatomy = read_anatomy(network)
    strategy.install(network, anatomy)
    assert all(parameter.requires_grad for parameter in network.parameters())
    return strategy.groups(network, anatomy, 1e-3, 0.01)


def rates(strategy: Discriminative, family: str = "bert") -> dict[int, float]:
    found = {group.depth: group.rate for group in groups_of(strategy, family)}
    assert all(group.rate == found[group.depth] for group in groups_of(strategy, family))
    return found


def test_each_block_has_its_share_of_the_rate_above():
    found = rates(Discriminative(layer_decay=0.5))
    assert found == {depth: pytest.approx(1e-3 * 0.5 ** (TOP - depth)) for depth in range(TOP + 1)}


def test_an_encoder_decoders_encoder_stands_below_its_decoder():
    found = rates(Discriminative(layer_decay=0.5), "t5")
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert found[5] == 1e-3 and found[0] == pytest.approx(1e-3 / 32)


def test_rates_by_depth_switched_off():
    assert set(rates(Discriminative(layer_decay=1)).values()) == {1e-3}


@pytest.mark.parametrize("share", [0, -0.5, 1.1])
def test_a_share_is_above_zero_and_at_most_one(share):
    with pytest.raises(UsageError, match="layer_decay"):
        Discriminative(layer_decay=share)


def test_the_triangle_rises_fast_and_falls_slowly():
    assert Discriminative.schedule == "slanted-triangular" and Discriminative.schedule in schedules.SCHEDULES
    factors = [schedules.factor("slanted-triangular", step, 100, 0.1) for step in range(100)]
    peak = factors.index(max(factors))
    assert peak in (9, 10) and max(factors) == pytest.approx(1, abs=0.05)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert factors[0] == pytest.approx((1 + 0.05 * 31) / 32) and 1 / 32 < factors[-1] < 1 / 20


def moving_at(strategy: Discriminative, epoch: float, epochs: float) -> set[int]:
    groups = groups_of(strategy)
    factors = strategy.at(epoch, epochs, groups)
    assert set(factors) <= {0.0, 1.0} and len(factors) == len(groups)
    return {group.depth for group, factor in zip(groups, factors, strict=True) if factor}


def test_one_block_an_epoch_from_the_head_down():
    strategy = Discriminative(unfreezing="epoch")
    for epoch in range(8):
        for within in (0.0, 0.99):
            assert moving_at(strategy, epoch + within, 8) == set(range(max(0, TOP - epoch), TOP + 1))


@pytest.mark.parametrize("epochs", [1, 4, 30])
def test_spread_unfreezing_begins_with_the_head_and_ends_at_the_first_third(epochs):
    strategy = Discriminative(unfreezing="spread")
    assert moving_at(strategy, 0, epochs) == {TOP}
    before = {TOP}
    for twelfth in range(13):
        now = moving_at(strategy, epochs * twelfth / 12, epochs)
        assert before <= now and now == set(range(min(now), TOP + 1))
        before = now
    assert 0 not in moving_at(strategy, epochs * THAWED_BY * 0.99, epochs)
    assert moving_at(strategy, epochs * THAWED_BY, epochs) == set(range(TOP + 1))


def test_unfreezing_switched_off():
    assert moving_at(Discriminative(unfreezing="none"), 0, 4) == set(range(TOP + 1))


def test_what_waits_its_turn_does_not_move_and_all_has_moved_at_the_end():
    tuned = installed(Discriminative(unfreezing="spread"), "bert")
    start = {name: tensor.detach().clone() for name, tensor in tuned.network.named_parameters()}
    seen: list[set[int]] = []

    def look(*_: object) -> None:
        moved = {n for n, tensor in tuned.network.named_parameters() if not torch.equal(tensor, start[n])}
        seen.append({tuned.anatomy.depth_of(name) for name in moved})

    tuned.network.get_submodule(tuned.anatomy.head[-1]).register_forward_hook(look)
    train(tuned, 18, 1e-3)
    assert seen[0] == set() and seen[1] == {3}
    assert seen[-1] == {0, 1, 2, 3}
    first = [next(step for step, depths in enumerate(seen) if depth in depths) for depth in (3, 2, 1, 0)]
    assert first == sorted(first) and len(set(first)) == 4
    assert first[-1] <= 18 * THAWED_BY + 1
    assert tuned.strategy.at(EPOCHS, EPOCHS, groups_of(Discriminative())) == [1.0] * len(groups_of(Discriminative()))


def test_what_has_not_begun_to_move_is_kept_too():
    tuned = installed(Discriminative(), "bert")
    train(tuned, 1, 1e-3)
    for name, parameter in tuned.network.named_parameters():
        parameter.requires_grad_(name.startswith("classifier"))
    assert tuned.strategy.delta(tuned.network).keys() == {name for name, _ in tuned.network.named_parameters()}
