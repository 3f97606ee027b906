"""From examples to what the model sees, with an account of every row: whole, cut or in windows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, Fault, UsageError
from whet.prepare.options import EncodeOptions
from whet.prepare.tables import gathered
from whet.tasks.contract import Features, Limits, LongText, Schema, Split, Task

TEXT_TOKENS, DOCUMENT_TOKENS = 256, 1024
"""The longest inputs by default: most sentences and reviews fit the first, and cost grows with length; a
language model learns from every token of a document, so there a longer context pays."""


@dataclass(frozen=True)
class Account:
    """What became of the rows: ``whole + cut + windowed == rows``; ``tokens`` is what the model sees.

    ``cut_tokens`` were removed by the limit, ``parts`` is the number of features (windows count singly, and
    overlap).
    """

    rows: int
    whole: int
    cut: int
    windowed: int
    parts: int
    tokens: int
    cut_tokens: int

    def sentence(self, split: str, limits: Limits) -> str:
        """What must be said aloud of a split: how many rows the model does not see whole; nothing where it does."""
        of, most = f"of {self.rows} rows are", f"{limits.max_tokens} tokens"
        cut = f"{self.cut} {of} cut to {most} ({self.cut_tokens} tokens lost)"
        windowed = f"{self.windowed} {of} read in windows of {most}"
        said = [text for count, text in ((self.cut, cut), (self.windowed, windowed)) if count]
        return f"{split}: {', '.join(said)}" if said else ""


@dataclass(frozen=True)
class Encoded:
    """A split with its features, and the account of them."""

    split: Split
    account: Account


@dataclass(frozen=True)
class Choice:
    """The limits in force, and the sentence that says why."""

    limits: Limits
    note: str


def choose_limits(options: EncodeOptions, task: Task, schema: Schema, model_max: int | None) -> Choice:
    """Settle what the user left open, by the model's own limit and by the shape of the task's answer."""
    kind = task.head(schema).kind
    usual = DOCUMENT_TOKENS if kind in ("causal", "masked") else TEXT_TOKENS
    if options.max_tokens is not None and model_max is not None and options.max_tokens > model_max:
        raise UsageError(
            f"max_tokens={options.max_tokens} is more than the model takes ({model_max})",
            "encode.max_tokens",
            f"give at most {model_max}",
        )
    most = options.max_tokens or min(usual, model_max or usual)
    if options.max_tokens:
        why = "as the recipe says"
    elif model_max is not None and most == model_max:
        why = "the model's own limit"
    else:
        why = "the default, for cost grows with length; the model would take " + str(model_max or "any length")
    long_text: LongText = options.long_text or ("head" if kind == "sequence" else "windows")
    return Choice(Limits(most, long_text), f"inputs have at most {most} tokens ({why}); longer ones: {long_text}")


def encode(split: Split, task: Task, tokenizer: Any, limits: Limits, schema: Schema) -> Encoded:
    """Give a split its features, in the order of its examples.

    Raises DataError with all rows that cannot be encoded, and where a row would give nothing at all.
    """
    features: list[Features] = []
    faults: list[Fault] = []
    cut = windowed = 0
    for index, example in enumerate(split.examples):
        try:
            parts = task.encode(example, index, tokenizer, limits, schema)
        except DataError as error:
            faults.extend(error.faults)
            continue
        if not parts or not all(len(part.ids) for part in parts):
            faults.append(Fault("nothing is left for the model to see", f"row {example.row}", "give the row a text"))
        if any(part.cut for part in parts):
            cut += 1
        elif len(parts) > 1:
            windowed += 1
        features.extend(parts)
    if faults:
        raise DataError(gathered(faults, split.name))
    rows = len(split.examples)
    account = Account(
        rows=rows,
        whole=rows - cut - windowed,
        cut=cut,
        windowed=windowed,
        parts=len(features),
        tokens=sum(len(part.ids) for part in features),
        cut_tokens=sum(part.cut for part in features),
    )
    return Encoded(dataclasses.replace(split, features=tuple(features)), account)
