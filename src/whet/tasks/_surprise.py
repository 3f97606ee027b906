"""How language models are scored and read: the surprise (summed negative log-likelihood) of each document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from whet.metrics import perplexity
from whet.metrics.scores import Columns, Measure, Scores
from whet.tasks.contract import Finding, Pair, Prediction


def answer(nats: float, tokens: int) -> Prediction:
    """A document's answer as plain values; ``raw`` is (nats, tokens)."""
    found = {
        "log_likelihood": -nats,
        "tokens": tokens,
        "perplexity": perplexity.perplexity(np.array([nats]), np.array([tokens])),
    }
    return Prediction(found, None, (nats, tokens))


def scores(pairs: Sequence[Pair], every_token: bool) -> Scores:
    """perplexity, loss a token, bits a byte; a bootstrap draws documents, for their tokens hang together.

    Bits a byte are there only where ``every_token`` was told: they account for the whole text or mean nothing.
    """
    answers = [pair.prediction.answer for pair in pairs]
    columns = {
        "loss": np.array([-float(found["log_likelihood"]) for found in answers]),
        "tokens": np.array([float(found["tokens"]) for found in answers]),
        "bytes": np.array([float(len(pair.example.inputs[0].encode("utf-8"))) for pair in pairs]),
    }

    def reduce(drawn: Columns) -> Mapping[str, np.ndarray]:
        return {name: column.sum() for name, column in drawn.items()}

    measures: dict[str, Measure] = {
        "perplexity": lambda got: perplexity.perplexity(got["loss"], got["tokens"]),
        "loss": lambda got: perplexity.loss_per_token(got["loss"], got["tokens"]),
    }
    if every_token:
        measures["bits_per_byte"] = lambda got: perplexity.bits_per_byte(got["loss"], got["bytes"])
    return Scores(columns, measures, reduce)


def findings(pairs: Sequence[Pair], fewest: int = 10, most: int = 5) -> list[Finding]:
    """The easiest and the hardest documents, and whether long ones are harder."""
    known = [pair for pair in pairs if pair.prediction.answer["tokens"] > 0]
    if len(known) < fewest:
        return []
    tokens = np.array([pair.prediction.answer["tokens"] for pair in known], np.float64)
    mean = np.array([-pair.prediction.answer["log_likelihood"] for pair in known]) / tokens
    whole = float((mean * tokens).sum() / tokens.sum())
    order = np.argsort(mean, kind="stable")
    found = []
    for kind, places in (("strength", order[:most]), ("weakness", order[::-1][:most])):
        rows = tuple(known[i].example.row for i in places)
        word = "easiest" if kind == "strength" else "hardest"
        text = (
            f"The {word} documents have {mean[places].min():.3f} to {mean[places].max():.3f} nats a token, "
            f"all together {whole:.3f}: rows {', '.join(map(str, rows))}."
        )
        evidence = {"loss": [float(mean[i]) for i in places], "loss_of_all": whole}
        found.append(Finding("strength" if kind == "strength" else "weakness", text, rows, evidence))
    return found + _by_length(mean, tokens)


def _by_length(mean: np.ndarray, tokens: np.ndarray) -> list[Finding]:
    bound = float(np.median(tokens))
    long = tokens > bound
    if min(long.sum(), (~long).sum()) < 5:
        return []
    there, rest = float(mean[long].mean()), float(mean[~long].mean())
    error = math.sqrt(mean[long].var() / long.sum() + mean[~long].var() / (~long).sum())
    if abs(there - rest) <= 2 * error:
        return []
    text = (
        f"Documents of more than {bound:.0f} tokens are {'harder' if there > rest else 'easier'}: "
        f"{there:.3f} nats a token against {rest:.3f}."
    )
    return [Finding("slice", text, (), {"tokens": bound, "loss": there, "loss_of_others": rest})]
