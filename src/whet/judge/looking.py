"""What one model makes of the shipped texts: every layer's states, sentences as vectors, or what each token costs.

Both models are asked in float32, without dropout, by the same path and in the same batches, so that equal weights
give equal bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from whet.judge.shipped import Asked
from whet.nn.heads import segment_mean
from whet.nn.layout import Flat
from whet.nn.packed import Engine, Layers

BATCH_TOKENS = 1024
MOST_TOKENS = 1024
MOST_BYTES = 1 << 27
"""States that are kept of all layers: of so many tokens, or of fewer where the model is wide."""
EVERY, OFFSETS = 7, (0, 3)
"""Of a masked model every seventh token is hidden, as BERT hides 15 %, once from each of these places on."""


@dataclass(frozen=True)
class Look:
    """``layers`` are the states [n, D] below the first block and behind each; ``first`` all last states of a batch.

    ``answers`` are by language: of sentences the mean last state of each [S, D], of paragraphs what each predicted
    token cost, in nats [N].
    """

    layers: tuple[np.ndarray, ...]
    first: np.ndarray
    answers: dict[str, np.ndarray]


@dataclass(frozen=True)
class Question:
    """A batch, and for a language model the places at which it is asked and the tokens that it should tell."""

    language: str
    flat: Flat
    at_n: Tensor | None = None
    truth_n: Tensor | None = None


def look(engine: Engine, asked: Sequence[Asked], kind: str) -> Look:
    """Ask a model everything. ``kind`` is the task's head, as in ``asked``."""
    engine.network.eval()
    questions = list(_questions(asked, kind))
    total = sum(question.flat.tokens for question in questions)
    kept: list[list[np.ndarray]] = []
    answers: dict[str, list[np.ndarray]] = {}
    first, seen = None, 0
    for question in questions:
        with torch.inference_mode():
            layers = engine.layers(question.flat)
            answers.setdefault(question.language, []).append(_array(_answer(engine, question, layers)))
        states = (layers.below, *layers.blocks)
        step = _step(total, states)
        kept.append([_array(one[-seen % step :: step]) for one in states])
        seen += question.flat.tokens
        first = _array(layers.last) if first is None else first
    joined = {language: np.concatenate(parts) for language, parts in answers.items()}
    return Look(tuple(map(np.concatenate, zip(*kept, strict=True))), np.asarray(first), joined)


def first_states(engine: Engine, asked: Sequence[Asked], kind: str) -> np.ndarray:
    """What ``Look.first`` is for a model, without asking it the rest."""
    engine.network.eval()
    with torch.inference_mode():
        return _array(engine.states(next(_questions(asked, kind)).flat))


def vectors(engine: Engine, ids: Sequence[Sequence[int]]) -> np.ndarray:
    """The mean last state of each text, ``[B, D]``."""
    engine.network.eval()
    with torch.inference_mode():
        return np.concatenate([_array(_means(engine.states(flat), flat)) for flat in map(Flat.join, _batches(ids))])


def _answer(engine: Engine, question: Question, layers: Layers) -> Tensor:
    if question.at_n is None or question.truth_n is None:
        return _means(layers.last, question.flat)
    return engine.surprises_in(layers.last, question.at_n, question.truth_n)


def _means(states_td: Tensor, flat: Flat) -> Tensor:
    return segment_mean(states_td.float(), flat.lengths)


def _questions(asked: Sequence[Asked], kind: str) -> Iterator[Question]:
    for one in asked:
        for offset in OFFSETS if kind == "masked" else (0,):
            for ids in _batches(one.ids):
                flat = Flat.join(ids)
                if kind == "causal":
                    yield Question(one.language, flat, *_next(flat))
                elif kind == "masked":
                    yield _hidden(one, flat, offset)
                else:
                    yield Question(one.language, flat)


def _next(flat: Flat) -> tuple[Tensor, Tensor]:
    """Every place but the last of each text, and the token that follows it."""
    ends = {start + length - 1 for start, length in zip(flat.starts, flat.lengths, strict=True)}
    at = torch.tensor([place for place in range(flat.tokens) if place not in ends], dtype=torch.int64)
    return at, flat.ids[at + 1]


def _hidden(one: Asked, flat: Flat, offset: int) -> Question:
    """The batch with some tokens hidden, and what they are; a text's own tokens alone are asked for."""
    own = [place for place, token in enumerate(flat.ids.tolist()) if token not in one.special]
    at = torch.tensor(own[offset::EVERY], dtype=torch.int64)
    shown = flat.ids.clone()
    shown[at] = int(one.mask or 0)
    return Question(one.language, dataclasses.replace(flat, ids=shown), at, flat.ids[at])


def _batches(ids: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    held: list[Sequence[int]] = []
    for text in ids:
        if held and sum(map(len, held)) + len(text) > BATCH_TOKENS:
            yield held
            held = []
        held.append(text)
    if held:
        yield held


def _step(total: int, states: Sequence[Tensor]) -> int:
    """Every how many tokens the states are kept."""
    most = min(MOST_TOKENS, MOST_BYTES // (4 * sum(one.shape[1] for one in states)))
    return max(1, -(-total // max(most, 1)))


def _array(states: Tensor) -> np.ndarray:
    found: np.ndarray = states.float().cpu().numpy()
    return found
