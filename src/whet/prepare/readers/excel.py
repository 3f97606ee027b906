"""Excel's .xlsx files, by openpyxl: the first sheet, the values that its formulas had when it was saved.

Numbers stay numbers, dates become texts (2024-01-31). What is below or beside the cells and empty is no row and no
column. Needs ``whet[excel]``.
"""

from __future__ import annotations

import datetime
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whet.core.errors import DataError
from whet.prepare.readers._bytes import RATIO, ROOM
from whet.prepare.readers._plain import plain
from whet.prepare.readers._table import Record, table
from whet.prepare.readers.contract import Line, Look, Reader, Sample

CURE = "save the file again as .xlsx, or as csv"


class Excel(Reader):
    """The first sheet of a workbook, with a header or without, as in a csv file."""

    endings = (".xlsx", ".xlsm")
    magic = b"PK\x03\x04"

    def sniff(self, head: str) -> float:
        return 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        raise DataError("a workbook cannot be read as text", name, "give the file itself")

    def open(self, path: Path, look: Look, name: str) -> Iterator[Line]:
        with _workbook(path, name) as book:
            yield from table(_records(book.worksheets[0]), name, "fill in the header, or clear the cells beside it")

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        with _workbook(path, name) as book:
            sheets = [sheet.title for sheet in book.worksheets]
        others = ", ".join(sheets[1:6]) + (" and others" if len(sheets) > 6 else "")
        return (f"{name}: the sheet {sheets[0]} is read; not read: {others}",) if others else ()

    @classmethod
    def sample(cls) -> Sample:
        import openpyxl

        book, made = openpyxl.Workbook(), io.BytesIO()
        for cells in (("text", "label"), ("NA", 1), ("你好", 2.5)):
            book.active.append(cells)
        book.save(made)
        return Sample(made.getvalue(), ({"text": "NA", "label": 1}, {"text": "你好", "label": 2.5}))


@contextmanager
def _workbook(path: Path, name: str) -> Iterator[Any]:
    """The workbook, open. Raises DataError for what is none, or is broken, also while it is read."""
    try:
        _check(path, name)
        if importlib.util.find_spec("openpyxl") is None:
            cure = "pip install 'whet[excel]', or save the sheet as csv"
            raise DataError("reading Excel files needs openpyxl, which is not installed", name, cure)
        import openpyxl

        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            if not book.worksheets:
                raise DataError("the workbook has no sheet with cells", name, CURE)
            yield book
        finally:
            book.close()
    except (DataError, GeneratorExit):
        raise
    except Exception as error:  # openpyxl lets whatever its parsers raise pass
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise DataError(f"the workbook cannot be read: {reason}", name, CURE) from None


def _check(path: Path, name: str) -> None:
    """Refuse other archives, and bombs: reading stops at the sizes that an archive states. Raises DataError."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise DataError("this is a zip archive, not an Excel workbook", name, "unpack it, and give the file inside")
    size, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if size > ROOM and size > RATIO * packed:
        raise DataError(f"the workbook grows to {size:,} bytes out of {packed:,}", name, "save the sheet as csv")


def _records(sheet: Any) -> Iterator[Record]:
    """Rows without the empty cells at their ends, filled up to the first one's width."""
    sheet.reset_dimensions()  # what a file says of its own size need not be so
    width = 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [_value(cell) for cell in cells]
        while values and values[-1] in (None, ""):
            values.pop()
        if values:
            width = width or len(values)
            yield number, values + [None] * (width - len(values))


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return str(cell.date())
    return plain(cell)
