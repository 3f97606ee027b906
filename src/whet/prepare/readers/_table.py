"""Tables with a delimiter: whether the first record names the columns, and rows that are all as wide.

Many data sets have no header (SST-2, ChnSentiCorp), and taking their first row for one would lose it in
silence; so a header must show itself: by a name that people give columns, or by differing in kind from what
stands below it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers._caps import large, weight
from whet.prepare.readers.contract import HEAD, PEEK, Line, nameless

Record = tuple[int, list[Any] | Fault]
"""The line on which a record begins, and its fields or what is wrong with it."""

_WORDS = """
    text sentence sentence1 sentence2 review comment content body document title question answer premise
    hypothesis label labels class category target sentiment score rating stars quality tag tags topic
    intent polarity emotion text_a text_b text_pair string id idx index qid uid guid weight message tweet
    utterance input output source translation summary tokens ner_tags words
"""
NAMES = frozenset(_WORDS.split())
"""Names that people give columns; a first record with one of them, and no number, is a header."""


def table(records: Iterator[Record], name: str, cure: str) -> Iterator[Line]:
    """Rows by column name; ragged rows are faults with this cure, but for empty fields after the last column, which
    spreadsheets write: they are removed. Raises DataError for a header that cannot be one."""
    records = _bounded(records, name)
    seen, broken = _ahead(records)
    whole = [list(map(_text, fields)) for _, fields in seen if isinstance(fields, list)]
    headed = bool(whole) and has_header(whole)
    if headed:
        names = [cell.strip() or nameless(place) for place, cell in enumerate(whole[0], 1)]
        doubled = [column for column, times in Counter(names).items() if times > 1]
        if doubled:
            what = f"the header names a column twice: {', '.join(doubled)}"
            raise DataError(what, f"{name}, line {seen[0][0]}", "give every column a name of its own")
    else:
        widths = Counter(len(fields) for fields in whole)
        width = widths.most_common(1)[0][0] if widths else 0
        names = [nameless(place) for place in range(1, width + 1)]
    called = f" as in the header ({', '.join(names[:8])})" if headed else " as in most rows"
    for number, fields in chain(seen, records):
        if isinstance(fields, Fault):
            yield Line(number, fault=fields)
        elif headed:
            headed = False
        elif len(fields) == len(names):
            yield Line(number, dict(zip(names, fields, strict=True)))
        elif len(fields) > len(names) and not any(_text(field).strip() for field in fields[len(names) :]):
            yield Line(number, dict(zip(names, fields, strict=False)), mended="empty fields after the last removed")
        else:
            what = f"{len(fields):,} fields, expected {len(names)}{called}"
            remedy = cure if len(fields) > len(names) else f"fill in the missing fields, or {cure}"
            yield Line(number, fault=Fault(what, f"{name}, line {number}", remedy))
    if broken:
        raise broken


def _ahead(records: Iterator[Record]) -> tuple[list[Record], DataError | None]:
    """The records that decide about the header, and the error that ends them, which comes after their own faults."""
    seen: list[Record] = []
    size = 0
    try:
        for record in records:
            seen.append(record)
            size += weight(record[1]) if isinstance(record[1], list) else 0
            if len(seen) == PEEK or size >= HEAD:
                break
    except DataError as error:
        return seen, error
    return seen, None


def _bounded(records: Iterator[Record], name: str) -> Iterator[Record]:
    """Records, those of them too large as faults. Raises DataError where the first is, for it may be the header."""
    first = True
    for number, fields in records:
        fault = large(fields, f"{name}, line {number}") if isinstance(fields, list) else None
        if fault and first:
            raise DataError([fault])
        first = False
        yield number, fault or fields


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def has_header(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns of the others."""
    first = [cell.strip() for cell in records[0]]
    rest = [record for record in records[1:] if len(record) == len(first)]
    columns = [[record[place].strip() for record in rest] for place in range(len(first))]
    if not any(first) or any(_is_number(cell) for cell in first):
        return False
    if len(set(first)) < len(first) and not all(normal(cell) in NAMES for cell in first):
        return False
    if any(cell in column for cell, column in zip(first, columns, strict=True)):
        return False
    if any(normal(cell) in NAMES for cell in first):
        return True
    if not rest or not all(_is_name(cell) for cell in first):
        return False
    return any(differs(column) for column in columns)


def normal(column: str) -> str:
    """A column's name as it is compared: lower case, underscores, no marks around it."""
    return re.sub(r"[\W_]+", "_", column.strip().lower()).strip("_")


def differs(column: Sequence[str]) -> bool:
    """Whether the cells below are of a kind that no name is: numbers, or labels that each come back."""
    if all(_is_number(cell) for cell in column):
        return True
    times = Counter(column)
    return len(column) >= 4 and min(times.values()) > 1 and max(map(len, column)) <= 40


def _is_name(cell: str) -> bool:
    return 0 < len(cell) <= 30 and len(cell.split()) <= 3 and not re.search(r"[.!?。！？,，;；]", cell)


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[+-]?(\d+([.,]\d*)?|\.\d+)([eE][+-]?\d+)?", cell))
