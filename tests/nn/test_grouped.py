"""Both ways of attention over a flat row against the plain formula, one example at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.nn.grouped import Grouped, Pattern, plain
from whet.nn.layout import Layout, runs

HEADS, WIDTH = 2, 4


def by_hand(parts, lengths, causal, window):
    """Softmax of scaled products inside each example, nothing else."""
    found, at = [], 0
    for length in lengths:
        q, k, v = (part[at : at + length].transpose(0, 1) for part in parts)
        scores = q @ k.transpose(1, 2) * WIDTH**-0.5
        gap = torch.arange(length)[:, None] - torch.arange(length)
        hidden = (gap < 0 if causal else torch.zeros_like(gap).bool()) | (gap.abs() >= (window or length))
        found.append((scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v).transpose(0, 1))
        at += length
    return torch.cat(found)


def row(lengths):
    draw = torch.Generator().manual_seed(sum(lengths))
    parts = [torch.randn(sum(lengths), HEADS, WIDTH, generator=draw) for _ in range(3)]
    positions = torch.cat([torch.arange(length) for length in lengths])
    return parts, Layout(runs(lengths), positions)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8).map(lambda found: sorted(found, reverse=True)),
    st.booleans(),
    st.sampled_from([None, 3, 16]),
    st.booleans(),
)
def test_answers_and_gradients_are_those_of_the_formula(lengths, causal, window, ours):
    parts, layout = row(lengths)
    pattern = Pattern(layout, False, HEADS, causal, window, None, WIDTH**-0.5, 0.0)
    results = []
    for way in ("by hand", "flat"):
        leaves = [part.clone().requires_grad_() for part in parts]
        if way == "by hand":
            out = by_hand(leaves, lengths, causal, window)
        else:
            out = Grouped.apply(*leaves, None, pattern) if ours else plain(*leaves, pattern)
        (out * torch.arange(out.numel()).view_as(out).cos()).sum().backward()
        results.append([out.detach(), *(leaf.grad for leaf in leaves)])
    for wanted, found in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("dropout", "softcap", "longest", "expected"),
    [(0.0, None, 64, True), (0.1, None, 64, False), (0.0, 5.0, 64, False), (0.0, None, 63, False)],
)
def test_torchs_kernel_is_for_long_examples_without_noise_and_cap(dropout, softcap, longest, expected):
    _, layout = row([longest, 2])
    assert Pattern(layout, False, HEADS, False, None, softcap, 0.5, dropout).is_plain is expected
