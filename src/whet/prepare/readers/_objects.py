"""JSON objects one after the other, from lines with one each or from one array, read strictly and row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers._caps import LONGEST_ROW
from whet.prepare.readers._decode import lines_of
from whet.prepare.readers._json import Document, cause, row
from whet.prepare.readers.contract import Line, peek

Found = tuple[int, str, dict[str, Any] | Fault]
"""The line on which an object begins, where it stands in words, and the object or what is wrong with it."""


def objects(texts: Iterator[str], name: str) -> Iterator[Found]:
    """Every object of a file, given as pieces of text. Raises DataError where an array breaks off."""
    head, texts = peek(texts)
    if not head.lstrip().startswith("["):
        for number, line in enumerate(lines_of(texts, name), 1):
            if line.strip():
                where = f"{name}, line {number}"
                yield number, where, _object(line, where, "write one JSON object a line")
        return
    for count, (number, text) in enumerate(_elements(Document(texts, name)), 1):
        where = f"{name}, row {count} (line {number})"
        if text is None:
            what = f"the row has more than {LONGEST_ROW:,} characters"
            yield number, where, Fault(what, where, "divide the text into rows")
        else:
            yield number, where, _object(text, where, "mend the object")


def made_of(
    found: Iterable[Found], make: Callable[[dict[str, Any], str], tuple[dict[str, Any], list[str]]]
) -> Iterator[Line]:
    """A row of each object, with what ``make`` says that it mended, or all faults with which it refuses it."""
    for number, where, cells in found:
        try:
            if isinstance(cells, Fault):
                raise DataError([cells])
            row, mended = make(cells, where)
        except DataError as error:
            yield from (Line(number, fault=fault) for fault in error.faults)
        else:
            yield Line(number, row, mended="; ".join(dict.fromkeys(mended)))


def _object(text: str, where: str, cure: str) -> dict[str, Any] | Fault:
    try:
        return row(text)
    except ValueError as error:
        return Fault(cause(error), where, cure)


def _elements(document: Document) -> Iterator[tuple[int, str | None]]:
    """The text of each element of the array and the line on which it begins."""
    document.next()
    document.pass_over("[")
    while document.next() != "]":
        yield document.line, document.value()
        if document.next() != "]":
            document.pass_over(",")
            if document.next() == "]":
                raise document.broken("found ], expected a row after the comma")
    document.pass_over("]")
    if document.next():
        raise document.broken("something stands after the end of the array")
