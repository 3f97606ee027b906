"""What a user may say about the data and about long texts: the recipe's ``data`` and ``encode`` sections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

Count = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class DataOptions:
    """Which files are read, which columns play which part, and how missing splits are made."""

    train: str | None = None
    """File with the training rows; null takes DATA itself, or the one in that folder that is named train."""
    validation: str | None = None
    """File with the rows that choose the best weights; null takes dev, val or valid in DATA, or splits."""
    test: str | None = None
    """File with the rows that measure the model once, at the end; null searches the folder, else splits."""
    columns: dict[str, str] = field(default_factory=dict)
    """Which column plays which role, as in {text: review}; roles not named are inferred, and said aloud."""
    on_bad_row: Literal["error", "skip"] = "error"
    """What a row that cannot be read or understood does: stop the run, with all faults named, or be left out, counted
    and said aloud; stopping is the default, for rows that go missing shift what is measured."""
    max_rows: Count | None = None
    """At most so many rows of each split, stratified and seeded, for a quick trial; null keeps all."""
    on_leak: Literal["error", "drop", "allow"] = "error"
    """Test rows that stand in training too, exactly or nearly: an error above 1 % of them, for they measure memory, not
    skill (Lee et al. 2022); drop takes them out of training, allow keeps them and scores without them too."""
    mix: dict[str, Annotated[float, Gt(0)]] = field(default_factory=dict)
    """Further files of training rows, each with its weight, as in {more.csv: 0.5}: 1 takes every row once, 0.5 half of
    them, 2 all twice. DATA's own rows count 1, and splits that are missing are drawn from them alone."""
    weight_column: str | None = None
    """Column with each row's weight in the loss, a number above 0; null counts every row once."""
    fold: tuple[int, int] | None = None
    """Measure on one of k parts of the training rows and train on the others, as in [0, 5] on the first of five: one
    of the runs that evaluate.folds makes; null splits as split_fractions says."""
    share: Annotated[float, Gt(0), Lt(1)] | None = None
    """Train on so much of the training rows, stratified, every label kept, smaller shares inside larger ones: one of
    the runs that evaluate.curve makes; null trains on all."""
    split_fractions: tuple[float, float] = (0.1, 0.1)
    """Shares of the rows taken for a missing validation and a missing test split; a tenth each is custom.
    0 for validation goes without."""


@dataclass(frozen=True)
class EncodeOptions:
    """How texts become tokens, and what happens to the ones that are too long."""

    max_tokens: Count | None = None
    """Longest input in tokens; null takes the model's own limit, at most 256 (all-MiniLM-L6-v2's own) or 1024 for
    language models (GPT-2's, Radford et al. 2019): the cost of attention grows with the square of the length."""
    long_text: Literal["head", "head_tail", "windows", "refuse"] | None = None
    """What a longer text becomes: its head, head and tail (Sun et al. 2019), overlapping windows, an error;
    null takes head where the whole text has one answer and windows where every word has one."""
