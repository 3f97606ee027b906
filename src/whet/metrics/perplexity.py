"""How surprised a language model is: loss a token, and its exponential.

Shapes: ``loss`` float [documents] holds summed negative log-likelihoods in nats, ``tokens`` the predicted
tokens.
"""

from __future__ import annotations

import numpy as np


def loss_per_token(loss: np.ndarray, tokens: np.ndarray) -> float:
    """The mean negative log-likelihood over all tokens of all documents, in nats; NaN without tokens."""
    total = float(np.sum(tokens))
    return float(np.sum(loss)) / total if total else float("nan")


def perplexity(loss: np.ndarray, tokens: np.ndarray) -> float:
    """exp(loss per token): among how many equally likely tokens the model seems to choose."""
    with np.errstate(over="ignore"):
        return float(np.exp(loss_per_token(loss, tokens)))


def bits_per_byte(loss: np.ndarray, utf8_bytes: np.ndarray) -> float:
    """The loss in bits for each byte of the text: the one number that models with different tokens can share."""
    total = float(np.sum(utf8_bytes))
    return float(np.sum(loss)) / float(np.log(2)) / total if total else float("nan")
