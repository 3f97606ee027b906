"""Each strategy: what moves, how fast, and how much that is."""

from __future__ import annotations

import math

import numpy as np


def partial_step(theta: np.ndarray, u: np.ndarray, rate: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """A step in direction u that moves only some weights, each at its own rate."""
    return theta - rate * np.where(moves, u, 0)


def training_bytes(all_weights: int, moving: int) -> int:
    return 4 * all_weights + 16 * moving


def in_block(d: int, f: int) -> int:
    """The weights of one block of BERT."""
    return 4 * (d * d + d) + (2 * d * f + f + d) + 4 * d


def in_embeddings(d: int, words: int, places: int, segments: int = 2) -> int:
    return (words + places + segments) * d + 2 * d


def in_head(d: int, outputs: int) -> int:
    return outputs * (d + 1)


def moved_by_full(d: int, f: int, blocks: int, words: int, places: int, outputs: int) -> int:
    return in_embeddings(d, words, places) + blocks * in_block(d, f) + in_head(d, outputs)


def rate_for_width(at_384: float, d: int) -> float:
    return at_384 * 384 / d


def head_curvature(h: np.ndarray, p: float) -> np.ndarray:
    """The second derivatives of the loss by the weights of a head with one logit."""
    return p * (1 - p) * np.outer(h, h)


def blocks_still(blocks: int, share: float) -> int:
    return math.floor(blocks * share + 1e-9)


def moved_by_freeze(d: int, f: int, blocks: int, still: int, outputs: int) -> int:
    return (blocks - still) * in_block(d, f) + in_head(d, outputs)


def layer_rate(rate: float, xi: float, depth: int, blocks: int) -> float:
    return rate * xi ** (blocks + 1 - depth)


def thaws_at(depth: int, blocks: int, epochs: float) -> float:
    return epochs / 3 * (blocks + 1 - depth) / (blocks + 1)


def moved_by_bitfit(d: int, f: int, blocks: int, outputs: int) -> int:
    return d + blocks * (7 * d + f) + in_head(d, outputs)


def bias_gradient(g: np.ndarray) -> np.ndarray:
    """From the gradients of a layer's answers, one row a token."""
    return g.sum(axis=0)


def low_rank(x: np.ndarray, w: np.ndarray, a: np.ndarray, b: np.ndarray, s: float) -> np.ndarray:
    """One row a token; W is [outputs, inputs], A is [r, inputs], B is [outputs, r]."""
    return x @ w.T + s * (x @ a.T) @ b.T


def low_rank_gradients(
    x: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray, s: float
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of A and B from those of the answers, one row a token."""
    whole = g.T @ x
    return s * b.T @ whole, s * whole @ a.T


def added(a: np.ndarray, b: np.ndarray, s: float) -> np.ndarray:
    """What LoRA adds to W."""
    return s * b @ a


def in_low_rank(inputs: int, outputs: int, r: int) -> int:
    return r * (inputs + outputs)


def moved_by_lora(d: int, f: int, blocks: int, r: int, outputs: int) -> int:
    return blocks * r * (10 * d + 2 * f) + in_head(d, outputs)


def spread(x: np.ndarray, r: int, s: float, spread_a: float, spread_b: float) -> float:
    """The variance of one answer of s B A x for random A and B with these variances an entry."""
    return s**2 * r * spread_a * spread_b * float(x @ x)


def rslora_scale(alpha: float, r: int) -> float:
    return alpha / math.sqrt(r)


def dora_weight(v: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Rows with the directions of V = W + s B A and the lengths m."""
    return m[:, None] * v / np.linalg.norm(v, axis=1)[:, None]


def dora_gradients(whole: np.ndarray, v: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of m and V from that of the whole weight, lengths in the denominator taken as constants."""
    length = np.linalg.norm(v, axis=1)
    return (whole * v).sum(axis=1) / length, (m / length)[:, None] * whole


def dora_exact(whole: np.ndarray, v: np.ndarray, m: np.ndarray) -> np.ndarray:
    """The gradient of V without that shortcut: what points along V falls out."""
    length = np.linalg.norm(v, axis=1)[:, None]
    along = (whole * v).sum(axis=1)[:, None] / length**2 * v
    return m[:, None] / length * (whole - along)
