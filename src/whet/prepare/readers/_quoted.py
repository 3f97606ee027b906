"""Records whose fields may stand in quotes, read strictly; csv files have them, and some tsv files do."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from whet.core.errors import Fault
from whet.prepare.readers._table import Record

CURE = "quote the field that holds a delimiter or a line break"
LONGEST_CELL = 1 << 27
"""Characters in one cell: the csv module's own limit (131,072) is shorter than a long document."""


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
        return Fault("a closing quote is followed by more text", where, 'write a quote inside a quoted field as ""')
    if "new-line character" in error:
        what = "a carriage return stands outside quotes"
        return Fault(what, where, "end lines with \\n or \\r\\n, and quote fields that hold line breaks")
    return Fault(error, where, "quote the field")
