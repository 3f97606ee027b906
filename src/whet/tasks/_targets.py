"""What a classified text's target is: its kind, its labels' order, and what the loss reads of it.

A target is a label's name, a sorted tuple of names, or a number; under ``kind: auto`` a number is still a
text until the training rows have shown that there is a scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whet.core.errors import DataError
from whet.tasks._reading import read_number, refuse, refuse_all
from whet.tasks.contract import Example, Prediction, Schema

SCALE_AT = 100
"""More different whole numbers than this are a scale: numbered labels are mostly fewer, or the kind is named."""


def infer_kind(counts: Mapping[Any, int]) -> str:
    """The kind of targets that come so often."""
    if any(isinstance(target, tuple) for target in counts):
        return "multi"
    numbers = {target: number for target in counts if (number := read_number(target)) is not None}
    rows, whole = sum(counts.values()), sum(counts[target] for target in numbers)
    if whole > 0.95 * rows and not all(number.is_integer() for number in numbers.values()):
        return "regression"
    return "regression" if whole == rows and len(set(numbers.values())) > SCALE_AT else "single"


def label_order(label: str) -> tuple[int, float, str]:
    number = read_number(label)
    return (1, 0.0, label) if number is None else (0, number, label)


def set_of(target: Any) -> tuple[str, ...]:
    return target if isinstance(target, tuple) else (str(target),)


def not_one(example: Example) -> DataError:
    return refuse(example.row, f"the label {example.target!r} is not one label", "set task.kind=multi")


def number_of(example: Example) -> float:
    return numbers_of([example])[0]


def numbers_of(examples: Sequence[Example]) -> list[float]:
    """The targets as numbers. Raises DataError with all rows that have none."""
    found = [read_number(example.target) for example in examples]
    wrong = [
        (example.row, f"the target {example.target!r} is not a number, the others are")
        for example, number in zip(examples, found, strict=True)
        if number is None
    ]
    if wrong:
        raise refuse_all(wrong, "mend the row, or set task.kind=single")
    return [number for number in found if number is not None]


def learnable(example: Example, schema: Schema) -> tuple[Any, float]:
    """What the loss reads and its weight; (None, 0) where the row has no target that the model can learn."""
    if example.target is None:
        return None, 0.0
    if schema.kind == "regression":
        mean, deviation = schema.scale or (0.0, 1.0)
        return [(number_of(example) - mean) / deviation], example.weight
    if schema.kind == "multi":
        return [float(label in set_of(example.target)) for label in schema.labels], example.weight
    if example.target not in schema.labels:
        return None, 0.0
    place = schema.labels.index(example.target)
    weight = example.weight * (schema.class_weights[place] if schema.class_weights else 1.0)
    return ([float(place)], weight) if schema.kind == "binary" else (place, weight)


def two_sided(logits: np.ndarray, schema: Schema) -> np.ndarray:
    """One sigmoid logit z as the two logits (0, z), whose softmax is the same probability."""
    return np.stack([np.zeros_like(logits[..., 0]), logits[..., 0]], -1) if schema.kind == "binary" else logits


def carriers(counts: Mapping[Any, int]) -> Counter[str]:
    """How many rows carry each label, where so many have each target."""
    found: Counter[str] = Counter()
    for target, rows in counts.items():
        found.update(dict.fromkeys(set_of(target), rows))
    return found


def usual_answer(targets: Mapping[Any, int], schema: Schema) -> Prediction:
    """The answer of whoever knows only how many rows have each target: the most frequent label, or all that most rows
    carry.

    Its logits are the shares' own (add-one smoothed, so that no label is impossible).
    """
    carried, rows = carriers(targets), sum(targets.values())
    shares = {label: carried[label] / rows for label in schema.labels}
    first = max(schema.labels, key=lambda label: shares[label])
    usual = [label for label in schema.labels if shares[label] >= 0.5] or [first]
    counts = np.array([carried[label] for label in schema.labels]) + 1.0
    if schema.kind == "multi":
        return Prediction(usual, shares, tuple(np.log(counts / (rows + 2 - counts)).tolist()))
    logits = np.log(counts / counts.sum())
    raw = logits[1:] - logits[:1] if schema.kind == "binary" else logits
    return Prediction(first, shares, tuple(raw.tolist()))
