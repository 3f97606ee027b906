"""How likely a model's logits make the truth: the loss of each row, as training counts it, in nats.

Two models that answer every row alike may still differ here, so it breaks ties between them. Logits are read
as the model gives them, before any temperature.

Shapes: logits are float [rows, K]; losses float [rows], NaN where the truth is none that the model knows.
"""

from __future__ import annotations

import numpy as np

UNKNOWN = -1
"""The number of a class that the model never learnt."""


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The negative log-likelihood of one class a row; ``targets`` int [rows], UNKNOWN where it has no logit.

    A row of logits that are not numbers (what a length limit cut away) has no loss either.
    """
    highest = logits.max(-1, keepdims=True)
    total = highest[:, 0] + np.log(np.exp(logits - highest).sum(-1))
    loss = total - logits[np.arange(len(logits)), np.maximum(targets, 0)]
    return np.asarray(np.where(targets == UNKNOWN, np.nan, loss))


def binary_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The mean over labels of the negative log-likelihood that each is there; ``targets`` 0/1 [rows, K]."""
    return np.asarray((np.logaddexp(0.0, logits) - targets * logits).mean(-1))


def mean_known(losses: np.ndarray) -> float:
    """The mean over the rows that have a loss; NaN where none has."""
    known = losses[~np.isnan(losses)]
    return float(known.mean()) if len(known) else float("nan")
