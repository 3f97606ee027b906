"""Standard output and what goes on it: one JSON document, rows of JSON, or text in columns."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

import typer

from whet.core.rundir import plain


class Unread(Exception):
    """Nobody reads standard output any more (``whet tasks | head -1``): stop without a word."""


def say(text: str = "") -> None:
    """Write a line of the answer to standard output."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        raise Unread from None


def note(text: str) -> None:
    """Tell the user something beside the answer, on standard error."""
    typer.echo(text, err=True)


def document(value: Any) -> None:
    """Write one JSON document; numbers are never rounded."""
    say(json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def line_of(row: dict[str, Any]) -> str:
    """A row as one line of JSON."""
    return json.dumps(plain(row), ensure_ascii=False, allow_nan=False)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text in columns, the last one wrapped to the terminal's width; Chinese letters count as two."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(width(row[at]) for row in cells) for at in range(len(head))]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size().columns - before, 24)
    lines = []
    for row in cells:
        left = "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(row[:-1], widths, strict=False))
        last = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append((left + "  " + last[0]).rstrip() if left else last[0])
        lines.extend(" " * before + more for more in last[1:])
    return "\n".join(lines)


def wrapped(text: str, indent: str = "") -> str:
    """A paragraph within the terminal's width, at most 100 columns."""
    room = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(text, room, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def figure(value: Any) -> str:
    """A number for reading, with four digits; ``-`` where there is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if abs(value) >= 1000 else f"{value:.4f}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``41 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Bytes as a person says them, in units of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def utf8() -> None:
    """Speak UTF-8 in pipes and files everywhere, as a run's files do; a terminal keeps its own tongue."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure") and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors=errors)


def abandon_output() -> None:
    """Send what is still unwritten nowhere, so that the interpreter's last flush does not complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # standard output is not a file, so there is no last flush to fear
        return
