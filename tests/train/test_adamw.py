"""AdamW by the kernels against torch's: what is read at any time is what plain AdamW would have made of it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from whet.nn import kernels
from whet.train import adamw

pytestmark = pytest.mark.skipif(kernels.library() is None, reason="there is no C compiler here")
ROWS, WIDTH = adamw.LARGE + 3, 24


class Reader(nn.Module):
    """A table of words, the mean of a text's rows, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(ROWS, WIDTH, padding_idx=0), nn.Linear(WIDTH, 3)

    def forward(self, ids):
        return self.out(self.table(ids).mean(1))


def described(network):
    decayed = [network.table.weight, network.out.weight]
    return [
        {"params": decayed, "lr": 1e-2, "peak": 1e-2, "weight_decay": 0.1},
        {"params": [network.out.bias], "lr": 5e-2, "peak": 5e-2, "weight_decay": 0.0},
    ]


def pair():
    torch.manual_seed(0)
    ours = Reader().train()
    plain = copy.deepcopy(ours)
    torchs = torch.optim.AdamW(described(plain), betas=adamw.BETAS, eps=adamw.EPS)
    return ours, adamw.AdamW(described(ours), ours), plain, torchs


def batch(step):
    draw = torch.Generator().manual_seed(step)
    few = torch.randint(0, 40, (4, 3), generator=draw)  # some rows often, most never, a few once and late
    return torch.cat((few, torch.randint(0, ROWS, (4, 1), generator=draw)), 1)


def step_both(ours, optimizer, plain, torchs, step, limit=0.0):
    """One step of both with the gradients of ours, so that rounding is not fed back; both norms."""
    for group, other in zip(optimizer.param_groups, torchs.param_groups, strict=True):
        group["lr"] = other["lr"] = group["peak"] * (0.2 + 0.8 * ((step * 7) % 10) / 10)
    ((ours(batch(step)) - step % 3) ** 2).sum().backward()
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        theirs.grad = mine.grad.to_dense().clone()
    norms = [optimizer.clip(limit), float(nn.utils.clip_grad_norm_(plain.parameters(), limit or float("inf")))]
    for one in (optimizer, torchs):
        one.step()
        one.zero_grad(set_to_none=True)
    return norms


@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_three_hundred_steps_are_those_of_torch(limit):
    ours, optimizer, plain, torchs = pair()
    for step in range(300):
        mine, theirs = step_both(ours, optimizer, plain, torchs, step, limit)
        assert mine == pytest.approx(theirs, rel=1e-5)
    assert optimizer.tables and len(optimizer.tables) == 1
    behind = ours.table.weight.detach().clone()
    optimizer.settle()
    assert not torch.equal(behind, ours.table.weight)  # rows had been left behind
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight, plain.get_parameter(name), rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        for moment in ("exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(
                optimizer.state[mine][moment], torchs.state[theirs][moment], rtol=1e-3, atol=1e-6
            )
        assert optimizer.state[mine]["step"] == torchs.state[theirs]["step"] == 300


def test_a_row_that_is_read_is_what_it_should_be():
    ours, optimizer, plain, torchs = pair()
    for step in range(40):
        step_both(ours, optimizer, plain, torchs, step)
        with torch.no_grad():
            torch.testing.assert_close(ours(batch(step + 1)), plain(batch(step + 1)), rtol=1e-4, atol=1e-5)
    ours.eval()
    torch.testing.assert_close(ours.table(torch.arange(ROWS)), plain.table(torch.arange(ROWS)), rtol=1e-4, atol=1e-5)


def test_when_rows_are_brought_up_changes_no_bit():
    ours, optimizer, *_ = pair()
    other = copy.deepcopy(ours)
    other.table._forward_pre_hooks.clear()
    other.table._table = None
    eager = adamw.AdamW(described(other), other)
    for step in range(260):
        for network, one in ((ours, optimizer), (other, eager)):
            network(batch(step)).square().sum().backward()
            one.clip(1.0)
            one.step()
            one.zero_grad(set_to_none=True)
        eager.settle()
    optimizer.settle()
    assert torch.equal(ours.table.weight, other.table.weight)
    assert torch.equal(optimizer.state[ours.table.weight]["exp_avg_sq"], eager.state[other.table.weight]["exp_avg_sq"])


def test_micro_batches_add_up_and_a_step_without_gradient_is_none():
    ours, optimizer, plain, torchs = pair()
    for step in range(5):
        for network in (ours, plain):
            for part in batch(step).split(2):
                network(part).square().sum().backward()
        theirs = float(nn.utils.clip_grad_norm_(plain.parameters(), float("inf")))
        assert optimizer.clip(0.0) == pytest.approx(theirs, rel=1e-5)
        for one in (optimizer, torchs):
            one.step()
            one.zero_grad(set_to_none=True)
            one.step()
    optimizer.settle()
    torch.testing.assert_close(ours.table.weight, plain.table.weight, rtol=1e-5, atol=1e-6)


def test_a_table_that_serves_another_layer_too_is_left_alone():
    network = Reader()
    network.out = nn.Linear(WIDTH, ROWS, bias=False)
    network.out.weight = network.table.weight
    optimizer = adamw.AdamW([{"params": [network.table.weight]}], network)
    assert not optimizer.tables and not network.table.sparse


def test_it_leaves_the_network_as_it_was():
    network = Reader()
    first = adamw.AdamW(described(network), network)
    assert network.table.sparse
    second = adamw.AdamW(described(network), network)
    assert network.table.sparse and len(network.table._forward_pre_hooks) == 1
    first.release()
    second.release()
    assert not network.table.sparse and not network.table._forward_pre_hooks


def test_what_it_cannot_do_goes_to_torch():
    assert adamw.takes([nn.Parameter(torch.zeros(3))])
    assert not adamw.takes([nn.Parameter(torch.zeros(3, dtype=torch.bfloat16))])
    assert not adamw.takes([nn.Parameter(torch.zeros(3, 4).t())])
    with kernels.plain():
        assert not adamw.takes([nn.Parameter(torch.zeros(3))])
