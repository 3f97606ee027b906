"""Comma-separated values, with a header or without; semicolons, tabs or bars where those divide the lines instead.

Cells stay text as they stand: NA, null and 007 are words, not values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from whet.prepare.readers._delimited import delimiter, divided, note_of
from whet.prepare.readers._quoted import CURE, quoted_records
from whet.prepare.readers._table import NAMES, normal, table
from whet.prepare.readers.contract import Line, Look, Reader, Sample, peek, text_in


class Csv(Reader):
    """Tables as RFC 4180 has them, read strictly: a wrong quote is a fault, never a guess."""

    endings = (".csv",)

    def sniff(self, head: str) -> float:
        mark = delimiter(head, ",")
        counts = [line.count(mark) for line in head.split("\n") if line.strip()]
        if len(counts) < 2 or min(counts) < 1 or len(set(counts)) > 1:
            return 0.0
        named = any(normal(cell) in NAMES for cell in head.partition("\n")[0].split(mark))
        return 0.8 if named else 0.4

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        mark, lines = divided(lines, ",")
        yield from table(quoted_records(lines, mark, name), name, CURE)

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        head, _ = peek(text_in(path, look, name))
        return note_of(delimiter(head, ","), ",", name)

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"text": 'He said "no", twice', "label": "NA"}, {"text": "two\nlines", "label": "007"})
        return Sample('text,label\n"He said ""no"", twice",NA\n"two\nlines",007\n', rows)
