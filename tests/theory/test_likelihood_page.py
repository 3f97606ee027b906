"""Page 1: likelihoods by hand, against a table of all texts, whet's language-modeling task and its metrics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from families import FAMILIES, WORDS
from formulas import likelihood as shown
from theory.shown import formula
from whet.metrics import perplexity
from whet.nn.anatomy import read_anatomy
from whet.nn.packed import Engine
from whet.prepare.batch import collate, steps
from whet.tasks._documents import hide
from whet.tasks.contract import Features, Schema
from whet.tasks.language_modeling import LanguageModeling

DRAW = np.random.default_rng(0)
TEXTS = [DRAW.integers(5, WORDS, length).tolist() for length in (9, 4, 17, 6)]


def engine(kind: str) -> Engine:
    network = FAMILIES["llama" if kind == "causal" else "bert"](kind)
    return Engine(network, read_anatomy(network))


def features(weights=(1.0,) * len(TEXTS)) -> list[Features]:
    made = enumerate(zip(TEXTS, weights, strict=True))
    return [Features(i, ids, [1, len(ids)], supervised=w * (len(ids) - 1), weight=w) for i, (ids, w) in made]


def log_p(model: Engine, ids) -> np.ndarray:
    """What plain transformers says of each next token."""
    with torch.no_grad():
        return model.network(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1).numpy()


@formula("chain", r"p(x_1, \dots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1})")
@formula("conditional", r"p(x_t \mid x_1, \dots, x_{t-1}) = \frac{p(x_1, \dots, x_t)}{p(x_1, \dots, x_{t-1})}")
def test_a_text_is_as_likely_as_its_tokens_one_after_another():
    joint = DRAW.random((3, 4, 2))
    joint /= joint.sum()
    for text in itertools.product(range(3), range(4), range(2)):
        assert shown.chain(joint, text) == pytest.approx(joint[text])
        for t in range(3):
            whole, before = joint[text[: t + 1]].sum(), joint[text[:t]].sum()
            assert shown.conditional(joint, text[:t])[text[t]] == pytest.approx(whole / before)
    assert sum(shown.chain(joint, text) for text in np.ndindex(joint.shape)) == pytest.approx(1)


@formula("nll", r"L(x) = -\sum_{t=2}^{T} \log p(x_t \mid x_1, \dots, x_{t-1})")
def test_the_loss_of_a_text_is_that_of_the_task():
    model = engine("causal")
    with torch.no_grad():
        parts = LanguageModeling().decode(model, collate(features()), Schema("causal"))
    for ids, part in zip(TEXTS, parts, strict=True):
        assert shown.nll(log_p(model, ids)[:-1], np.array(ids[1:])) == pytest.approx(part.raw[0], rel=1e-5)
        assert part.raw[1] == len(ids) - 1


@formula("perplexity", r"\mathrm{PPL} = \exp\left(\frac{1}{N} \sum_{n=1}^{N} \ell_n\right)")
@formula("bits-per-byte", r"\mathrm{BPB} = \frac{1}{\log 2} \cdot \frac{1}{\text{bytes}} \sum_{n=1}^{N} \ell_n")
def test_perplexity_and_bits_are_those_of_the_house():
    nats, text = DRAW.random(7) * 5, "naïve 船"
    assert shown.perplexity(nats) == pytest.approx(perplexity.perplexity(nats, np.ones(7)))
    assert shown.bits_per_byte(nats, text) == pytest.approx(perplexity.bits_per_byte(nats, np.array([10])))
    assert shown.perplexity(np.full(5, np.log(64))) == pytest.approx(64)
    assert shown.bits_per_byte(np.full(6, np.log(256)), "a token") == pytest.approx(8 * 6 / 7)


@formula("masked", r"L_M(x) = -\sum_{t \in M} \log p(x_t \mid \tilde{x})")
def test_the_loss_of_hidden_tokens_is_that_of_the_task():
    model, task, mask = engine("masked"), LanguageModeling(objective="masked", masked_share=0.4), 3
    for ids in TEXTS:
        target = [mask, WORDS, 1, len(ids) - 1]
        with torch.no_grad():
            (part,) = task.decode(model, collate([Features(0, ids, target)]), Schema("masked"))
        hidden = hide(ids, target, 0.4, None)
        assert hidden.ids != tuple(ids) and part.raw[1] == len(hidden.places)
        found = shown.nll(log_p(model, hidden.ids)[list(hidden.places)], np.array(hidden.truth))
        assert found == pytest.approx(part.raw[0], rel=1e-5)


@formula("step", r"L = \frac{\sum_{k=1}^{K} \sum_{n \in k} w_n \ell_n}{\sum_{k=1}^{K} \sum_{n \in k} w_n}")
@formula(
    "mean-of-means",
    r"\frac{1}{K} \sum_{k=1}^{K} \frac{1}{N_k} \sum_{n \in k} \ell_n \neq \frac{1}{N} \sum_{n=1}^{N} \ell_n",
)
def test_a_step_does_not_depend_on_how_it_is_cut():
    model, task, schema = engine("causal"), LanguageModeling(), Schema("causal")
    weights = (1.0, 2.0, 0.5, 1.0)
    nats = [-log_p(model, ids)[np.arange(len(ids) - 1), ids[1:]] for ids in TEXTS]
    each = [np.full(len(one), weight) for one, weight in zip(nats, weights, strict=True)]
    expected = shown.step_loss(nats, each)
    joined = [np.concatenate(nats)], [np.concatenate(each)]
    assert shown.step_loss(*joined) == pytest.approx(expected)
    gradients = []
    for budget, pieces in ((1000, 1), (20, 2), (1, 4)):
        (step,) = steps(features(weights), 4, budget, 0, 0, 0)
        assert len(step.micro) == pieces
        total = 0.0
        for batch in step.micro:  # as the loop does it
            loss = task.loss(model, batch, schema) / step.supervised
            loss.backward()
            total += loss.item()
        assert total == pytest.approx(expected, rel=1e-5)
        gradients.append(torch.cat([one.grad.flatten().clone() for one in model.network.parameters()]))
        model.network.zero_grad()
    assert torch.allclose(gradients[0], gradients[1], atol=1e-6) and torch.allclose(
        gradients[0], gradients[2], atol=1e-6
    )
    assert abs(shown.mean_of_means(nats) - shown.mean_of_means(joined[0])) > 1e-3
    assert shown.mean_of_means([nats[0][:3], nats[0][3:6]]) == pytest.approx(nats[0][:6].mean())  # equal lengths
