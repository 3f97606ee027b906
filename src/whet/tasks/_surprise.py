"""How language models are scored and read: the surprise (summed negative log-likelihood) of each document."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import numpy as np

from whet.metrics import perplexity
from whet.metrics.scores import Columns, Measure, Scores
from whet.tasks.contract import Finding, Pair, Prediction


def answer(nats: float, tokens: int, seen: Sequence[tuple[int, int]] | None = None) -> Prediction:
    """A document's answer as plain values; ``raw`` is (nats, tokens).

    ``seen`` are the ranges of its characters that were read where a length limit cut it; they are told as details.
    """
    found = {
        "log_likelihood": -nats,
        "tokens": tokens,
        "perplexity": perplexity.perplexity(np.array([nats]), np.array([tokens])),
    }
    details = None if seen is None else {"seen": [list(span) for span in _joined(seen)]}
    return Prediction(found, None, (nats, tokens), details)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same characters as ranges that do not overlap, in order."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _bytes(pair: Pair) -> int:
    """The length in UTF-8 of what was read of a document."""
    text, seen = pair.example.inputs[0], (pair.prediction.details or {}).get("seen")
    return sum(len(text[start:end].encode("utf-8")) for start, end in (seen or [[0, len(text)]]))


def scores(pairs: Sequence[Pair], every_token: bool) -> Scores:
    """perplexity, loss a token, bits a byte; a bootstrap draws documents, for their tokens hang together.

    Bits a byte are there only where ``every_token`` was told, and count the bytes that were read: of a document that
    was cut, those of what is left.
    """
    told = array("d")
    for pair in pairs:
        found = pair.prediction.answer
        told.extend((-float(found["log_likelihood"]), float(found["tokens"]), float(_bytes(pair))))
    columns = dict(zip(("loss", "tokens", "bytes"), np.array(told).reshape(-1, 3).T.copy(), strict=True))

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
    """The easiest and the hardest documents."""
    numbers, told = array("q"), array("d")
    for pair in pairs:
        if pair.prediction.answer["tokens"] > 0:
            numbers.append(pair.example.row)
            told.extend((pair.prediction.answer["tokens"], -pair.prediction.answer["log_likelihood"]))
    if len(numbers) < fewest:
        return []
    tokens, losses = np.array(told).reshape(-1, 2).T.copy()
    mean = losses / tokens
    whole = float((mean * tokens).sum() / tokens.sum())
    order = np.argsort(mean, kind="stable")
    found = []
    for kind, places in (("strength", order[:most]), ("weakness", order[::-1][:most])):
        rows = tuple(numbers[i] for i in places)
        word = "easiest" if kind == "strength" else "hardest"
        text = (
            f"The {word} documents have {mean[places].min():.3f} to {mean[places].max():.3f} nats a token, "
            f"all together {whole:.3f}: rows {', '.join(map(str, rows))}."
        )
        evidence = {"loss": [float(mean[i]) for i in places], "loss_of_all": whole}
        found.append(Finding("strength" if kind == "strength" else "weakness", text, rows, evidence))
    return found
