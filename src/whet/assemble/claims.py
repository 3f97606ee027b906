"""What an answer says, one claim at a time, and how surely: read off the answer's shape, whatever the task.

One row an example: each label that was given, or the number. One row a word: each entity that was found, or else each
word's tag. Over the vocabulary an answer claims nothing: it only tells how likely the text is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from whet.metrics.calibration import softmax
from whet.tasks.contract import Prediction, Schema, Task

LEAST = 1e-12
"""The smallest chance of which a logarithm is taken; double precision has no more beside 1."""


@dataclass(frozen=True)
class Claim:
    """One thing that an answer says; ``score`` tells how surely another answer says the same.

    That is log-odds, or the number where the answer is one. ``words`` is the range of words of which it is said.
    """

    name: str
    score: Callable[[Prediction], float]
    words: tuple[int, int] | None = None


def claims(task: Task, schema: Schema, prediction: Prediction) -> list[Claim]:
    """Everything that an answer says; nothing where a task answers otherwise than by labels, numbers and tags."""
    kind, answer = task.head(schema).kind, prediction.answer
    if kind == "sequence" and prediction.probabilities is not None:
        given = answer if isinstance(answer, list) else [answer]
        return [Claim(str(label), _of_label(str(label))) for label in given]
    if kind == "sequence" and isinstance(answer, (int, float)):
        return [Claim("", lambda other: float(other.answer))]
    if kind == "token" and isinstance(answer, list) and np.ndim(prediction.raw) == 2:
        columns = [schema.labels.index(tag) for tag in answer]
        ranges: list[tuple[str, int, int]] = [(tag, word, word + 1) for word, tag in enumerate(answer)]
        if (entities := (prediction.details or {}).get("entities")) is not None:
            ranges = [(one["type"], *one["words"]) for one in entities]
        return [
            Claim(name, _of_words(columns, start, end, schema.temperature), (start, end)) for name, start, end in ranges
        ]
    return []


def doubt(task: Task, schema: Schema, prediction: Prediction) -> float | None:
    """How unsure an answer is; None where it does not tell, as a number without a spread.

    One label: 1 less the gap between the two likeliest (margin sampling, Scheffer et al. 2001). Several labels, and
    words: the mean of each one's. Documents: nats a token.
    """
    kind, raw = task.head(schema).kind, prediction.raw
    if kind in ("causal", "masked"):
        nats, tokens = raw[0], raw[1]
        return float(nats / max(tokens, 1))
    if kind == "token" and np.ndim(raw) == 2:
        known = ~np.isnan(raw).any(1)
        return float(np.mean(_margins(softmax(raw[known], schema.temperature)))) if known.any() else None
    if kind == "sequence" and prediction.probabilities is not None:
        chances = np.array(list(prediction.probabilities.values()))
        if isinstance(prediction.answer, list):
            return float(np.mean(1 - np.abs(2 * chances - 1)))
        return float(_margins(chances[None])[0])
    return None


def _margins(chances_nk: np.ndarray) -> np.ndarray:
    first, second = np.sort(chances_nk, 1)[:, :-3:-1].T
    margins: np.ndarray = 1 - (first - second)
    return margins


def _of_label(label: str) -> Callable[[Prediction], float]:
    return lambda other: _log_odds((other.probabilities or {})[label])


def _of_words(columns: list[int], start: int, end: int, temperature: float | None) -> Callable[[Prediction], float]:
    def score(other: Prediction) -> float:
        rows = softmax(other.raw[start:end], temperature)
        sure = [_log_odds(float(row[columns[start + k]])) for k, row in enumerate(rows) if not np.isnan(row).any()]
        return float(np.mean(sure)) if sure else float("nan")

    return score


def _log_odds(chance: float) -> float:
    return float(np.log(max(chance, LEAST)) - np.log(max(1 - chance, LEAST)))
