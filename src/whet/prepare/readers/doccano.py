"""doccano's exports: a text a line with its spans, or with its categories.

Spans are ``[start, end, label]`` under ``label`` or ``labels``, or objects under ``entities``; they become
``tokens`` and ``tags``, beside ``text`` and ``spans``, and an export with relations keeps those. Categories
become ``label``: a name where texts have one each, else a list. Other columns stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers import _spans
from whet.prepare.readers._objects import made_of, objects
from whet.prepare.readers._shape import shape
from whet.prepare.readers.contract import PEEK, Line, Reader, Sample

KEYS = ("entities", "label", "labels")
OWN = {"id", "text", "label", "labels", "Comments", "comments"}
"""The keys of an export of categories; with any other key it is a file of plain rows."""


class Doccano(Reader):
    """doccano's JSON lines: marked spans, or categories."""

    endings = (".jsonl", ".json", ".ndjson")
    telling = False
    lined = False

    def sniff(self, head: str) -> float:
        kinds = shape(head)
        if kinds.get("text") != {"text"}:
            return 0.0
        spans = any({"number", "text"} <= kinds.get(f"{key}[][]", set()) for key in KEYS)
        if spans or "entities[].start_offset" in kinds:
            return 0.97
        own = {key for key in kinds if "[" not in key and "." not in key} <= OWN and "id" in kinds
        return 0.96 if own and any(kinds.get(f"{key}[]") == {"text"} for key in ("label", "labels")) else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        found = objects(lines, name)
        seen = list(islice(found, PEEK))
        marks = [_marks(cells) for _, _, cells in seen if not isinstance(cells, Fault)]
        known = [one for one in marks if isinstance(one, list) and one]
        spans = not any(isinstance(part, str) for one in known for part in one)
        several = any(len(one) > 1 for one in known)
        make = _marked if spans else lambda cells, where: (_sorted(cells, where, several), [])
        yield from made_of(chain(seen, found), make)

    @classmethod
    def sample(cls) -> Sample:
        given = {"id": 1, "text": "李雷 met Bo.", "label": [[0, 2, "PER"], [7, 9, "PER"]]}
        spans = [{"start": 0, "end": 2, "label": "PER"}, {"start": 7, "end": 9, "label": "PER"}]
        tokens, tags = ["李", "雷", "met", "Bo", "."], ["B-PER", "I-PER", "O", "B-PER", "O"]
        row = {"id": 1, "tokens": tokens, "tags": tags, "text": given["text"], "spans": spans}
        return Sample(json.dumps(given, ensure_ascii=False) + "\n", (row,))


def _marks(cells: Mapping[str, Any]) -> Any:
    return next((cells[key] for key in KEYS if key in cells), None)


def _rest(cells: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cells.items() if key not in (*KEYS, "text", "relations")}


def _sorted(cells: Mapping[str, Any], where: str, several: bool) -> dict[str, Any]:
    """A row of categories; without any, it is unlabelled where the others have one each."""
    marks = _marks(cells)
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        what = f"the label is {json.dumps(marks, ensure_ascii=False)[:60]}, the rows before it have names of categories"
        raise DataError(what, where, 'write ["category"], or keep rows with spans in a file of their own')
    label = marks if several or len(marks) > 1 else marks[0] if marks else None
    return {**_rest(cells), "text": cells.get("text"), "label": label}


def _marked(cells: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """A row of spans."""
    marks = _marks(cells)
    if not isinstance(marks, list):
        found = ", ".join(cells)
        raise DataError(f"no list of spans: found {found}; expected label or entities", where, "export the row again")
    row, mended = _spans.row(cells.get("text"), [_span(mark, where) for mark in marks], where)
    if "relations" in cells:
        row["relations"] = [_relation(one, where) for one in cells["relations"] or ()]
    return {**_rest(cells), **row}, mended


def _span(mark: Any, where: str) -> dict[str, Any]:
    if isinstance(mark, list) and len(mark) == 3:
        return {"start": mark[0], "end": mark[1], "label": mark[2]}
    if isinstance(mark, dict) and {"start_offset", "end_offset", "label"} <= set(mark):
        return {"id": mark.get("id"), "start": mark["start_offset"], "end": mark["end_offset"], "label": mark["label"]}
    what = f"the span {json.dumps(mark, ensure_ascii=False)[:60]} is neither a list of three nor an object"
    raise DataError(what, where, 'write [start, end, "label"]')


def _relation(one: Any, where: str) -> dict[str, Any]:
    keys: Sequence[str] = ("type", "from_id", "to_id")
    if not isinstance(one, dict) or not all(key in one for key in keys):
        what = f"the relation {json.dumps(one, ensure_ascii=False)[:60]} has not {', '.join(keys)}"
        raise DataError(what, where, "export the row again")
    return {"type": one["type"], "from": one["from_id"], "to": one["to_id"]}
