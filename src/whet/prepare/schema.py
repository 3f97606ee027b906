"""What training learns of its targets, once every other split is fit to be measured with it.

Whatever is wrong with a target is named by its file and row, as the user wrote them, all at once.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whet.core.errors import DataError, Fault, nearest
from whet.prepare.kept import Lazy
from whet.prepare.locate import SPLITS
from whet.prepare.parsed import Parsed, Spot, faults_at, target_of
from whet.prepare.tables import SHOWN, limited
from whet.prepare.targets import Targets, is_number, labels_in, number_in, read_targets
from whet.tasks.contract import Example, Schema, Task

IDS, FEW = 0.9, 20
"""A label column of which nine tenths are different, in this many rows, holds names of rows, not classes."""


def learn(splits: Mapping[str, Parsed], task: Task) -> tuple[Schema, list[str]]:
    """The schema of the training rows, and what of them must be said aloud. Raises DataError with the faults of all
    splits."""
    held_out = [name for name in SPLITS[1:] if name in splits]
    schema, faults, said = _learnt(splits["train"], task)
    faults += [fault for name in held_out for fault in unlabelled(splits[name], task, name)]
    if schema is not None:
        faults += [fault for name in held_out for fault in unseen(splits[name], schema)]
    if faults or schema is None:
        raise DataError(faults)
    return schema, said


def _learnt(train: Parsed, task: Task) -> tuple[Schema | None, list[Fault], list[str]]:
    """The schema, where there is one, what is wrong with the training rows' targets, and what must be said of them."""
    try:
        schema = task.learn(train.examples)
    except DataError:
        only = _only_target(train)
        return None, [_constant(train, only, task)] if isinstance(only, str) else _located(train, task), []
    only = _only_target(train, bool(schema.scale)) if schema.scale or schema.kind == "multi" else None
    if only is not None and only != ():
        return schema, [_constant(train, only, task)], []
    faults, said = _forms(train) if schema.kind == "multi" else ([], [])
    return schema, faults, said


def _only_target(train: Parsed, as_number: bool = False) -> Any:
    """The target that every row has; None where they differ."""
    targets = (number_in(one.target) if as_number else one.target for one in train.examples)
    first = next(targets, None)
    return first if all(target == first for target in targets) else None


def _constant(train: Parsed, target: Any, task: Task) -> Fault:
    role, shown = target_of(task), f"{target:g}" if isinstance(target, float) else ", ".join(labels_in(target))
    what = f"every row has the one {role} '{shown}': there is nothing to learn"
    cure = (
        f"give rows with other {role}s too (a file that is sorted by them may have been cut off), "
        f"or name the right column: data.columns.{role}=NAME"
    )
    return Fault(what, _files(train), cure)


def _located(train: Parsed, task: Task) -> list[Fault]:
    """What the task refuses to learn from, with the places of its rows.

    It is asked once more, with the rows counted through: in a mixture of files two may have one number.
    """

    def counted(start: int, stop: int) -> list[Example]:
        return [dataclasses.replace(one, row=n) for n, one in enumerate(train.examples[start:stop], start + 1)]

    faults: dict[Fault, None] = {}
    try:
        task.learn(Lazy(len(train), counted))
    except DataError as error:
        for fault in error.faults:
            row = re.fullmatch(r"row (\d+)", fault.where)
            where = str(train.spots[int(row[1]) - 1]) if row else fault.where or _files(train)
            faults[dataclasses.replace(fault, where=where)] = None
    return list(faults)


def _files(part: Parsed) -> str:
    return ", ".join(dict.fromkeys(spot.file for spot in part.spots))


def _forms(train: Parsed) -> tuple[list[Fault], list[str]]:
    """Labels that stand alone among lists of them: a list of one each where the lists know them, else a slip."""
    alone = [place for place, example in enumerate(train.examples) if not isinstance(example.target, tuple)]
    lists = len(train) - len(alone)
    if not alone or not lists:
        return [], []
    known = {label for example in train.examples if isinstance(example.target, tuple) for label in example.target}
    if {train.examples[place].target for place in alone} <= known:
        said = f"{len(alone)} of {len(train)} training rows have one label, not a list; lists of other rows name it too"
        return [], [f"{said}: it is read as a list of one"]
    cure = 'write all labels as lists (["good"]), or one a row; task.kind=multi reads one alone as a list'
    if lists < len(alone):
        listed = sorted(set(range(len(train))) - set(alone))
        what, odd = f"the label is a list, and {len(alone)} other rows have one label each", listed
    else:
        what, odd = f"the label stands alone, and {lists} other rows have lists of them", alone
    return faults_at(what, [train.spots[place] for place in odd], cure), []


def sound(parsed: Mapping[str, Parsed], task: Task, columns: Mapping[str, str]) -> list[Fault]:
    """What is wrong with the labels of the training rows before any split is made of them; then also which rows of the
    user's own splits have none."""
    role = target_of(task)
    if role is None:
        return []
    targets = read_targets(parsed["train"].examples)
    faults = _without(parsed["train"], np.flatnonzero(targets.prints == 0).tolist(), role, "train")
    faults = faults or odd_labels(targets, role, columns.get(role, role), parsed["train"].spots[0].file)
    if faults:
        faults += [fault for name in SPLITS[1:] if name in parsed for fault in unlabelled(parsed[name], task, name)]
    return faults


def odd_labels(targets: Targets, role: str, column: str, where: str) -> list[Fault]:
    """Why the labels cannot be labels, or cannot be measured.

    Only where each row has one label: of tags and of several labels a row, many may be rare.
    """
    rows, classes = len(targets), len(np.unique(targets.labels))
    if targets.echoes or rows != len(targets.labels) or (np.diff(targets.starts) != 1).any():
        return []
    numbers = [number for number in map(number_in, targets.names) if number is not None]
    if len(numbers) > 0.95 * classes and any(number % 1 for number in numbers):
        return []  # a scale, and what is no number on it is named by its row
    counting = targets.numbers is not None and set(np.diff(np.sort(targets.numbers))) == {1.0}
    named = f"data.columns.{role}=NAME"
    if rows >= FEW and classes > IDS * rows and (counting or targets.numbers is None):
        what = f"{classes} of {rows} labels in the column '{column}' are different: it looks like an id, or a text"
        return [Fault(what, where, f"name the right column: {named}")]
    if targets.is_scale:
        return []
    if classes > 2 and rows < 2 * classes and targets.numbers is None:
        what = f"{rows} rows have {classes} different labels: most would have nothing to be measured with"
        cure = f"give two rows of each at least, or merge labels; if '{column}' is another column than meant: {named}"
        return [Fault(what, where, cure)]
    return []


def unlabelled(part: Parsed, task: Task, split: str) -> list[Fault]:
    """Rows of the user's own splits that nothing can be measured with, since nobody knows what they should be."""
    role = target_of(task)
    if role is None:
        return []
    return _without(part, [place for place, one in enumerate(part.examples) if one.target is None], role, split)


def _without(part: Parsed, places: Sequence[int], role: str, split: str) -> list[Fault]:
    cure = f"fill it in, or give a {split} file without such rows; they are for whet predict"
    if split == "train":
        cure = f"fill it in, or delete the row; where another column has them: data.columns.{role}=NAME"
    return faults_at(f"the row has no {role}", [part.spots[place] for place in places], cure)


def unseen(part: Parsed, schema: Schema) -> list[Fault]:
    """Targets that the schema has no place for: labels unseen in training, lists for one label, words on a scale."""
    places: dict[str, list[Spot]] = {}
    lists: list[Spot] = []
    known = {_entity(label) for label in schema.labels}
    for place, example in enumerate(part.examples):
        if schema.kind in ("single", "binary") and isinstance(example.target, tuple):
            lists.append(part.spots[place])
            continue
        for label in labels_in(example.target):
            if _entity(label) not in known if known else schema.scale and not is_number(label):
                places.setdefault(label, []).append(part.spots[place])
    what, cure = "the label is a list, and training has one label a row", "give one label, or set task.kind=multi"
    faults = faults_at(what, lists, cure)
    for label, spots in places.items():
        if known:
            faults += faults_at(_strange(label, schema), spots, _instead(label, schema))
        else:
            what = f"the target '{label}' is no number, and training has a scale"
            faults += faults_at(what, spots, "mend the row, or set task.kind=single")
    return limited(faults, _files(part)) if len(faults) > SHOWN else faults


def _strange(label: str, schema: Schema) -> str:
    more = f" and {len(schema.labels) - SHOWN} more" if len(schema.labels) > SHOWN else ""
    return f"the label '{label}' is not among those seen in training ({', '.join(schema.labels[:SHOWN])}{more})"


def _instead(label: str, schema: Schema) -> str:
    cure, close = "mend the label, or add training rows that have it", nearest(label, schema.labels)
    return f"{close} {cure}" if close.startswith("did you mean") else cure


def _entity(label: str) -> str:
    """A tag without its place in the entity: a test set may begin one that training only goes on with."""
    return label[2:] if label[:2] in ("B-", "I-", "E-", "M-", "S-", "L-", "U-") else label
