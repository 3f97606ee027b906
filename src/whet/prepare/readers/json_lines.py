"""One JSON object a line. Values keep their types; null is a missing value."""

from __future__ import annotations

import json
from collections.abc import Iterator

from whet.core.errors import DataError, Fault
from whet.prepare.readers._json import cause, row
from whet.prepare.readers.contract import Line, Reader, Sample


class JsonLines(Reader):
    """JSON lines, read strictly: a key twice, NaN and half a surrogate pair are faults."""

    endings = (".jsonl", ".ndjson", ".json")

    def sniff(self, head: str) -> float:
        first = head.lstrip().partition("\n")[0].rstrip()
        if not first.startswith("{"):
            return 0.0
        return 0.95 if first.endswith("}") else 0.5

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{name}, line {number}"
            if number == 1 and line.lstrip().startswith("["):
                cure = "name it .json, or write one object a line: jq -c '.[]'"
                raise DataError("the file is one JSON array", where, cure)
            try:
                yield Line(number, row(line))
            except ValueError as error:
                yield Line(number, fault=Fault(cause(error), where, "write one JSON object a line"))

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"text": "你好 \u2028 🙂", "label": 1}, {"text": "null", "label": None})
        return Sample("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), rows)
