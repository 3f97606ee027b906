"""BERT with one logit, from token numbers to the loss and back to the head."""

from __future__ import annotations

import math

import numpy as np

from .softmax import binary_cross_entropy, sigmoid

erf = np.vectorize(math.erf)
Weights = dict[str, np.ndarray]


def linear(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """A row of states to a row of answers; `w` holds the network's weights by name."""
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def layer_norm(x: np.ndarray, w: Weights, name: str, eps: float = 1e-12) -> np.ndarray:
    mu = x.mean(axis=-1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=-1, keepdims=True)
    return w[f"{name}.weight"] * (x - mu) / np.sqrt(var + eps) + w[f"{name}.bias"]


def gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / math.sqrt(2))) / 2


def embed(ids: list[int], w: Weights) -> np.ndarray:
    """Token, place and segment (the first) as one vector each, added up."""
    total = (
        w["embeddings.word_embeddings.weight"][ids]
        + w["embeddings.position_embeddings.weight"][: len(ids)]
        + w["embeddings.token_type_embeddings.weight"][0]
    )
    return layer_norm(total, w, "embeddings.LayerNorm")


def attention_weights(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """How much each token (row) reads from each token (column)."""
    scores = q @ k.T / math.sqrt(q.shape[1])
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def attention(x: np.ndarray, w: Weights, block: str, heads: int) -> np.ndarray:
    q, k, v = (linear(x, w, f"{block}.attention.self.{name}") for name in ("query", "key", "value"))
    each = zip(*(np.split(part, heads, axis=1) for part in (q, k, v)), strict=True)
    seen = [attention_weights(q, k) @ v for q, k, v in each]
    return linear(np.concatenate(seen, axis=1), w, f"{block}.attention.output.dense")


def feed_forward(x: np.ndarray, w: Weights, block: str) -> np.ndarray:
    return linear(gelu(linear(x, w, f"{block}.intermediate.dense")), w, f"{block}.output.dense")


def one_block(x: np.ndarray, w: Weights, block: str, heads: int) -> np.ndarray:
    u = layer_norm(x + attention(x, w, block, heads), w, f"{block}.attention.output.LayerNorm")
    return layer_norm(u + feed_forward(u, w, block), w, f"{block}.output.LayerNorm")


def encode(ids: list[int], w: Weights, blocks: int, heads: int) -> np.ndarray:
    """The last states, one row a token."""
    x = embed(ids, w)
    for number in range(blocks):
        x = one_block(x, w, f"encoder.layer.{number}", heads)
    return x


def mean_pooled(states: np.ndarray) -> np.ndarray:
    return states.mean(axis=0)


def first_pooled(states: np.ndarray, w: Weights) -> np.ndarray:
    return np.tanh(linear(states[0], w, "pooler.dense"))


def loss_and_gradients(h: np.ndarray, head: np.ndarray, b: float, y: float) -> dict[str, np.ndarray]:
    """The loss of one text, and how it changes with the head's weights, its bias and the text's vector."""
    z = head @ h + b
    error = sigmoid(z) - y
    return {"loss": binary_cross_entropy(z, y), "w": error * h, "b": error, "h": error * head}


def through_the_mean(dh: np.ndarray, tokens: int) -> np.ndarray:
    """The gradient of every token's last state."""
    return np.tile(dh / tokens, (tokens, 1))


def one_from_two(two: np.ndarray) -> np.ndarray:
    """The one row of a head whose sigmoid equals the softmax of a head of two rows."""
    return two[1] - two[0]


def gap_moved(h: np.ndarray, error: float, rate: float) -> np.ndarray:
    """How far one step of SGD on both rows moves their difference."""
    return -2 * rate * error * h
