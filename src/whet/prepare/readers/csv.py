"""Comma-separated values, with a header or without; semicolons where the first line has those instead.

Cells stay text as they stand: NA, null and 007 are words, not values.
"""

from __future__ import annotations

from collections.abc import Iterator

from whet.prepare.readers._quoted import CURE, quoted_records
from whet.prepare.readers._table import NAMES, normal, table
from whet.prepare.readers.contract import Line, Reader, Sample, peek


class Csv(Reader):
    """Tables as RFC 4180 has them, read strictly: a wrong quote is a fault, never a guess."""

    endings = (".csv",)

    def sniff(self, head: str) -> float:
        delimiter = _delimiter(head)
        counts = [line.count(delimiter) for line in head.split("\n") if line.strip()]
        if len(counts) < 2 or min(counts) < 1 or len(set(counts)) > 1:
            return 0.0
        named = any(normal(cell) in NAMES for cell in head.partition("\n")[0].split(delimiter))
        return 0.8 if named else 0.4

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        head, lines = peek(lines)
        yield from table(quoted_records(lines, _delimiter(head), name), name, CURE)

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"text": 'He said "no", twice', "label": "NA"}, {"text": "two\nlines", "label": "007"})
        return Sample('text,label\n"He said ""no"", twice",NA\n"two\nlines",007\n', rows)


def _delimiter(head: str) -> str:
    first = head.partition("\n")[0]
    return ";" if "," not in first and ";" in first else ","
