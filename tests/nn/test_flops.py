"""The count on paper is what torch counts, for each strategy, on a tiny encoder and a tiny decoder."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from families import FAMILIES
from whet.nn import kernels
from whet.nn.anatomy import read_anatomy
from whet.nn.flops import computed, work
from whet.nn.layout import Flat, filled
from whet.strategies.contract import STRATEGIES

B, LONG = 3, 24
ROWS = {"sequence": "examples", "token": "tokens", "causal": "tokens", "masked": "tokens"}
GIVEN = {
    "full": {},
    "head": {},
    "freeze": {"blocks": 1},
    "bitfit": {},
    "lora": {"rank": 4, "alpha": 8.0},
}
REFUSED = {("llama", "bitfit"), ("gpt2", "head")}
"""One has no biases, the other's head is its embedding."""


def counted(network) -> float:
    """What torch counts of one forward and backward of equally long examples, attention written out."""
    ids = torch.randint(5, 90, (B, LONG), generator=torch.Generator().manual_seed(1))
    keywords = {"use_cache": False} if network.config.model_type in ("llama", "gpt2") else {}
    with kernels.plain(), FlopCounterMode(display=False) as counter:
        network(input_ids=ids, attention_mask=torch.ones_like(ids), **keywords).logits.float().square().sum().backward()
    return counter.get_total_flops()


def on_paper(network, anatomy, kind: str) -> float:
    """The count; eager attention also makes the half of the pairs that a decoder does not see."""
    found = work(network, anatomy, ROWS[kind])
    unseen = found.a_pair * B * (LONG * LONG - LONG * (LONG + 1) / 2) if anatomy.causal else 0.0
    return found.of([LONG] * B, B * LONG) + unseen


def ready(family: str, kind: str, strategy: str):
    network = FAMILIES[family](kind, attn_implementation="eager").train()
    anatomy = read_anatomy(network)
    STRATEGIES[strategy](**GIVEN[strategy]).install(network, anatomy)
    return network, anatomy


@pytest.mark.parametrize("strategy", GIVEN)
@pytest.mark.parametrize(
    ("family", "kind"),
    [("bert", "sequence"), ("bert", "token"), ("bert", "masked"), ("llama", "causal"), ("gpt2", "causal")],
)
def test_the_count_on_paper_is_what_torch_counts(family, kind, strategy):
    if (family, strategy) in REFUSED:
        pytest.skip("the strategy refuses this family")
    network, anatomy = ready(family, kind, strategy)
    assert on_paper(network, anatomy, kind) == pytest.approx(counted(network), rel=0.02)


def test_what_stands_still_costs_less_and_low_rank_layers_little():
    cost = {name: work(*ready("bert", "sequence", name), "examples").of([LONG] * B, B) for name in GIVEN}
    assert cost["head"] < cost["freeze"] < cost["bitfit"] < cost["lora"] < cost["full"]
    assert cost["full"] == pytest.approx(3 * cost["head"], rel=0.02)


def test_a_pair_that_a_decoder_does_not_see_is_no_use():
    one = work(*ready("llama", "causal", "full"), "tokens")
    assert one.causal and one.of([4], 4) - one.of([2, 2], 4) == pytest.approx(one.a_pair * (10 - 6))


def test_shared_blocks_count_as_often_as_they_are_used():
    few, many = (FAMILIES["albert"]("sequence", num_hidden_layers=count) for count in (2, 6))
    costs = [work(one, read_anatomy(one), "examples") for one in (few, many)]
    assert costs[1].a_pair == pytest.approx(3 * costs[0].a_pair)
    assert costs[1].a_token > 2.5 * costs[0].a_token


@pytest.mark.parametrize("lengths", [(5, 9, 3), (200, 57, 31), (256,), (300, 1)])
def test_computed_tokens_are_those_of_the_rows_that_are_made(lengths):
    flat = Flat.join([[7] * length for length in lengths])
    for precision in ("float32", "bfloat16"):
        assert computed(flat, "flat", False, precision) == filled(flat, precision).tokens
        assert computed(flat, "flat", True, precision) == sum(lengths)
        assert computed(flat, "padded", False, precision) == len(lengths) * max(lengths)


def test_known_states_cost_nothing_below_where_they_stand():
    network = FAMILIES["bert"]("sequence")
    anatomy = read_anatomy(network)
    whole, rest = work(network, anatomy, "examples"), work(network, anatomy, "examples", known=1)
    assert 0 < rest.a_token < whole.a_token and 0 < rest.a_pair < whole.a_pair and rest.a_row == whole.a_row
