"""Sort texts: one label, several labels, a pair of texts, or a number on a scale.

The variant is read off the training rows unless ``kind`` names it: JSON lists are several labels, numbers
with a fraction, or more different whole numbers than 100, are a scale (regression), everything else is one label a row.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from whet.core.errors import DataError, UsageError
from whet.metrics import calibration, multilabel
from whet.metrics.scores import Scores
from whet.tasks import _answers, _judging, _remarks
from whet.tasks._cutting import fit
from whet.tasks._reading import (
    is_missing,
    read_label,
    read_list,
    read_number,
    read_text,
    read_weight,
    refuse,
    refuse_all,
    refuse_no_names,
)
from whet.tasks._targets import (
    carriers,
    infer_kind,
    label_order,
    learnable,
    not_one,
    number_of,
    numbers_of,
    two_sided,
    usual_answer,
)
from whet.tasks.contract import (
    Batch,
    Column,
    Example,
    Features,
    Finding,
    Head,
    Limits,
    Pair,
    Part,
    Prediction,
    Sample,
    Schema,
    Split,
    Task,
)

if TYPE_CHECKING:
    import torch

    from whet.nn.packed import Engine

PROBLEMS = {
    "single": "single_label_classification",
    "binary": "multi_label_classification",
    "multi": "multi_label_classification",
    "regression": "regression",
}
"""transformers' own word for each kind, so that a plain head computes the same loss."""


@dataclass(frozen=True)
class TextClassification(Task):
    """Sort texts: one label, several labels, a pair of texts, or a number on a scale."""

    kind: Literal["auto", "single", "multi", "regression"] = "auto"
    """What a target is; ``auto`` reads it off the training rows, for their form mostly tells: lists are ``multi``,
    fractions or more than 100 different whole numbers ``regression``, all else ``single``."""
    objective: Literal["softmax", "sigmoid"] = "softmax"
    """Cross-entropy over a logit a label; ``sigmoid``: the classical derivation, one logit for two labels."""
    delimiter: str = ","
    """What separates several labels in one cell under ``kind: multi``; JSON lists need none, and "" is none."""
    class_weights: Literal["none", "auto", "sqrt"] = "none"
    """``none``: every row counts alike, so that probabilities follow the labels' own shares; weights bend them towards
    rare labels. ``auto``: rows / (classes x rows of the class), scikit-learn's ``balanced``; ``sqrt``: its root."""
    label_smoothing: float = 0.0
    """The share of the target spread over all labels (Szegedy et al. 2016); 0, as it bends probabilities."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("text", ("text", "sentence", "text_a", "sentence1", "question", "review", "content", "premise")),
        Column("text_pair", ("text_pair", "text_b", "sentence2", "hypothesis", "answer"), required=False),
        Column("label", ("label", "labels", "target", "class", "category", "score", "sentiment"), target=True),
        Column("weight", (), required=False),
    )

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(f"label_smoothing={self.label_smoothing} is not in [0, 1)", "task.label_smoothing")

    def parse(self, row: Mapping[str, Any], number: int) -> Example:
        text = read_text(row, "text", number)
        pair = () if is_missing(row.get("text_pair")) else (read_text(row, "text_pair", number),)
        return Example(number, (text, *pair), self._target(row.get("label"), number), read_weight(row, number))

    def learn(self, examples: Sequence[Example]) -> Schema:
        targets = Counter(example.target for example in examples)
        if None in targets:
            unknown = [(example.row, "the label is empty") for example in examples if example.target is None]
            raise refuse_all(unknown, "fill it in, or delete the row")
        if not targets:
            raise DataError("there are no training rows")
        kind = self.kind if self.kind != "auto" else infer_kind(targets)
        if kind == "regression":
            values = np.array(numbers_of(examples))
            return Schema(kind, scale=(float(values.mean()), float(values.std()) or 1.0))
        if kind == "single" and not all(isinstance(target, str) for target in targets):
            raise next(not_one(example) for example in examples if not isinstance(example.target, str))
        counts = carriers(targets)
        labels = tuple(sorted(counts, key=label_order))
        if not labels or (kind == "single" and len(labels) == 1):
            raise DataError(
                f"the training rows have {len(labels)} different labels",
                cure="give rows of at least two, or name the label column with data.columns.label",
            )
        if self.objective == "sigmoid" and kind == "single":
            if len(labels) != 2:
                raise DataError(
                    f"objective=sigmoid needs two labels, the rows have {len(labels)}",
                    "task.objective",
                    "use softmax",
                )
            kind = "binary"
        return Schema(kind, labels, self._weights([counts[label] for label in labels], len(examples), kind))

    def encode(self, example: Example, index: int, tokenizer: Any, limits: Limits, schema: Schema) -> list[Features]:
        pieces = fit(tokenizer, example.inputs, limits, example.row)
        target, weight = learnable(example, schema)
        return [
            Features(
                index,
                piece.ids,
                target,
                supervised=weight / len(pieces),
                part=part,
                kinds=piece.kinds,
                span=piece.span,
                weight=weight / len(pieces),
                cut=piece.cut,
            )
            for part, piece in enumerate(pieces)
        ]

    def head(self, schema: Schema) -> Head:
        labels = {"regression": (), "binary": schema.labels[1:]}.get(schema.kind, schema.labels)
        return Head("sequence", max(1, len(labels)), PROBLEMS[schema.kind], labels)

    def loss(self, model: Engine, batch: Batch, schema: Schema) -> torch.Tensor:
        import torch
        from torch.nn import functional as F

        logits_bk: torch.Tensor = model.sequence(batch.flat)
        weight_b = logits_bk.new_tensor([feature.supervised for feature in batch.features])
        known = [feature.target if feature.supervised else None for feature in batch.features]
        if schema.kind == "single":
            target_b = torch.tensor([0 if one is None else one for one in known], device=logits_bk.device)
            each_b = F.cross_entropy(logits_bk, target_b, reduction="none", label_smoothing=self.label_smoothing)
            return (each_b * weight_b).sum()
        outputs = logits_bk.shape[1]
        target_bk = logits_bk.new_tensor([[0.0] * outputs if one is None else one for one in known])
        if schema.kind == "regression":
            return ((logits_bk - target_bk).square().mean(1) * weight_b).sum()
        smooth_bk = target_bk * (1 - self.label_smoothing) + self.label_smoothing / 2
        rare = schema.class_weights if schema.kind == "multi" else None
        positive = logits_bk.new_tensor(rare) if rare else None
        each_bk = F.binary_cross_entropy_with_logits(logits_bk, smooth_bk, reduction="none", pos_weight=positive)
        return (each_bk.mean(1) * weight_b).sum()

    def decode(self, model: Engine, batch: Batch, schema: Schema) -> list[Part]:
        logits_bk = model.sequence(batch.flat).cpu().double().numpy()
        return [
            Part(feature.index, feature.part, logits_k, feature.span)
            for feature, logits_k in zip(batch.features, logits_bk, strict=True)
        ]

    def gather(self, parts: Sequence[Part], schema: Schema) -> Prediction:
        logits = np.mean([part.raw for part in parts], axis=0)
        raw = tuple(map(float, logits))
        if schema.kind == "regression":
            mean, deviation = schema.scale or (0.0, 1.0)
            return Prediction(raw[0] * deviation + mean, None, raw)
        if schema.kind == "multi":
            chances = calibration.sigmoid(logits, schema.temperature)
            limits = schema.thresholds or (0.5,) * len(raw)
            given = [label for label, p, t in zip(schema.labels, chances, limits, strict=True) if p > t]
            return Prediction(given, dict(zip(schema.labels, map(float, chances), strict=True)), raw)
        chances = calibration.softmax(two_sided(logits, schema), schema.temperature)
        answer = schema.labels[int(np.argmax(chances))]
        return Prediction(answer, dict(zip(schema.labels, map(float, chances), strict=True)), raw)

    def score(self, pairs: Sequence[Pair], schema: Schema) -> Scores:
        return _judging.scores(pairs, schema)

    def metric(self, schema: Schema) -> str:
        if schema.kind == "regression":
            return "spearman"
        if schema.kind == "multi":
            return "f1_micro"
        return "accuracy" if self.class_weights == "none" else "f1_macro"

    def baseline(self, train: Split, test: Split, schema: Schema) -> list[Prediction]:
        """The mean, the most frequent label, or the labels that most rows carry (at least one)."""
        if schema.kind == "regression":
            constant = float(np.mean([number_of(example) for example in train.examples]))
            mean, deviation = schema.scale or (0.0, 1.0)
            return [Prediction(constant, None, ((constant - mean) / deviation,))] * len(test.examples)
        return [usual_answer(Counter(example.target for example in train.examples), schema)] * len(test.examples)

    def quality(self, pair: Pair, schema: Schema) -> float:
        return _judging.quality(pair, schema)

    def findings(self, pairs: Sequence[Pair], schema: Schema) -> list[Finding]:
        return _remarks.findings(pairs, schema)

    def tune(self, pairs: Sequence[Pair], schema: Schema) -> Schema:
        """Fit the temperature (None where it cannot be told), and with several labels their thresholds, on validation.

        Several labels have one temperature: each decides between the logits 0 and its own.
        """
        if not pairs or schema.kind == "regression":
            return schema
        answers = _answers.read(pairs, schema)
        labels = len(schema.labels)
        if answers.logits is None:
            return schema
        if schema.kind == "multi":
            there, own = answers.true[:, :labels], answers.logits.reshape(-1)
            fitted = calibration.fit_temperature(np.stack([np.zeros_like(own), own], -1), there.reshape(-1).astype(int))
            found = multilabel.best_thresholds(there, calibration.sigmoid(answers.logits, fitted))
            return dataclasses.replace(schema, thresholds=tuple(map(float, found)), temperature=fitted)
        known = answers.true < labels
        if not known.any():
            return schema
        fitted = calibration.fit_temperature(two_sided(answers.logits[known], schema), answers.true[known])
        return dataclasses.replace(schema, temperature=fitted)

    def settled(self, schema: Schema) -> Task:
        """The kind that was read off the rows, so that other rows are read as these were."""
        if self.kind != "auto":
            return self
        if schema.kind == "multi":
            return dataclasses.replace(self, kind="multi", delimiter="")  # under auto only lists were taken apart
        return dataclasses.replace(self, kind="regression" if schema.kind == "regression" else "single")

    def guesses(self, schema: Schema) -> list[str]:
        if self.kind != "auto" or schema.kind != "regression":
            return []
        return ["the targets are read as numbers on a scale; if they are names of labels, set task.kind=single"]

    @classmethod
    def sample(cls) -> tuple[Task, Sample]:
        rows = (
            {"text": "A warm, funny film 😀", "label": "good"},
            {"text": "这部电影太无聊了", "label": "bad"},
            {"text": "Two hours that I want back", "label": "bad"},
            {"text": "I laughed until I cried", "label": "good"},
        )
        right = tuple(row["label"] for row in rows)
        return cls(), Sample(rows, {"text": "  ", "label": "good"}, right, ("bad", "good", "good", "good"))

    def _target(self, value: Any, number: int) -> Any:
        if is_missing(value):
            return None
        if self.kind == "regression":
            found = read_number(value)
            if found is None:
                raise refuse(number, f"the target {value!r} is not a number", "give a finite number")
            return read_label(value)  # as under auto, lest a settled recipe draw its splits from other targets
        many = None if self.kind == "single" else read_list(value)
        if many is None and self.kind == "multi":
            parts = str(value).split(self.delimiter) if self.delimiter else [value]
            many = [part for part in parts if not is_missing(part)]
        if many is not None:
            refuse_no_names(many, "label", number)
            return tuple(sorted(set(map(read_label, many))))
        if isinstance(value, (list, dict)):
            raise refuse(number, f"the label {value!r} is not one label", "give one, or set task.kind=multi")
        return read_label(value)

    def _weights(self, counts: Sequence[int], rows: int, kind: str) -> tuple[float, ...] | None:
        if self.class_weights == "none":
            return None
        many = kind == "multi"  # there a weight sets a label's rows against the rows without it
        found = [max(rows - n, 1) / n if many else rows / (len(counts) * n) for n in counts]
        return tuple(weight if self.class_weights == "auto" else weight**0.5 for weight in found)
