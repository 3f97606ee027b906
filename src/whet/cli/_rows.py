"""Answers into a file, in constant memory: json lines, csv or tsv by its ending.

The file appears whole or not at all: rows go into a file beside it, which is renamed at the end.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from whet.cli._show import line_of
from whet.core.durable import replacing
from whet.core.errors import UsageError
from whet.core.rundir import plain, read_lines

Row = dict[str, Any]


def writer_for(path: Path) -> Callable[[Iterable[Row]], int]:
    """How rows go into ``path``, as JSON lines unless its ending says csv or tsv; the function returns their number.

    Raises UsageError for the ending of another format.
    """
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv"):
        return lambda rows: _write_table(path, rows, "\t" if ending == ".tsv" else ",")
    if ending in ("", ".json", ".jsonl", ".ndjson", ".txt"):
        return lambda rows: _write_lines(path, rows)
    raise UsageError(f"the ending '{ending}' is not known", str(path), "let it end in .jsonl, .csv or .tsv")


def _write_lines(path: Path, rows: Iterable[Row]) -> int:
    count = 0
    with replacing(path) as file:
        for row in rows:
            file.write(line_of(row) + "\n")
            count += 1
    return count


def _write_table(path: Path, rows: Iterable[Row], separator: str) -> int:
    """Rows may differ in their keys, so the header is known only at the end: they wait in a file of lines."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}.rows")
    header: dict[str, None] = {}
    count = 0
    try:
        with waiting.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                header.update(dict.fromkeys(row))
                file.write(line_of(row) + "\n")
                count += 1
        with replacing(path) as file:
            write = _plain_line if separator == "\t" else csv.writer(file, lineterminator="\n").writerow
            for cells in _cells(header, read_lines(waiting)):
                written = write(cells)
                if isinstance(written, str):
                    file.write(written)
    finally:
        waiting.unlink(missing_ok=True)
    return count


def _cells(header: Iterable[str], rows: Iterable[Row]) -> Iterator[list[str]]:
    names = list(header)
    yield names
    for row in rows:
        yield [_cell(row.get(name)) for name in names]


def _cell(value: Any) -> str:
    """Text as it is, nothing as an empty cell, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def _plain_line(cells: list[str]) -> str:
    """A line of tsv, which knows no quotes: a tab or line break inside a cell becomes a space."""
    return "\t".join(" ".join(cell.splitlines()).replace("\t", " ") for cell in cells) + "\n"
