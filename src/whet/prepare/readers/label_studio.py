"""Label Studio's JSON export: texts with choices, or with marked spans.

Choices become ``label`` (where several groups of choices are asked for, each has its own column), spans
become ``tokens`` and ``tags``, beside ``text`` and ``spans``. Of several annotations the one marked as ground
truth counts, else the first that was not cancelled; where others differ from it, that is said. What else a
task has in its data stays as it is; predictions, relations and other results are not read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers import _spans
from whet.prepare.readers._objects import made_of, objects
from whet.prepare.readers._shape import shape
from whet.prepare.readers.contract import PEEK, Line, Reader, Sample


class LabelStudio(Reader):
    """Label Studio's tasks with their annotations, as its JSON export has them."""

    endings = (".json", ".jsonl")
    telling = False
    lined = False

    def sniff(self, head: str) -> float:
        kinds = shape(head)
        annotated = kinds.get("annotations[].result") == {"array"} or kinds.get("completions[].result") == {"array"}
        return 0.98 if annotated and kinds.get("data", {"object"}) == {"object"} else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        found = objects(lines, name)
        seen = list(islice(found, PEEK))
        asked = _asked([cells for _, _, cells in seen if not isinstance(cells, Fault)])
        yield from made_of(chain(seen, found), lambda cells, where: _row(cells, asked, where))

    @classmethod
    def sample(cls) -> Sample:
        value = {"start": 2, "end": 4, "text": "🙂b", "labels": ["X"]}
        result = [{"id": "r", "type": "labels", "from_name": "l", "to_name": "t", "value": value}]
        task = {"id": 1, "data": {"text": "a 🙂b"}, "annotations": [{"was_cancelled": False, "result": result}]}
        spans = [{"id": "r", "start": 2, "end": 4, "label": "X"}]
        row = {"id": 1, "tokens": ["a", "🙂", "b"], "tags": ["O", "B-X", "I-X"], "text": "a 🙂b", "spans": spans}
        return Sample(json.dumps([task], ensure_ascii=False), (row,))


@dataclass(frozen=True)
class Answer:
    """What one annotation says: choices by the name of their group, spans, and how much else of which kind."""

    choices: dict[str, list[str]]
    spans: list[dict[str, Any]]
    left: Counter[str]

    @property
    def gist(self) -> Any:
        """What makes two annotations the same."""
        spans = {(repr(one["start"]), repr(one["end"]), repr(one["label"])) for one in self.spans}
        return {name: sorted(chosen) for name, chosen in self.choices.items()}, spans


@dataclass(frozen=True)
class Asked:
    """What the tasks of a file ask for, seen from their first ones."""

    groups: tuple[str, ...]
    several: bool
    spans: bool


def _asked(tasks: Sequence[Mapping[str, Any]]) -> Asked:
    answers = [_answer(one) for task in tasks for one in _annotations(task)]
    groups = dict.fromkeys(name for answer in answers for name in answer.choices)
    several = any(len(chosen) > 1 for answer in answers for chosen in answer.choices.values())
    return Asked(tuple(groups), several, any(answer.spans for answer in answers))


def _annotations(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = task.get("annotations", task.get("completions"))
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _answer(annotation: Mapping[str, Any]) -> Answer:
    answer = Answer({}, [], Counter())
    given = annotation.get("result")
    for one in given if isinstance(given, list) else []:
        kind = str(one.get("type", "result")) if isinstance(one, dict) else "result"
        value = one.get("value") if isinstance(one, dict) else None
        value = value if isinstance(value, dict) else {}
        if isinstance(value.get("choices"), list) and "start" not in value:
            answer.choices.setdefault(str(one.get("from_name", "label")), []).extend(map(str, value["choices"]))
        elif isinstance(value.get("labels"), list) and "start" in value:
            labels = value["labels"]
            answer.left["further labels of a span"] += max(0, len(labels) - 1)
            span = {"start": value["start"], "end": value.get("end"), "label": labels[0] if labels else None}
            answer.spans.append({**span, "id": one.get("id"), "piece": value.get("text")})
        else:
            answer.left[kind] += 1
    return answer


def _row(task: Mapping[str, Any], asked: Asked, where: str) -> tuple[dict[str, Any], list[str]]:
    """One row and what was mended in it. Raises DataError with what is wrong."""
    data = task.get("data")
    if not isinstance(data, dict):
        raise DataError(f"found the keys {', '.join(task)}; expected data and annotations", where, "export it as JSON")
    given = _annotations(task)
    counted = [one for one in given if not one.get("was_cancelled")]
    if not counted:
        what = f"no annotation counts: found {len(given)}, {len(given)} of them cancelled"
        raise DataError(what, where, "annotate the task, or leave it out of the export")
    chosen = next((one for one in counted if one.get("ground_truth")), counted[0])
    answer = _answer(chosen)
    mended = [f"left out: {count} {kind}" for kind, count in answer.left.items() if count]
    others = sum(_answer(one).gist != answer.gist for one in counted if one is not chosen)
    if others:
        mended.append(f"{others} of {len(counted)} annotations say otherwise than the one taken")
    if not (asked.spans or asked.groups):
        found = ", ".join(answer.left) or "nothing"
        cure = "whet reads choices and labels of a text"
        raise DataError(f"the annotation holds {found}; expected choices or labels", where, cure)
    key = _text_key(data, chosen, where)
    row: dict[str, Any] = {"text": data[key]}
    if asked.spans:
        row, said = _spans.row(data[key], answer.spans, where)
        mended = [*said, *mended]
    for group in dict.fromkeys((*asked.groups, *answer.choices)):
        labels = answer.choices.get(group, [])
        label = labels if asked.several or len(labels) > 1 else labels[0] if labels else None
        row["label" if asked.groups in ((group,), ()) else group] = label
    rest = {name: value for name, value in data.items() if name != key and name not in row}
    return {**({"id": task["id"]} if "id" in task else {}), **rest, **row}, mended


def _text_key(data: Mapping[str, Any], annotation: Mapping[str, Any], where: str) -> str:
    """Which of a task's data is the text: the one that a result points to, one called text, or the only text."""
    results = [one for one in annotation.get("result") or () if isinstance(one, dict)]
    pointed = [str(one.get(key, "")).removeprefix("$") for key in ("source", "to_name") for one in results]
    texts = [name for name, value in data.items() if isinstance(value, str)]
    for name in (*pointed, "text", *(texts if len(texts) == 1 else ())):
        if name in texts:
            return name
    what = f"which of the data is the text? found {', '.join(data) or 'nothing'}"
    raise DataError(what, where, "call it text")
