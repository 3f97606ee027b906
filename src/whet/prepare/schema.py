"""What training learns of its targets, once every other split is fit to be measured with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from whet.core.errors import DataError, Fault
from whet.prepare.locate import SPLITS
from whet.prepare.tables import gathered
from whet.prepare.targets import is_number, labels_in, number_in, read_targets
from whet.tasks.contract import Example, Schema, Task

IDS, FEW = 0.9, 20
"""A label column of which nine tenths are different, in this many rows, holds names of rows, not classes."""


def learn(splits: Mapping[str, Sequence[Example]], task: Task) -> Schema:
    """The schema of the training rows. Raises DataError with the faults of all splits."""
    held_out = [name for name in SPLITS[1:] if name in splits]
    faults = [fault for name in held_out for fault in unlabelled(splits[name], task, name)]
    schema = None
    try:
        schema = task.learn(splits["train"])
    except DataError as error:
        faults = gathered(error.faults, "train") + faults
    if schema is not None and len(schema.labels) == 1 and all(labels_in(row.target) for row in splits["train"]):
        what = f"every row has the one label '{schema.labels[0]}': there is nothing to learn"
        faults.append(Fault(what, "train", "give rows of at least two labels"))
    if schema is not None:
        faults += [fault for name in held_out for fault in unseen(splits[name], schema, name)]
    if faults or schema is None:
        raise DataError(faults)
    return schema


def sound(examples: Sequence[Example], name: str) -> list[Fault]:
    """What is wrong with the labels of the training rows before any split is made of them.

    Only where each row has one label: of tags and of several labels a row, many may be rare.
    """
    targets = read_targets(examples)
    rows, classes = len(targets), len(np.unique(targets.labels))
    if targets.echoes or rows != len(targets.labels) or (np.diff(targets.starts) != 1).any():
        return []
    numbers = [number for number in map(number_in, targets.names) if number is not None]
    if len(numbers) > 0.95 * classes and any(number % 1 for number in numbers):
        return []  # a scale, and what is no number on it is named by its row
    counting = targets.numbers is not None and set(np.diff(np.sort(targets.numbers))) == {1.0}
    if rows >= FEW and classes > IDS * rows and (counting or targets.numbers is None):
        what = f"{classes} of {rows} labels are different: the column looks like an id, or a text, not a label"
        return [Fault(what, name, "name the column of the labels as data.columns={label: ...}")]
    if targets.is_scale:
        return []
    if classes > 2 and rows < 2 * classes and targets.numbers is None:
        what = f"{rows} rows have {classes} different labels: most would have nothing to be measured with"
        return [Fault(what, name, "give two rows of each label at least, or merge labels")]
    return []


def is_unlabelled(examples: Iterable[Example]) -> bool:
    """Whether no row has its target: such rows can be predicted, but nothing is measured with them."""
    return all(example.target is None for example in examples)


def unlabelled(examples: Sequence[Example], task: Task, split: str) -> list[Fault]:
    """Rows that cannot be measured with, since nobody knows what they should be."""
    rows = [example.row for example in examples if example.target is None]
    role = next((column.role for column in task.columns if column.target and column.required), None)
    if role is None or not rows:
        return []
    cure = f"fill it in, or give a {split} file without them; rows without one are for whet predict"
    return [Fault(f"{len(rows)} rows have no {role}: {_some(rows)}", split, cure)]


def unseen(examples: Sequence[Example], schema: Schema, split: str) -> list[Fault]:
    """Targets that the schema has no place for: labels unseen in training, lists for one label, words on a scale."""
    rows: dict[str, list[int]] = {}
    lists: list[int] = []
    known = {_entity(label) for label in schema.labels}
    for example in examples:
        if schema.kind in ("single", "binary") and isinstance(example.target, tuple):
            lists.append(example.row)
            continue
        for label in labels_in(example.target):
            if _entity(label) not in known if known else schema.scale and not is_number(label):
                rows.setdefault(label, []).append(example.row)
    if not known:
        cure = "mend the row, or set task.kind=single"
        return [Fault(f"the target '{x}' is no number: {_some(found)}", split, cure) for x, found in rows.items()]
    what, cure = "the label is a list, and training has one label a row", "give one label, or set task.kind=multi"
    faults = [Fault(f"{what}: {_some(lists)}", split, cure)] if lists else []
    seen = ", ".join(schema.labels[:20])
    cure = "mend the label, or add training rows that have it"
    return faults + [
        Fault(f"the label '{label}' is not among those seen in training ({seen}): {_some(found)}", split, cure)
        for label, found in rows.items()
    ]


def _entity(label: str) -> str:
    """A tag without its place in the entity: a test set may begin one that training only goes on with."""
    return label[2:] if label[:2] in ("B-", "I-", "E-", "M-", "S-", "L-", "U-") else label


def _some(rows: Sequence[int]) -> str:
    return f"rows {', '.join(map(str, rows[:10]))}" + (f" and {len(rows) - 10} more" if len(rows) > 10 else "")
