"""What a task must answer: what a row means, what the model sees, its loss, its answer and its score.

Everything that knows about one kind of task stands in that task's one file; the reader, the training loop,
the predictor and the report only ask the questions below.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from whet.core.shelf import Shelf

if TYPE_CHECKING:
    import torch

    from whet.metrics.scores import Scores
    from whet.nn.packed import Engine, Flat

LongText = Literal["head", "head_tail", "windows", "refuse"]


@dataclass(frozen=True)
class Column:
    """One column that a task reads: its role, the names that users give it, and whether it must be there.

    ``weight`` has no aliases: many tables have a column of that name that weighs no rows, so the user names it.
    """

    role: str
    aliases: tuple[str, ...]
    required: bool = True
    target: bool = False


@dataclass(frozen=True)
class Example:
    """A parsed row. ``row`` counts its split's data rows from 1; ``target`` is None where it is unknown."""

    row: int
    inputs: tuple[str, ...]
    target: Any = None
    weight: float = 1.0


@dataclass(frozen=True)
class Schema:
    """What is learnt from the training rows and travels with the model.

    ``labels`` stand in the order of the logits; ``kind`` is the task's own variant (``single``, ``multi``,
    ...); ``class_weights`` follow the labels; ``thresholds`` (several labels) and ``temperature`` are fitted
    on validation (None where nothing is, or where its rows cannot tell); ``scale`` is the (mean, deviation) of a
    real-valued target.
    """

    kind: str = ""
    labels: tuple[str, ...] = ()
    class_weights: tuple[float, ...] | None = None
    thresholds: tuple[float, ...] | None = None
    temperature: float | None = None
    scale: tuple[float, float] | None = None


@dataclass(frozen=True)
class Limits:
    """How long an input may be, in tokens with the special ones, and what happens to a longer one."""

    max_tokens: int
    long_text: LongText


@dataclass(frozen=True, slots=True)
class Features:
    """What the model sees of one example, or of one window of it.

    ``index`` is the example's place in its split (from 0), ``part`` the window's number, ``span`` the
    half-open range of the example's units (characters or words, as the task counts) that this part covers,
    ``target`` what the loss reads, ``supervised`` the weight of the supervised targets in it: a step's loss
    is the sum of losses over the sum of these. ``cut`` counts tokens that the length limit removed. ``states``
    ``[l, D]`` are those that go into the first block that moves, where they were computed before.
    """

    index: int
    ids: Sequence[int]
    target: Any = None
    supervised: float = 0.0
    part: int = 0
    kinds: Sequence[int] | None = None
    span: tuple[int, int] = (0, 0)
    weight: float = 1.0
    cut: int = 0
    states: torch.Tensor | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Batch:
    """A micro-batch: the features, and the same as one flat row of tokens (T tokens of B features)."""

    features: tuple[Features, ...]
    flat: Flat

    @property
    def supervised(self) -> float:
        return sum(feature.supervised for feature in self.features)


@dataclass(frozen=True)
class Head:
    """The output that a task needs from transformers: one row an example, one a token, or the vocabulary."""

    kind: Literal["sequence", "token", "causal", "masked"]
    outputs: int = 0
    problem: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The model's raw output for one Features: a numpy array of logits or of sums, as the task decodes."""

    index: int
    part: int
    raw: Any
    span: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Prediction:
    """An answer: ``answer`` and ``probabilities`` are plain JSON values, ``raw`` the logits behind them.

    ``details`` are further plain values that belong to the answer, by name, such as the entities in a
    tagging.
    """

    answer: Any
    probabilities: Mapping[str, float] | None = None
    raw: Any = field(default=None, compare=False)
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Pair:
    """An example and the answer given to it."""

    example: Example
    prediction: Prediction


@dataclass(frozen=True)
class Split:
    """The rows of one split: examples in the file's order, and their features.

    Both may be lazy: items made anew when they are asked for, so walk through them in order, and few times.
    ``content`` is a hash of the examples where somebody wants to know them again.
    """

    name: str
    examples: Sequence[Example]
    features: Sequence[Features] = ()
    content: str = field(default="", compare=False)


@dataclass(frozen=True)
class Finding:
    """One sentence of the report, with its evidence; ``rows`` are numbers in the test split, or in the split that each
    of ``splits`` names."""

    kind: Literal[
        "strength",
        "weakness",
        "slice",
        "confusion",
        "calibration",
        "label_error",
        "leak",
        "folds",
        "retention",
        "next",
    ]
    text: str
    rows: tuple[int, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    splits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A task's smallest honest instance for the contract suite: rows that parse and one that is refused.

    ``right`` holds the answer that an oracle gives to each row, ``wrong`` a worse one.
    """

    rows: tuple[Mapping[str, Any], ...]
    broken: Mapping[str, Any]
    right: tuple[Any, ...] = ()
    wrong: tuple[Any, ...] = ()


class Task(ABC):
    """A kind of work. An entry is a frozen dataclass whose fields are its options."""

    columns: ClassVar[tuple[Column, ...]]

    @abstractmethod
    def parse(self, row: Mapping[str, Any], number: int) -> Example:
        """Make sense of a row whose keys are roles. Raises DataError with its number where it cannot."""

    @abstractmethod
    def learn(self, examples: Sequence[Example]) -> Schema:
        """Read labels and variant off the training rows. Raises DataError where nothing can be learnt."""

    @abstractmethod
    def encode(self, example: Example, index: int, tokenizer: Any, limits: Limits, schema: Schema) -> list[Features]:
        """What the model sees: one Features, or several where the text is longer than the limit."""

    @abstractmethod
    def head(self, schema: Schema) -> Head:
        """The output that the model must have."""

    @abstractmethod
    def loss(self, model: Engine, batch: Batch, schema: Schema) -> torch.Tensor:
        """The weighted SUM of the losses over the batch's supervised targets, a float32 scalar."""

    @abstractmethod
    def decode(self, model: Engine, batch: Batch, schema: Schema) -> list[Part]:
        """The raw output, one Part a Features, in the batch's order; called without gradients."""

    @abstractmethod
    def gather(self, parts: Sequence[Part], schema: Schema) -> Prediction:
        """One answer from the parts of one example, which come in order."""

    @abstractmethod
    def score(self, pairs: Sequence[Pair], schema: Schema) -> Scores:
        """The field's metrics over answered rows; every pair has a target."""

    @abstractmethod
    def metric(self, schema: Schema) -> str:
        """The name of the metric that chooses the best weights."""

    @abstractmethod
    def baseline(self, train: Split, test: Split, schema: Schema) -> list[Prediction]:
        """The answers of a predictor that reads no text, such as the most frequent label."""

    @abstractmethod
    def findings(self, pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
        """The task's own error analysis: strengths and weaknesses with the numbers behind them."""

    @classmethod
    @abstractmethod
    def sample(cls) -> tuple[Task, Sample]:
        """The smallest honest instance, for the contract suite."""

    def quality(self, pair: Pair, schema: Schema) -> float:
        """How good one answer is by itself, more being better; NaN where it says nothing. Slices are compared by it.

        By default 1 for the target itself and 0 for anything else.
        """
        return float(pair.prediction.answer == pair.example.target)

    def tune(self, pairs: Sequence[Pair], schema: Schema) -> Schema:
        """Fit what is fitted on validation after training (thresholds); by default nothing."""
        return schema

    def settled(self, schema: Schema) -> Task:
        """The same task with what was read off the training rows written down, so that a recipe leaves nothing open."""
        return self

    def guesses(self, schema: Schema) -> list[str]:
        """What was read off the training rows and may have been misread, to be said aloud; by default nothing."""
        return []

    def describe(self, features: Features) -> list[int]:
        """Which of a feature's tokens are supervised, for ``whet plan --show``; by default none."""
        return []


TASKS: Shelf[Task] = Shelf("whet.tasks", Task, "task")  # type: ignore[type-abstract]
