"""Rows filled up to a grain: fewer shapes, the same states and gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import families
from whet.nn import packed
from whet.nn.anatomy import read_anatomy
from whet.nn.layout import FILLED_FROM, GRAIN, Flat, filled
from whet.nn.packed import Engine


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_a_long_row_becomes_a_multiple_of_the_grain(lengths):
    rows = [range(length) for length in lengths]
    flat = Flat.join(rows, [[1] * length for length in lengths])
    assert filled(flat, "float32") is flat
    found = filled(flat, "bfloat16")
    assert found.tokens == sum(found.lengths) == len(found.ids)
    assert found.ids[: flat.tokens].equal(flat.ids)
    assert found.kinds.shape == found.ids.shape and found.kinds[: flat.tokens].equal(flat.kinds)
    assert found.lengths[: len(lengths)] == flat.lengths
    assert found.tokens % GRAIN == 0 if flat.tokens >= FILLED_FROM else found is flat


@pytest.mark.parametrize("family", ["bert", "modernbert", "deberta-v2", "llama"])
def test_the_filling_changes_neither_states_nor_gradients(family, monkeypatch):
    rows = [[5 + (3 * number + place) % 90 for place in range(40 - number)] for number in range(9)]
    flat = Flat.join(rows)
    assert filled(flat, "bfloat16") is not flat
    found = []
    for fill in (lambda row, _: filled(row, "bfloat16"), lambda row, _: row):
        monkeypatch.setattr(packed, "filled", fill)
        network = families.FAMILIES[family]("base")
        anatomy = read_anatomy(network)
        states = Engine(network, anatomy, families.FAMILIES[family].path).states(flat)
        states.square().sum().backward()
        grads = [one.grad for one in network.parameters() if one.grad is not None]
        found.append((states.detach(), torch.cat([grad.flatten() for grad in grads])))
    for with_filling, plain in zip(*found, strict=True):
        assert with_filling.shape == plain.shape
        assert (with_filling - plain).abs().max() <= 1e-5 * plain.abs().max()
