"""One JSON document: an array of objects, or an object that holds exactly one such array.

Rows are read one by one, so that a file may be larger than the memory. Values keep their types; null is a
missing value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from whet.core.errors import DataError, Fault
from whet.prepare.readers._caps import LONGEST_ROW
from whet.prepare.readers._json import Document, cause, loads, row
from whet.prepare.readers.contract import Line, Look, Reader, Sample, text_in

CURE = "write an array of objects, one for each row"


class Json(Reader):
    """A JSON array, read as strictly as JSON lines are."""

    endings = (".json",)
    lined = False

    def sniff(self, head: str) -> float:
        head = head.strip()
        if head.startswith("["):
            return 0.9 if head[1:].lstrip()[:1] in ("{", "]", "") else 0.0
        first, _, rest = head.partition("\n")
        if not first.startswith("{") or (first.rstrip().endswith("}") and (rest or not _wraps(first))):
            return 0.0
        return 0.96 if not rest else 0.93

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        document = Document(lines, name)
        if not document.next():
            return
        number = 0
        for line, text in _values(document):
            number += 1
            where = f"{name}, row {number} (line {line})"
            if text is None:
                what = f"the row has more than {LONGEST_ROW:,} characters"
                yield Line(line, fault=Fault(what, where, "divide the text into rows"))
                continue
            try:
                yield Line(line, row(text))
            except ValueError as error:
                yield Line(line, fault=Fault(cause(error), where, CURE))
        if document.next():
            raise document.broken("something stands after the end of the document")

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        """Under which key the rows are, where the document is an object."""
        document = Document(text_in(path, look, name, lined=False), name)
        if document.next() != "{":
            return ()
        key = next(_keys(document), None)
        return () if key is None else (f"{name}: one object; the rows are those of its key '{key}'",)

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"text": "你好 \u2028 🙂", "label": 1}, {"text": "null", "label": None})
        return Sample(json.dumps(rows, ensure_ascii=False, indent=1), rows)


def _wraps(text: str) -> bool:
    """Whether a text is an object with one list of objects, or with columns as pandas writes them, and not a row."""
    try:
        held = loads(text)
    except ValueError:
        return False
    lists = [value for value in held.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    return len(lists) == 1 or (len(held) > 1 and all(isinstance(value, dict) for value in held.values()))


def _values(document: Document) -> Iterator[tuple[int, str | None]]:
    """The text of each row with its line."""
    if document.next() != "{":
        if document.next() != "[":
            what = f"the document begins with {document.next()}, expected an array of objects"
            cure = f"{CURE}, or give the file the ending of its format"
            raise DataError(what, f"{document.name}, line {document.line}", cure)
        yield from _elements(document)
        return
    found: list[str] = []
    for key in _keys(document):
        if found:
            what = f"the object holds several lists of objects: {found[0]} and {key}"
            raise DataError(what, f"{document.name}, line {document.line}", CURE)
        found.append(key)
        yield from _elements(document)
    if not found:
        likely = "; likely cause: it holds columns, not rows"
        cure = f"{CURE} (in pandas: to_json(orient='records'))"
        raise DataError(f"the object holds no list of objects{likely}", document.name, cure)


def _keys(document: Document) -> Iterator[str]:
    """Go through an object; stop before each list of objects, which the caller may read, and name its key."""
    document.pass_over("{")
    while document.next() != "}":
        if document.next() != '"':
            raise document.broken(f"found {document.next() or 'the end of the file'}, expected a key in quotes")
        key = document.value() or ""
        document.pass_over(":")
        if document.holds_objects():
            yield str(loads(key))
        else:
            document.value(keep=False)
        if document.next() != "}":
            document.pass_over(",")
            if document.next() == "}":
                raise document.broken("found }, expected a key after the comma")
    document.pass_over("}")


def _elements(document: Document) -> Iterator[tuple[int, str | None]]:
    document.pass_over("[")
    while document.next() != "]":
        line = document.line
        yield line, document.value()
        if document.next() != "]":
            document.pass_over(",")
            if document.next() == "]":
                raise document.broken("found ], expected a row after the comma")
    document.pass_over("]")
