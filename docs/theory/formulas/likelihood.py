"""How likely a text is, and how that is counted."""

from __future__ import annotations

import numpy as np


def conditional(joint: np.ndarray, before: tuple[int, ...]) -> np.ndarray:
    """Of a table p(x1, ..., xT): how likely each next token is after the tokens `before`."""
    rest = joint[before]
    each = rest.reshape(len(rest), -1).sum(axis=1)
    return each / each.sum()


def chain(joint: np.ndarray, text: tuple[int, ...]) -> float:
    """The probability of a text, token by token."""
    return float(np.prod([conditional(joint, text[:t])[text[t]] for t in range(len(text))]))


def nll(log_p: np.ndarray, tokens: np.ndarray) -> float:
    """The surprise at a text in nats; row t of `log_p` tells token t from what is shown."""
    return float(-log_p[np.arange(len(tokens)), tokens].sum())


def perplexity(nats: np.ndarray) -> float:
    """The exponential of the mean loss."""
    return float(np.exp(nats.mean()))


def bits_per_byte(nats: np.ndarray, text: str) -> float:
    """The summed loss in bits, for each byte of the text."""
    return float(nats.sum() / np.log(2) / len(text.encode("utf-8")))


def step_loss(pieces: list[np.ndarray], weights: list[np.ndarray]) -> float:
    """The loss of a step, however it was cut into pieces."""
    total = sum(float((w * nats).sum()) for nats, w in zip(pieces, weights, strict=True))
    return total / sum(float(w.sum()) for w in weights)


def mean_of_means(pieces: list[np.ndarray]) -> float:
    """What to avoid: here a token of a short piece counts more than one of a long piece."""
    return float(np.mean([nats.mean() for nats in pieces]))
