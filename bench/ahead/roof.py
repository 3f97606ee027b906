"""What torch's products reach here at a model's shapes, and how much of that a training uses for work that counts.

``python -m bench.ahead.roof MODEL TOKENS`` measures the products of one block for a step of TOKENS tokens: forward, and
both of the backward pass, in the precision that whet's probe takes. The roof is what a step of nothing but these
products would reach, each at its own best; counted as useful are real tokens alone, never padding.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import nn

from whet.nn import machine

TRIALS = 12
LEAST_SECONDS = 0.02
"""A trial repeats a product for so long, so that the clock's own cost does not count."""


def useful_flops(lengths: Sequence[int], config: Any, outputs: int = 2) -> float:
    """Of one epoch of full tuning: 6 a matmul weight and token, 12 * s * d * L for attention; embeddings are look-ups.

    Pooler and classifier see one state a text.
    """
    width, inner, depth = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    block = 4 * width * width + 2 * width * inner
    head = width * width + width * outputs
    each = (6 * depth * block * s + 12 * s * s * width * depth + 6 * head for s in lengths)
    return float(sum(each))


def roof(width: int, inner: int, tokens: int, kind: torch.dtype) -> float:
    """FLOP/s of one block's products, forward and backward, each at its best of some trials."""
    flops = seconds = 0.0
    for count, taken, made in ((4, width, width), (1, width, inner), (1, inner, width)):
        states = torch.randn(tokens, taken).to(kind)
        weight = torch.randn(made, taken).to(kind)
        slope = torch.randn(tokens, made).to(kind)
        best = _best(lambda s=states, w=weight: nn.functional.linear(s, w))
        best += _best(lambda g=slope, w=weight: g @ w)
        best += _best(lambda g=slope, s=states: g.T @ s)
        flops += count * 3 * 2.0 * tokens * taken * made
        seconds += count * best
    return flops / seconds


def _best(product: Any) -> float:
    """Seconds of one product: the best of the trials, after one that warms up."""
    product()
    best = float("inf")
    for _ in range(TRIALS):
        repeats, began = 0, time.perf_counter()
        while time.perf_counter() - began < LEAST_SECONDS:
            product()
            repeats += 1
        best = min(best, (time.perf_counter() - began) / repeats)
    return best


def main() -> None:
    model, tokens = sys.argv[1], int(sys.argv[2])
    config = transformers.AutoConfig.from_pretrained(model)
    precision = machine.precision(transformers.AutoModel.from_pretrained(model))
    width, inner = machine.shape(config)
    found = roof(width, inner, tokens, getattr(torch, precision))
    print(json.dumps({"flops_per_second": found, "precision": precision, "tokens": tokens}))


if __name__ == "__main__":
    main()
