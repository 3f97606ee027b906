"""From examples to what the model sees, with an account of every row: whole, cut or in windows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.core.errors import DataError, Fault, UsageError
from whet.prepare import tokens
from whet.prepare.options import EncodeOptions
from whet.prepare.tables import gathered, limited
from whet.tasks.contract import Features, Limits, LongText, Schema, Split, Task

TEXT_TOKENS, DOCUMENT_TOKENS = 256, 1024
"""The longest inputs by default: most sentences and reviews fit the first, and cost grows with length; a
language model learns from every token of a document, so there a longer context pays."""

UNKNOWN = 0.1
"""The share of unknown tokens above which a warning is due: all-MiniLM-L6-v2 knows of a Chinese review a third."""


@dataclass(frozen=True)
class Account:
    """What became of the rows: ``whole + cut + windowed == rows``; ``tokens`` is what the model sees.

    ``cut_tokens`` were removed by the limit, ``parts`` is the number of features (windows count singly, and
    overlap). ``text_tokens`` are those that stand for text, of which ``unknown_tokens`` say only that there was some.
    """

    rows: int
    whole: int
    cut: int
    windowed: int
    parts: int
    tokens: int
    cut_tokens: int
    text_tokens: int = 0
    unknown_tokens: int = 0

    @property
    def unknown_share(self) -> float:
        """The share of the text that the model cannot tell from any other unknown text."""
        return self.unknown_tokens / max(self.text_tokens, 1)

    def unknown(self, model: str, extended: bool) -> str:
        """What must be said aloud where the model cannot read much of the text, its vocabulary ``extended`` or not."""
        if self.unknown_share <= UNKNOWN:
            return ""
        still, other = (" still", "give more rows") if extended else ("", "set model.extend_vocab=true")
        return (
            f"{self.unknown_share:.0%} of the training text's tokens are{still} unknown to {model}: it sees that there "
            f"is something, not what; name a model of this language with --model, or {other}"
        )

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
    """Give a split its features, in the order of its examples, in memory.

    Raises DataError with all rows that cannot be encoded, and where a row would give nothing at all.
    """
    features, faults = _features(split, range(len(split.examples)), task, tokenizer, limits, schema)
    if faults:
        raise DataError(limited(gathered(faults, split.name), split.name))
    owners = np.array([feature.index for feature in features], np.int64)
    cut = np.array([feature.cut for feature in features], np.int64)
    account = _account(owners, cut, (np.asarray(feature.ids) for feature in features), tokenizer)
    return Encoded(dataclasses.replace(split, features=tuple(features)), account)


def encode_on_disk(split: Split, task: Task, tokenizer: Any, limits: Limits, schema: Schema) -> Encoded:
    """The same for any number of rows: the features lie in the cache, and are made only where they are not there yet.

    Raises DataError as ``encode`` does.
    """
    place = tokens.place_of(tokens.key(split.content, task, tokenizer, limits, schema))
    batches, faults = [], []
    for number, start in enumerate(range(0, len(split.examples), tokens.SHARD)):
        batch = tokens.load(place, number)
        if batch is None:
            stretch = range(start, min(start + tokens.SHARD, len(split.examples)))
            features, found = _features(split, stretch, task, tokenizer, limits, schema)
            faults += found
            if faults:
                continue  # the rest is looked through for its faults
            batch = tokens.store(place, number, features)
        batches.append(batch)
    if faults:
        raise DataError(limited(gathered(faults, split.name), split.name))
    on_disk = tokens.Tokens(batches)
    account = _account(on_disk.owners, on_disk.cut, on_disk.ids(), tokenizer)
    return Encoded(dataclasses.replace(split, features=on_disk), account)


def _features(
    split: Split, stretch: range, task: Task, tokenizer: Any, limits: Limits, schema: Schema
) -> tuple[list[Features], list[Fault]]:
    """The features of some of a split's examples, and what is wrong with others."""
    features: list[Features] = []
    faults: list[Fault] = []
    for index in stretch:
        example = split.examples[index]
        try:
            parts = task.encode(example, index, tokenizer, limits, schema)
        except DataError as error:
            faults.extend(error.faults)
            continue
        if not parts or not all(len(part.ids) for part in parts):
            faults.append(Fault("nothing is left for the model to see", f"row {example.row}", "give the row a text"))
        features.extend(parts)
    return features, faults


def unknown_id(tokenizer: Any) -> int | None:
    """The id that stands for what is unknown; None where all can be spelt (bytes). GPT-2's ``unk_token`` is unused."""
    model: Any = getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)
    name = getattr(model, "unk_token", None)
    own = model is None or type(model).__name__ == "Unigram"
    number: int | None = tokenizer.unk_token_id if own else model.token_to_id(name) if name else None
    return number


def unknown_shares(split: Split, account: Account, tokenizer: Any) -> list[float]:
    """For each row the share of its text's tokens that the model cannot tell from any other unknown text.

    Nothing is counted, and nothing comes, where the account knows of no such token.
    """
    unknown = unknown_id(tokenizer)
    if unknown is None or not account.unknown_tokens:
        return []
    special = {one for one in tokenizer.all_special_ids if one != unknown}
    counts = np.zeros((len(split.examples), 2))
    for feature in split.features:
        told = [one for one in feature.ids if one not in special]
        counts[feature.index] += told.count(unknown), len(told)
    shares: list[float] = (counts[:, 0] / np.maximum(counts[:, 1], 1)).tolist()
    return shares


def _account(owners: np.ndarray, cut: np.ndarray, ids: Iterable[np.ndarray], tokenizer: Any) -> Account:
    """The account of features by their examples' numbers, the tokens cut from each, and all their token ids."""
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    rows = len(first)
    parts = np.diff(np.append(first, len(owners)))
    shorter = np.add.reduceat(cut > 0, first).astype(bool) if rows else np.zeros(0, bool)
    windowed = int(((parts > 1) & ~shorter).sum())
    unknown = unknown_id(tokenizer)
    special = np.array([one for one in tokenizer.all_special_ids if one != unknown], np.int64)
    counts = np.zeros(3, np.int64)
    for stretch in ids:
        told = ~np.isin(stretch, special)
        counts += len(stretch), told.sum(), 0 if unknown is None else (stretch == unknown).sum()
    total, text, unknowns = counts.tolist()
    return Account(
        rows=rows,
        whole=rows - int(shorter.sum()) - windowed,
        cut=int(shorter.sum()),
        windowed=windowed,
        parts=len(owners),
        tokens=total,
        cut_tokens=int(cut.sum()),
        text_tokens=text,
        unknown_tokens=unknowns,
    )
