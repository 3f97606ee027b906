"""Why an answer is as it is: what becomes of it when each word is left out (occlusion, Zeiler and Fergus 2014).

It asks the model alone and knows of no layers, so it holds for every task, family and adapter; docs/next-steps.md
has the measurement that chose it. A word's weight is how much of the answer's own score goes with it: log-odds for
labels and entities, units of the target for a number. What is below 0 spoke against the answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from whet.assemble.claims import claims
from whet.tasks._words import words_in
from whet.tasks.contract import Example, Pair, Prediction, Schema, Task

MOST = 64
"""Pieces of a row that are left out in turn, each a further answer; of longer rows neighbouring words go together."""

Answer = Callable[[Sequence[Example]], Iterable[Prediction]]


@dataclass(frozen=True)
class Piece:
    """Some words that stand side by side, by (input, start, end) in characters; ``words`` counts them in the row."""

    places: tuple[tuple[int, int, int], ...]
    words: tuple[int, int]


def explain(task: Task, schema: Schema, pairs: Sequence[Pair], answer: Answer) -> list[list[dict[str, Any]] | None]:
    """For each answered row what its answer rests on, one entry a claim; None for a task whose answers claim nothing.

    ``answer`` is asked once, for all rows with all their pieces left out.
    """
    said = [claims(task, schema, pair.prediction) for pair in pairs]
    cut = [pieces(task, schema, pair.example) if one else [] for pair, one in zip(pairs, said, strict=True)]
    asked = [without(pair.example, piece) for pair, own in zip(pairs, cut, strict=True) for piece in own]
    answers = iter(list(answer(asked)) if asked else [])
    found: list[list[dict[str, Any]] | None] = []
    readable = task.head(schema).kind in ("sequence", "token")
    for pair, own, each in zip(pairs, cut, said, strict=True):
        others = [next(answers) for _ in own]
        told = []
        for claim in each:
            whole = claim.score(pair.prediction)
            weights = [whole - claim.score(other) for other in others]
            parts = [{**_told(task, schema, pair.example, p), "weight": w} for p, w in zip(own, weights, strict=True)]
            named = {"of": claim.name} if claim.name else {}
            where = {"words": list(claim.words)} if claim.words else {}
            told.append({**named, **where, "score": whole, "parts": parts})
        found.append(told if readable else None)
    return found


def pieces(task: Task, schema: Schema, example: Example, most: int = MOST) -> list[Piece]:
    """A row's words, or at most so many runs of them; a run stays within one text."""
    if task.head(schema).kind == "token":  # every input is a word
        texts = [[(word, 0, len(text)) for word, text in enumerate(example.inputs)]]
    else:
        texts = [[(which, *place) for place in words_in(text)] for which, text in enumerate(example.inputs)]
    total = sum(map(len, texts))
    size = max(1, -(-total // max(most - len(texts) + 1, 1)) if total > most else 1)
    found, before = [], 0
    for words in texts:
        for first in range(0, len(words), size):
            run = words[first : first + size]
            found.append(Piece(tuple(run), (before + first, before + first + len(run))))
        before += len(words)
    return found


def without(example: Example, piece: Piece) -> Example:
    """The same row without some words: gone from a text, and of a tagged sentence's word nothing is left to read."""
    inputs = list(example.inputs)
    for which in {which for which, _, _ in piece.places}:
        own = [(start, end) for one, start, end in piece.places if one == which]
        inputs[which] = inputs[which][: own[0][0]] + inputs[which][own[-1][1] :]
    return dataclasses.replace(example, inputs=tuple(inputs), target=None)


def _told(task: Task, schema: Schema, example: Example, piece: Piece) -> dict[str, Any]:
    """A piece as plain values: its words, and where they stand."""
    which, start, _ = piece.places[0]
    if task.head(schema).kind == "token":
        text = " ".join(example.inputs[word] for word, _, _ in piece.places)
        places = getattr(example, "places", ())
        here = [places[word] for word, _, _ in piece.places] if places else []
        spot = {"start": here[0][0], "end": here[-1][1]} if here else {}
        return {"text": text, "words": list(piece.words), **spot}
    end = piece.places[-1][2]
    roles = [column.role for column in task.columns if not column.target]
    named = {"input": roles[which]} if len(example.inputs) > 1 else {}
    return {**named, "text": example.inputs[which][start:end], "start": start, "end": end}
