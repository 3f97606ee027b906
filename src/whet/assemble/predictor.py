"""The only way from rows to answers, so that what is measured is what is served."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any, final

import numpy as np
import torch

from whet.assemble.answers import as_row, packed, size_of, unpacked
from whet.assemble.explain import explain
from whet.assemble.model import Model
from whet.assemble.nearest import Learnt, Neighbours, neighbours, places
from whet.core.errors import DataError, TrainingError, UsageError
from whet.core.events import Answered, Said, Tell, silent
from whet.measures.contract import Metric, score
from whet.prepare.batch import sweep
from whet.prepare.encode import Account, encode
from whet.prepare.kept import Lazy, keep
from whet.prepare.rows import Row, read_rows
from whet.tasks.contract import Example, Pair, Part, Prediction, Split

CHUNK = 1024
"""Rows read, encoded and answered at a time when they stream: enough to sort by length, few enough to hold."""
EXPLAINING_TOKENS = 2048
"""Tokens at once of the rows that an explanation asks about: as fast as more, and they would raise a run's peak."""

NOTHING = Account(0, 0, 0, 0, 0, 0, 0)

Cells = Mapping[str, Any]
Input = Cells | str | Sequence[str]


@final
class Predictor:
    """Answers rows with a model: batches by length inside, answers in the order in which the rows came."""

    def __init__(self, model: Model, learnt: Callable[[], Learnt | None] | None = None) -> None:
        """``learnt`` reads the rows that the model learnt from, where they are known; it is asked once, when needed."""
        self.model, self._learnt = model, learnt

    def predict(self, rows: Input | Iterable[Input], top: int | None = None) -> list[dict[str, Any]]:
        """One answer a row, as in ``predictions/*.jsonl``; a row is a text, a pair or a mapping of columns."""
        several = [rows] if isinstance(rows, (str, Mapping)) else list(rows)
        return list(self.stream(several, top=top))

    def explain(self, rows: Input | Iterable[Input], top: int | None = None) -> list[dict[str, Any]]:
        """One answer a row as ``predict`` gives it, with an ``explanation``: words by weight, nearest training rows."""
        several = [rows] if isinstance(rows, (str, Mapping)) else list(rows)
        return list(self.stream(several, top=top, explained=True))

    def stream(
        self,
        rows: str | Path | IO[str] | IO[bytes] | Iterable[Input],
        column: str | None = None,
        top: int | None = None,
        tell: Tell = silent,
        explained: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Answer rows as they come, in constant memory and in their order; a path or an open file is read as data.

        ``column`` names the column of the text where it is not the one of the training. What was too long is told
        once, at the end. Raises DataError with the row's number where one cannot be read. ``explained`` adds to each
        what it rests on, which takes some tens of further answers a row.
        """
        if isinstance(rows, (str, Path)) or hasattr(rows, "read"):
            asked = {self.model.task.columns[0].role: column} if column else None
            read = read_rows(rows, self.model.columns, self.model.task, asked, tell)  # type: ignore[arg-type]
        else:
            read = (self._row(row, number) for number, row in enumerate(rows, 1))  # type: ignore[arg-type]
        account = NOTHING
        while chunk := list(islice(read, CHUNK)):
            examples = tuple(self.model.task.parse(row.roles, row.number) for row in chunk)
            model = self.model
            encoded = encode(Split("input", examples), model.task, model.tokenizer, model.limits, model.schema)
            account = _plus(account, encoded.account)
            for row, pair in zip(chunk, self.pairs(encoded.split), strict=True):
                yield as_row(row.number, row.cells, self.explained([pair])[0] if explained else pair, top)
        if said := account.sentence("input", self.model.limits):
            tell(Said(said))

    def pairs(self, split: Split, tell: Tell = silent) -> Sequence[Pair]:
        """Each example of an encoded split with the answer to it; of very many the later ones lie on the disk."""
        answers = keep(self.answers(split, tell), packed, unpacked, size_of)

        def both(start: int, stop: int) -> list[Pair]:
            return [Pair(*one) for one in zip(split.examples[start:stop], answers[start:stop], strict=True)]

        return Lazy(len(answers), both)

    def explained(self, pairs: Sequence[Pair]) -> list[Pair]:
        """The same answers, each with its ``explanation`` among the details, as far as the task and the rows allow."""
        model = self.model
        told = explain(model.task, model.schema, pairs, self._answers_to)
        near = self.near if any(one is not None for one in told) else None
        alike = near.nearest(places(model, [pair.example for pair in pairs])) if near else [[] for _ in pairs]
        found = []
        for pair, claims, rows in zip(pairs, told, alike, strict=True):
            if claims is None:
                found.append(pair)
                continue
            explanation = {"claims": claims, **({"nearest": rows} if rows else {})}
            details = {**(pair.prediction.details or {}), "explanation": explanation}
            found.append(Pair(pair.example, dataclasses.replace(pair.prediction, details=details)))
        return found

    @cached_property
    def near(self) -> Neighbours | None:
        """The rows that the model learnt from with their places, where they are known; read once, when first asked."""
        learnt = self._learnt() if self._learnt else None
        return neighbours(self.model, learnt) if learnt and learnt.examples else None

    def _answers_to(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        model = dataclasses.replace(self.model, tokens_per_batch=min(EXPLAINING_TOKENS, self.model.tokens_per_batch))
        split = Split("input", examples)
        return Predictor(model).answers(encode(split, model.task, model.tokenizer, model.limits, model.schema).split)

    def measure(self, split: Split, tell: Tell = silent, metrics: Sequence[Metric] = ()) -> dict[str, float]:
        """The task's metrics, and those asked for, on an encoded split whose targets are known."""
        return score(self.model.task, self.pairs(split, tell), self.model.schema, metrics).values()

    def answers(self, split: Split, tell: Tell = silent) -> Iterator[Prediction]:
        """One answer for each example of an encoded split, in the split's order, as they come.

        Raises TrainingError where the model's numbers are not finite: they would pass for an answer.
        """
        model = self.model
        done = 0
        model.network.eval()
        for window in sweep(split.features, model.tokens_per_batch):
            gathered: dict[int, list[Part]] = {}
            for batch in window:
                with torch.inference_mode():
                    parts = model.task.decode(model.engine, batch, model.schema)
                for part in parts:
                    if not _finite(part.raw):
                        raise TrainingError(
                            "the model's answer is not a finite number",
                            f"{split.name}, row {split.examples[part.index].row}",
                            "its training diverged: lower train.learning_rate and train anew",
                        )
                    gathered.setdefault(part.index, []).append(part)
                done += len(batch.features)
                tell(Answered(split.name, min(done, len(split.examples)), len(split.examples)))
            for index in sorted(gathered):
                yield model.task.gather(sorted(gathered[index], key=lambda part: part.part), model.schema)

    def _row(self, given: Input, number: int) -> Row:
        role = self.model.task.columns[0].role
        cells = {role: given} if isinstance(given, str) else dict(as_cells(given))
        columns = self.model.columns
        roles = {role: cells[name] for role, name in columns.items() if name in cells}
        roles |= {
            one.role: cells[one.role] for one in self.model.task.columns if one.role in cells and one.role not in roles
        }
        needed = [one.role for one in self.model.task.columns if one.required and not one.target]
        if missing := [columns.get(role, role) for role in needed if role not in roles]:
            raise DataError(
                f"there is no column {', '.join(missing)}; found {', '.join(map(str, cells))}",
                f"row {number}",
                "name the columns as in training, or by their roles",
            )
        return Row(number, number, cells, roles)


def _plus(one: Account, other: Account) -> Account:
    return Account(*map(sum, zip(astuple(one), astuple(other), strict=True)))


def _finite(raw: Any) -> bool:
    """Whether a part's numbers are; a mapping may hold other things beside its arrays."""
    if isinstance(raw, Mapping):
        return all(_finite(one) for one in raw.values() if isinstance(one, np.ndarray))
    return bool(np.isfinite(raw).all())


def as_cells(given: Input) -> Cells:
    """A row as columns: a lone text is ``text``, two texts are a pair. Raises UsageError for anything else."""
    if isinstance(given, str):
        return {"text": given}
    if isinstance(given, Mapping):
        return given
    if len(given) == 2 and all(isinstance(part, str) for part in given):
        return {"text": given[0], "text_pair": given[1]}
    raise UsageError(f"{given!r} is not a row", "predict", "give texts, pairs of texts, or mappings of columns")
