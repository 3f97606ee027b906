"""Page 4: the forward pass by numpy, and the head's gradients, against whet's engine and its task's own loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from families import FAMILIES
from formulas import sst2 as shown
from formulas.softmax import cross_entropy, sigmoid, softmax
from theory.shown import formula, slope
from whet.nn.anatomy import read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.packed import Engine
from whet.prepare.batch import collate
from whet.tasks.contract import Example, Features
from whet.tasks.text_classification import TextClassification

BLOCKS, HEADS = 2, 4
IDS = [2, 17, 93, 8, 41, 3]
DRAW = np.random.default_rng(0)
CLOSE = {"rel": 1e-4, "abs": 1e-5}  # whet computes in float32, the page in float64
TASK = TextClassification(kind="single", objective="sigmoid")
SCHEMA = TASK.learn([Example(1, ("dull",), "0"), Example(2, ("fine",), "1")])


def mean_head(outputs: int = 1) -> MeanHead:
    torch.manual_seed(0)
    found = MeanHead(FAMILIES["bert"]("base"), outputs).eval()
    torch.nn.init.normal_(found.classifier.weight)
    torch.nn.init.normal_(found.classifier.bias)
    return found


def weights(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}


def states() -> np.ndarray:
    return DRAW.normal(size=(6, 32))


def by(module, *inputs) -> np.ndarray:
    """What a module of the network answers."""
    with torch.no_grad():
        found = module(*(torch.tensor(one, dtype=torch.float32)[None] for one in inputs))
    return (found[0] if isinstance(found, tuple) else found)[0].numpy()


NETWORK = mean_head()
W = weights(NETWORK.base)
BLOCK = NETWORK.base.encoder.layer[1]


@formula("embeddings", r"H^0_t = \mathrm{LN}(E_{x_t} + P_t + S_1)")
@formula("norm", r"\mathrm{LN}(x) = \gamma \odot \frac{x - \mu}{\sqrt{v + \epsilon}} + \beta")
def test_embeddings_and_norm():
    with torch.no_grad():
        theirs = NETWORK.base.embeddings(input_ids=torch.tensor([IDS]))[0].numpy()
    assert shown.embed(IDS, W) == pytest.approx(theirs, **CLOSE)
    x = states() * 5 + 3
    norm = BLOCK.output.LayerNorm
    assert shown.layer_norm(x, W, "encoder.layer.1.output.LayerNorm") == pytest.approx(by(norm, x), **CLOSE)
    ours = shown.layer_norm(x, {"n.weight": np.ones(32), "n.bias": np.zeros(32)}, "n")
    assert ours.mean(axis=1) == pytest.approx(0) and ours.var(axis=1) == pytest.approx(1)


@formula("attention", r"\mathrm{head}(H) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{k}}\right) V")
def test_attention():
    q, k, v = (DRAW.normal(size=(6, 8)) for _ in range(3))
    theirs = F.scaled_dot_product_attention(*map(torch.tensor, (q, k, v))).numpy()
    assert shown.attention_weights(q, k) @ v == pytest.approx(theirs)
    assert shown.attention_weights(1e4 * q, k).sum(axis=1) == pytest.approx(1)
    x = states()
    with torch.no_grad():
        mixed = BLOCK.attention.self(torch.tensor(x, dtype=torch.float32)[None])[0]
        theirs = BLOCK.attention.output.dense(mixed)[0].numpy()
    assert shown.attention(x, W, "encoder.layer.1", HEADS) == pytest.approx(theirs, **CLOSE)


@formula("feed-forward", r"\mathrm{FF}(u) = W_2 \mathrm{GELU}(W_1 u + b_1) + b_2")
@formula(
    "gelu", r"\mathrm{GELU}(x) = x \Phi(x) = \frac{x}{2} \left(1 + \mathrm{erf}\left(\frac{x}{\sqrt{2}}\right)\right)"
)
@formula("block", r"U = \mathrm{LN}(H + \mathrm{Att}(H)), \quad H' = \mathrm{LN}(U + \mathrm{FF}(U))")
def test_a_block():
    x = states()
    normal = torch.distributions.Normal(0.0, 1.0)
    assert shown.gelu(x) == pytest.approx(x * normal.cdf(torch.tensor(x)).numpy())
    assert shown.gelu(x) == pytest.approx(F.gelu(torch.tensor(x)).numpy())
    inner, outer = BLOCK.intermediate.dense, BLOCK.output.dense
    with torch.no_grad():
        theirs = outer(F.gelu(inner(torch.tensor(x, dtype=torch.float32)))).numpy()
    assert shown.feed_forward(x, W, "encoder.layer.1") == pytest.approx(theirs, **CLOSE)
    assert shown.one_block(x, W, "encoder.layer.1", HEADS) == pytest.approx(by(BLOCK, x), **CLOSE)


def whets(network: torch.nn.Module, ids: list[int], y: float) -> tuple[float, float, dict[str, np.ndarray]]:
    """whet's own logit and loss of one text, and the gradients of what the page names."""
    engine, seen = Engine(network, read_anatomy(network)), {}

    def keep(name, tensor):
        tensor.retain_grad()
        seen[name] = tensor

    hooks = [
        network.classifier.register_forward_hook(
            lambda _, given, found: (keep("h", given[0]), seen.update(z=found))[0]
        ),
        network.base_model.register_forward_hook(lambda _, given, found: keep("states", found.last_hidden_state)),
    ]
    network.zero_grad()
    loss = TASK.loss(engine, collate([Features(0, ids, (y,), supervised=1.0)]), SCHEMA)
    loss.backward()
    for hook in hooks:
        hook.remove()
    found = {
        "w": network.classifier.weight.grad[0],
        "b": network.classifier.bias.grad[0],
        "h": seen["h"].grad.squeeze(),
    }
    if "states" in seen and seen["states"].grad is not None:
        found["states"] = seen["states"].grad[0, : len(ids)]
    return seen["z"].item(), loss.item(), {name: tensor.numpy() for name, tensor in found.items()}


@formula("mean", r"h = \frac{1}{T} \sum_{t=1}^{T} H^L_t")
@formula("logit", r"z = w^\top h + b, \quad p = \sigma(z)")
@formula("loss", r"\ell = -y \log p - (1 - y) \log (1 - p)")
@formula(
    "head-gradients",
    r"\frac{\partial \ell}{\partial w} = (p - y) h, \quad \frac{\partial \ell}{\partial b} = p - y, \quad \frac{\partial \ell}{\partial h} = (p - y) w",
)
@formula("token-gradient", r"\frac{\partial \ell}{\partial H^L_t} = \frac{1}{T} (p - y) w")
@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("ids", [IDS, IDS[:2], IDS * 3])
def test_the_whole_way_is_that_of_the_task(ids, y):
    assert SCHEMA.kind == "binary"
    z, loss, theirs = whets(NETWORK, ids, y)
    h = shown.mean_pooled(shown.encode(ids, W, BLOCKS, HEADS))
    head, b = W_HEAD["weight"][0], W_HEAD["bias"][0]
    ours = shown.loss_and_gradients(h, head, b, y)
    p = sigmoid(head @ h + b)
    assert head @ h + b == pytest.approx(z, **CLOSE)
    assert ours["loss"] == pytest.approx(loss, **CLOSE)
    assert ours["loss"] == pytest.approx(-y * np.log(p) - (1 - y) * np.log(1 - p))
    for name in ("w", "b", "h"):
        assert ours[name] == pytest.approx(theirs[name], **CLOSE)
    assert shown.through_the_mean(ours["h"], len(ids)) == pytest.approx(theirs["states"], **CLOSE)


W_HEAD = weights(NETWORK.classifier)


@formula("first", r"h = \tanh(W_p H^L_1 + b_p)")
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_the_first_token_is_berts_own_way(y):
    network = FAMILIES["bert"]("sequence", num_labels=1)
    w, head = weights(network.bert), weights(network.classifier)
    z, loss, theirs = whets(network, IDS, y)
    h = shown.first_pooled(shown.encode(IDS, w, BLOCKS, HEADS), w)
    ours = shown.loss_and_gradients(h, head["weight"][0], head["bias"][0], y)
    assert head["weight"][0] @ h + head["bias"][0] == pytest.approx(z, **CLOSE)
    assert ours["loss"] == pytest.approx(loss, **CLOSE)
    for name in ("w", "b", "h"):
        assert ours[name] == pytest.approx(theirs[name], **CLOSE)


@formula(
    "one-from-two",
    r"\frac{e^{z_1}}{e^{z_0} + e^{z_1}} = \sigma(z_1 - z_0), \quad z_1 - z_0 = (w_1 - w_0)^\top h + b_1 - b_0",
)
@formula("opposite", r"\frac{\partial \ell}{\partial w_1} = (p - y) h = -\frac{\partial \ell}{\partial w_0}")
@formula("gap", r"\Delta (w_1 - w_0) = -2 \eta (p - y) h")
@pytest.mark.parametrize("y", [0, 1])
def test_two_logits_say_what_one_says_and_move_twice_as_far(y):
    two, bias, h, rate = DRAW.normal(size=(2, 7)), DRAW.normal(size=2), DRAW.normal(size=7), 0.1
    head, b = shown.one_from_two(two), shown.one_from_two(bias)
    one = shown.loss_and_gradients(h, head, b, y)
    assert softmax(two @ h + bias)[1] == pytest.approx(sigmoid(head @ h + b))
    assert cross_entropy(two @ h + bias, y) == pytest.approx(one["loss"])
    gradient = slope(lambda w: cross_entropy(w @ h + bias, y), two)
    assert gradient[1] == pytest.approx(one["w"]) and gradient[0] == pytest.approx(-one["w"])
    moved = shown.one_from_two(two - rate * gradient) - head
    assert moved == pytest.approx(shown.gap_moved(h, one["b"], rate)) == 2 * -rate * one["w"]
