"""Which mark divides a table's fields, seen from its beginning: spreadsheets write what their country has.

A text may hold any mark, so another one than the format's own counts only where the first line knows that one alone
and shows a header by it, or where nearly all lines have as many of it and what it divides looks like a column. Excel's
own first line, ``sep=;``, decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from whet.prepare.readers._table import NAMES, differs, normal
from whet.prepare.readers.contract import peek

MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ALIKE = 0.8
"""The least share of lines with as many marks as the first; the others may be broken."""
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_SAID = re.compile(r'"?sep=(.)"?\s*')


def divided(lines: Iterator[str], usual: str) -> tuple[str, Iterator[str]]:
    """The mark, and the lines; the one that only names the mark is blank, so that lines keep their numbers."""
    head, lines = peek(lines)
    if _SAID.fullmatch(head.partition("\n")[0]):
        next(lines)
        lines = chain(["\n"], lines)
    return delimiter(head, usual), lines


def delimiter(head: str, usual: str) -> str:
    """The mark that divides the lines of a file that begins so."""
    said = _SAID.fullmatch(head.partition("\n")[0])
    if said:
        return said[1]
    first = head.partition("\n")[0]
    lines = [line for line in _QUOTED.sub('""', head).split("\n") if line.strip()]
    if not lines or _is_named(first, usual) or _is_alike(lines, usual):
        return usual
    others = [mark for mark in MARKS if mark != usual and not first.startswith(mark)]  # Markdown's tables begin so
    named = [mark for mark in others if _is_named(first, mark) and usual not in lines[0]]
    return next(chain(named, (mark for mark in others if _is_alike(lines, mark) and _is_shown(lines, mark))), usual)


def note_of(mark: str, usual: str, name: str) -> tuple[str, ...]:
    """What must be said aloud of the mark: nothing of the format's own."""
    if mark == usual:
        return ()
    return (f"{name}: fields are separated by {MARKS.get(mark, mark)}, not by {MARKS[usual]}",)


def _is_named(first: str, mark: str) -> bool:
    """Whether a mark divides the first line into fields of which one has a name that people give columns."""
    cells = first.split(mark)
    return len(cells) > 1 and any(normal(cell) in NAMES for cell in cells)


def _is_alike(lines: list[str], mark: str) -> bool:
    """Whether nearly all lines have as many of a mark as the first."""
    counts = [line.count(mark) for line in lines]
    return counts[0] > 0 and counts.count(counts[0]) >= ALIKE * len(counts)


def _is_shown(lines: list[str], mark: str) -> bool:
    """Whether one of the columns holds numbers, or values that each come back, as labels do and texts do not."""
    records = [line.rstrip("\r").split(mark) for line in lines]
    width = Counter(map(len, records)).most_common(1)[0][0]
    below = [record for record in records[1:] if len(record) == width]
    return bool(below) and any(differs([record[place].strip() for record in below]) for place in range(width))
