"""One JSON object a line. Values keep their types; null is a missing value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers.contract import Line, Reader, Sample


class JsonLines(Reader):
    """JSON lines, read strictly: a key twice, NaN and half a surrogate pair are faults."""

    endings = (".jsonl", ".ndjson", ".json")

    def sniff(self, head: str) -> float:
        return 0.95 if head.lstrip().startswith("{") else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{name}, line {number}"
            if number == 1 and line.lstrip().startswith("["):
                raise DataError("the file is one JSON array", where, "write one object a line: jq -c '.[]'")
            try:
                cells = json.loads(line, object_pairs_hook=_once, parse_constant=_refuse)
                if not isinstance(cells, dict):
                    raise ValueError(f"found a {type(cells).__name__}, expected an object")
                json.dumps(cells, ensure_ascii=False).encode("utf-8")
            except RecursionError:
                yield Line(number, fault=Fault("the object is nested too deeply", where, "flatten it"))
            except UnicodeEncodeError:
                yield Line(number, fault=Fault("half a surrogate pair (\\ud800)", where, "write the whole character"))
            except ValueError as error:
                yield Line(number, fault=Fault(str(error), where, "write one JSON object a line"))
            else:
                yield Line(number, cells)

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"text": "你好 \u2028 🙂", "label": 1}, {"text": "null", "label": None})
        return Sample("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), rows)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key '{next(key for key in keys if keys.count(key) > 1)}' comes twice")
    return cells


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
