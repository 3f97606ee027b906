"""Records whose fields may stand in quotes, read strictly; csv files have them, and some tsv files do."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from whet.core.errors import DataError, Fault
from whet.prepare.readers._decode import LONGEST_LINE
from whet.prepare.readers._table import Record

CURE = "quote the field that holds a delimiter or a line break"


def quoted_records(lines: Iterator[str], delimiter: str, name: str) -> Iterator[Record]:
    """Records with quotes. A fault within one line leaves the next lines as they are; raises DataError after a quote
    that went wrong over several, for then nothing can be trusted, and no row after it may be taken or skipped."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))  # the module's own is shorter than a long text
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fault = _fault(str(error), name, begins, reader.line_num)
            if reader.line_num > begins or "unexpected end" in str(error):
                raise DataError([fault]) from None
            yield begins, fault
            continue
        if len(fields) > 1 or (fields and fields[0].strip()):
            yield begins, fields


def _fault(error: str, name: str, begins: int, line: int) -> Fault:
    where = f"{name}, line {begins}"
    if "unexpected end" in error:
        return Fault("a quote is opened and never closed", where, 'close it, or write a plain quote as ""')
    if "field limit" in error:
        what = f"a field has more than {LONGEST_LINE:,} characters: a quote may be opened and never closed"
        return Fault(what, where, 'close it, or write a plain quote as ""')
    if "expected after" in error:
        where = f"{name}, line {line}"
        cause = f"; the field begins on line {begins}, where a quote may never be closed" if line > begins else ""
        cure = 'write a quote inside a quoted field as ""'
        return Fault(f"a closing quote is followed by more text{cause}", where, cure)
    if "new-line character" in error:
        what = "a carriage return stands outside quotes"
        return Fault(what, where, "end lines with \\n or \\r\\n, and quote fields that hold line breaks")
    return Fault(error, where, "quote the field")
