"""Comma-separated values, with a header or without; semicolons where the first line has those instead.

Cells stay text as they stand: NA, null and 007 are words, not values.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from whet.core.errors import Fault
from whet.prepare.readers._table import NAMES, Record, normal, table
from whet.prepare.readers.contract import Line, Reader, Sample, peek

CURE = "quote the field that holds a delimiter or a line break"
LONGEST_CELL = 1 << 27
"""Characters in one cell: the csv module's own limit (131,072) is shorter than a long document."""


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


def quoted_records(lines: Iterator[str], delimiter: str, name: str) -> Iterator[Record]:
    """Records with quotes. After a broken quote nothing can be trusted, so that fault is the last record."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, _fault(str(error), name, begins, reader.line_num)
            return
        if fields:
            yield begins, fields


def _fault(error: str, name: str, begins: int, line: int) -> Fault:
    where = f"{name}, line {begins}"
    if "unexpected end" in error:
        return Fault("a quote is opened and never closed", where, 'close it, or write a plain quote as ""')
    if "expected after" in error:
        where = f"{name}, line {line}"
        return Fault(
            "a closing quote is followed by more text", where, 'write a quote inside a quoted field as ""'
        )
    return Fault(error, where, "quote the field")


def _delimiter(head: str) -> str:
    first = head.partition("\n")[0]
    return ";" if "," not in first and ";" in first else ","
