"""Tab-separated values, with a header or without. There is no quoting, unless the header itself is quoted.

So a quote is a plain character, as in GLUE's files, and a row is always one line. Where commas, semicolons or bars
divide the lines instead, the file is read as csv is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from whet.core.errors import Fault
from whet.prepare.readers._delimited import delimiter, divided, note_of
from whet.prepare.readers._quoted import CURE as QUOTED
from whet.prepare.readers._quoted import quoted_records
from whet.prepare.readers._table import Record, table
from whet.prepare.readers.contract import Line, Look, Reader, Sample, peek, text_in

CURE = "remove the tab or the line break inside a field; a quote hides it only where the header is quoted too"


class Tsv(Reader):
    """Tables whose fields are separated by tabs."""

    endings = (".tsv", ".tab")

    def sniff(self, head: str) -> float:
        lines = [line.rstrip("\r\n") for line in head.split("\n")]
        counts = [line.count("\t") for line in lines if line.strip()]
        if not counts or min(counts) < 1 or len(set(counts)) > 1:
            return 0.0
        return 0.9 if all(line.strip() for line in lines[:-1]) else 0.6

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        mark, lines = divided(lines, "\t")
        head, lines = peek(lines)
        first = head.partition("\n")[0].rstrip("\r")
        cells = first.split("\t")
        quoted = mark != "\t" or all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
        records = quoted_records(lines, mark, name) if quoted else _records(lines, name)
        yield from table(records, name, QUOTED if quoted else CURE)

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        head, _ = peek(text_in(path, look, name))
        return note_of(delimiter(head, "\t"), "\t", name)

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"column_1": 'a "quote', "column_2": "0"}, {"column_1": "two", "column_2": "1"})
        return Sample('a "quote\t0\ntwo\t1\n', rows)


def _records(lines: Iterator[str], name: str) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n").removesuffix("\r")
        if "\r" in text:
            what = "a carriage return stands inside the line"
            yield number, Fault(what, f"{name}, line {number}", "end lines with \\n or \\r\\n; write a space in a text")
        elif text.strip() or "\t" in text:
            yield number, text.split("\t")
