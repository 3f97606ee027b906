"""Which rows without a label are most worth labelling: those of which the model is unsure, and no two alike.

Doubt alone puts ten copies of one row on ranks 1 to 10, distance alone the odd ones out. So a row stands at its state
times its doubt, and the next one taken is the farthest from all taken before (and from the origin, where there is no
doubt): farthest-first as in Sener and Savarese 2018, in a space scaled by doubt as in Ash et al. 2020 (BADGE), whose
gradients need a head of one kind. No draw is made, and the first so many are the same whatever number is wanted.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from whet.assemble.answers import as_row
from whet.assemble.claims import doubt
from whet.assemble.nearest import Neighbours, places
from whet.assemble.predictor import CHUNK, Predictor
from whet.core.errors import DataError, Fault
from whet.core.events import Said, Tell, silent
from whet.judge.figures import figure
from whet.judge.words import Words
from whet.prepare.encode import encode
from whet.prepare.prints import text_prints
from whet.prepare.rows import Row, read_rows
from whet.prepare.tables import gathered, limited
from whet.tasks.contract import Example, Finding, Prediction, Schema, Split, Task

KEPT = 1000
"""Rows that are ranked, the most doubtful of the file: memory and time stay bounded whatever the file's length."""
NAMED = 10
"""Rows that the finding names."""


@dataclass
class _Candidate:
    """A row that may be ranked; ``copies`` counts how often it came."""

    row: Row
    example: Example
    prediction: Prediction
    doubt: float
    copies: int = 1


@dataclass(frozen=True)
class Ranking:
    """``pool.jsonl`` line by line, most worth labelling first, and the sentence of the report."""

    lines: list[dict[str, Any]]
    finding: Finding


class _Known:
    """The texts that the run has read with a label, as prints; ``met`` counts the pool's rows that are among them."""

    def __init__(self, texts: np.ndarray | None) -> None:
        self._texts = np.unique(texts) if texts is not None else np.zeros(0, np.uint64)
        self.met = 0

    def without(self, rows: Sequence[Row], examples: Sequence[Example]) -> list[tuple[Row, Example]]:
        """The rows that are not known yet."""
        new_n = ~np.isin(text_prints(examples), self._texts)
        self.met += int((~new_n).sum())
        return [both for both, new in zip(zip(rows, examples, strict=True), new_n, strict=True) if new]


def check(path: str, task: Task, columns: Mapping[str, str], tell: Tell = silent) -> int:
    """Read a pool to its end, before anything is trained, and count its rows.

    Raises DataError with all rows that cannot be read.
    """
    faults: list[Fault] = []
    count = 0
    for row in read_rows(path, columns, task, None, tell):
        count += 1
        try:
            task.parse(_inputs(row, task), row.number)
        except DataError as error:
            faults += error.faults
    if faults:
        raise DataError(limited(gathered(faults, path), path))
    return count


def rank(
    predictor: Predictor,
    path: str,
    near: Neighbours | None,
    language: str,
    tell: Tell = silent,
    kept: int = KEPT,
    labelled: np.ndarray | None = None,
) -> Ranking:
    """Answer the rows of a file as they come and rank those most worth labelling.

    ``near`` are training rows; where an answer does not tell its doubt (a number), the distance from them stands in.
    ``labelled`` are prints of the run's own rows: what stands among them is not labelled again, and counted.
    """
    model, held = predictor.model, dict[tuple[str, ...], _Candidate]()
    heap: list[tuple[float, int, _Candidate]] = []
    count, total, known = 0, 0.0, _Known(labelled)
    for row, example, prediction, doubted in _answered(predictor, path, near, known, tell):
        count, total = count + 1, total + doubted
        if example.inputs in held:
            held[example.inputs].copies += 1
            continue
        if len(heap) == kept and doubted <= heap[0][0]:
            continue
        one = held[example.inputs] = _Candidate(row, example, prediction, doubted)
        pushed = (doubted, -row.number, one)
        if len(heap) < kept:
            heapq.heappush(heap, pushed)
        else:
            del held[heapq.heapreplace(heap, pushed)[2].example.inputs]
    say = Words(language)
    if not count:
        evidence = {"file": Path(path).name, "rows": 0, "ranked": 0, "known": known.met}
        return Ranking(
            [], Finding("next", say("pool_none", file=evidence["file"], known=figure(known.met)), (), evidence)
        )
    found = [one for _, _, one in sorted(heap, key=lambda item: item[1], reverse=True)]
    states = places(model, [one.example for one in found])
    order, scores = farthest_first(states, np.array([one.doubt for one in found]))
    ranked = [found[k] for k in order]
    lines = [
        _line(place, score, one, model.task, model.schema, say)
        for place, (one, score) in enumerate(zip(ranked, scores, strict=True), 1)
    ]
    return Ranking(lines, _finding(ranked, count, total / count, Path(path).name, known.met, say))


def farthest_first(states_nd: np.ndarray, doubt_n: np.ndarray) -> tuple[list[int], list[float]]:
    """The order in which rows are taken, with each one's distance from all before it when it was taken."""
    middle_nd = states_nd - states_nd.mean(0)
    lengths_n = np.linalg.norm(middle_nd, axis=1, keepdims=True)
    points_nd = middle_nd / np.maximum(lengths_n, 1e-12) * doubt_n[:, None]
    far_n = doubt_n.astype(float).copy()  # from the origin
    order: list[int] = []
    scores: list[float] = []
    left = np.ones(len(doubt_n), bool)
    for _ in range(len(doubt_n)):
        k = int(np.argmax(np.where(left, far_n, -1.0)))
        order.append(k)
        scores.append(float(far_n[k]))
        left[k] = False
        far_n = np.minimum(far_n, np.linalg.norm(points_nd - points_nd[k], axis=1))
    return order, scores


def _answered(
    predictor: Predictor, path: str, near: Neighbours | None, known: _Known, tell: Tell
) -> Iterator[tuple[Row, Example, Prediction, float]]:
    """Every row with its answer and its doubt; a label that stands in the file is not looked at, which is said."""
    model = predictor.model
    rows = read_rows(path, model.columns, model.task, None, tell)
    said = False
    while chunk := list(islice(rows, CHUNK)):
        labels = [one.role for one in model.task.columns if one.target and one.role in chunk[0].roles]
        if labels and not said:
            tell(Said(f"{path}: its {' and '.join(labels)} is not looked at, the rows are ranked without"))
            said = True
        new = known.without(chunk, [model.task.parse(_inputs(row, model.task), row.number) for row in chunk])
        if not new:
            continue
        examples = [example for _, example in new]
        split = encode(Split(path, examples), model.task, model.tokenizer, model.limits, model.schema).split
        predictions = [pair.prediction for pair in predictor.pairs(split)]
        doubts = [doubt(model.task, model.schema, one) for one in predictions]
        if None in doubts:
            alike = places(model, examples) @ near.places.T if near else np.zeros((len(examples), 1))
            far = (1 - alike.max(1)).tolist()
            doubts = [far[k] if one is None else one for k, one in enumerate(doubts)]
        for (row, example), prediction, one in zip(new, predictions, doubts, strict=True):
            yield row, example, prediction, float(one or 0.0)


def _inputs(row: Row, task: Task) -> dict[str, Any]:
    barred = {column.role for column in task.columns if column.target}
    return {role: value for role, value in row.roles.items() if role not in barred}


def _line(place: int, score: float, one: _Candidate, task: Task, schema: Schema, say: Words) -> dict[str, Any]:
    told = as_row(one.row.number, one.row.cells, one.prediction)
    why = _why(one, task, schema, say) + (say("pool_unlike") if place > 1 else "")
    own = {"rank": place, "score": score, "doubt": one.doubt, "why": why}
    copies = {"copies": one.copies} if one.copies > 1 else {}
    return {"row": told.pop("row"), **own, **copies, **{f"input_{k}" if k in own else k: v for k, v in told.items()}}


def _why(one: _Candidate, task: Task, schema: Schema, say: Words) -> str:
    kind, chances = task.head(schema).kind, one.prediction.probabilities
    if kind in ("causal", "masked"):
        return say("pool_loss", doubt=figure(one.doubt))
    if chances is not None and not isinstance(one.prediction.answer, list):
        (first, p), (second, q) = sorted(chances.items(), key=lambda pair: -pair[1])[:2]
        return say("pool_margin", first=first, second=second, p=figure(float(p)), q=figure(float(q)))
    if chances is not None or kind == "token":
        return say("pool_mean", doubt=figure(one.doubt))
    return say("pool_far", doubt=figure(one.doubt))


def _finding(ranked: Sequence[_Candidate], count: int, mean: float, name: str, known: int, say: Words) -> Finding:
    first = ranked[:NAMED]
    rows = tuple(one.row.number for one in first)
    carried = float(np.mean([one.doubt for one in first]))
    text = say(
        "pool_next" if count > 1 else "pool_next_one",
        count=figure(count),
        file=name,
        rows=", ".join(map(str, rows)),
        doubt=figure(carried),
        mean=figure(mean),
        kept=figure(len(ranked)),
    )
    evidence = {"file": name, "rows": count, "ranked": len(ranked), "doubt": carried, "mean_doubt": mean}
    if known:
        evidence["known"] = known
        text += say("between") + say("pool_known", known=figure(known))
    return Finding("next", text, rows, evidence, ("pool",) * len(rows))
