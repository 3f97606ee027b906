"""Spans that people marked in a text, as tags of its words; and where a span stands when its numbers are off.

The words are those into which ``whet predict`` cuts a free text, so that a model is trained on the same ones.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.core.errors import DataError, Fault
from whet.tasks._words import words_in

SHOWN = 40
"""Characters of a text that a message shows."""


@dataclass(frozen=True, order=True)
class Span:
    """Characters ``start`` to ``end`` (half-open) of a text, and what they are."""

    start: int
    end: int
    label: str

    def __str__(self) -> str:
        return f"{self.label} at {self.start} to {self.end}"


@dataclass(frozen=True)
class Tagged:
    """A text's words with a BIO tag each, and what of its spans the tags could not say as it was."""

    tokens: list[str]
    tags: list[str]
    mended: tuple[str, ...]


def tag(text: str, spans: Sequence[Span]) -> Tagged:
    """Words and tags. A span that cuts a word takes the whole word; of spans that overlap the longest stays."""
    places = words_in(text)
    starts, ends = [start for start, _ in places], [end for _, end in places]
    mended = []
    reaches = []
    for span in sorted(set(spans)):
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if first == last:
            mended.append(f"{span} holds no word and is left out")
            continue
        reaches.append((first, last, span))
    tags = ["O"] * len(places)
    for first, last, span in sorted(reaches, key=lambda reach: (reach[0] - reach[1], reach[0], reach[2])):
        if any(found != "O" for found in tags[first:last]):
            mended.append(f"{span} overlaps a longer span and is left out")
            continue
        if starts[first] < span.start or ends[last - 1] > span.end:
            mended.append(f"{span} cuts a word: moved out to {starts[first]} to {ends[last - 1]}")
        tags[first:last] = [f"B-{span.label}"] + [f"I-{span.label}"] * (last - first - 1)
    mended += ["a span is marked twice"] * (len(set(spans)) < len(spans))
    return Tagged([text[start:end] for start, end in places], tags, tuple(mended))


def wrong(text: str, start: Any, end: Any, label: Any) -> str:
    """What is wrong with a span, with the likely cause, or "" where nothing is."""
    if not isinstance(label, str) or not label.strip():
        return f"the span {start!r} to {end!r} has no label, but {label!r}"
    named = f"the span {label} at {start!r} to {end!r}"
    if not all(isinstance(border, int) and not isinstance(border, bool) for border in (start, end)):
        return f"{named}: expected two whole numbers"
    if 0 <= start < end <= len(text):
        return "" if text[start:end].strip() else f"{named} holds white space only"
    if start >= end:
        return f"{named} ends before it begins, or is empty"
    cause = "the text was changed after it was marked"
    if start >= 0 and end <= len(text.encode("utf-16-le")) // 2:
        cause = "numbers that count UTF-16 units, in which an emoji is two"
    elif start >= 0 and end <= len(text.encode()):
        cause = "numbers that count bytes of UTF-8"
    return f"{named} lies outside its text of {len(text)} characters; likely cause: {cause}"


def place(text: str, start: int, piece: str) -> tuple[int, str] | None:
    """Where a piece begins that should stand at ``start``, and in what ``start`` was counted ("": characters).

    None where no way of counting leads to the piece: then it would be a guess.
    """
    if start < 0 or not piece:
        return None
    ways = ((start, ""), (_from_units(text, start), "UTF-16 units"), (_from_bytes(text, start), "bytes of UTF-8"))
    for at, way in (*ways, (_from_bare(text, start), "characters, each line end as one")):
        if at is not None and _flat(text[at : at + len(piece)]) == _flat(piece):
            return at, way
    return None


def whereabouts(text: str, piece: str) -> str:
    """Where in the text a piece stands, for a message."""
    found = [match.start() for match in re.finditer(re.escape(piece), text)][:4] if piece else []
    return f"it stands at {', '.join(map(str, found))}" if found else "it stands nowhere in the text"


def shown(text: str) -> str:
    """The beginning of a text in quotes, on one line."""
    flat = _flat(text)
    return f"'{flat[:SHOWN]}{'...' if len(flat) > SHOWN else ''}'"


def _flat(text: str) -> str:
    return re.sub(r"\s", " ", text)


def _from_units(text: str, units: int) -> int | None:
    try:
        return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le"))
    except UnicodeDecodeError:
        return None


def _from_bytes(text: str, count: int) -> int | None:
    try:
        return len(text.encode()[:count].decode())
    except UnicodeDecodeError:
        return None


def _from_bare(text: str, count: int) -> int:
    """A place that was counted with every line end as one character."""
    at = 0
    for line in text.split("\r\n"):
        if count <= len(line):
            return at + count
        at, count = at + len(line) + 2, count - len(line) - 1
    return len(text)


def row(text: Any, given: Sequence[Mapping[str, Any]], where: str) -> tuple[dict[str, Any], list[str]]:
    """A marked text's columns, and what was mended in them.

    Each span has ``start``, ``end`` and ``label``; it may have an ``id``, the ``piece`` of text that it should
    hold, the ``pieces`` that it consists of, and ``where`` it is written. Raises DataError with all spans that
    stand outside the text or hold another piece.
    """
    if not isinstance(text, str) or not text.strip():
        raise DataError("the text is empty", where, "fill it in, or delete the row")
    faults: list[Fault] = []
    mended: list[str] = []
    kept: list[dict[str, Any]] = []
    for one in given:
        start, end, label, piece = (one.get(key) for key in ("start", "end", "label", "piece"))
        if isinstance(piece, str) and type(start) is int:
            at, way = place(text, start, piece) or (start, "")
            if way:
                mended.append(f"{label} at {start} counts {way}: it is at {at} in characters")
                start, end = at, at + len(piece)
        fault = wrong(text, start, end, label)
        if not fault and isinstance(piece, str) and _flat(text[start:end]) != _flat(piece):
            fault = f"{label} at {start} to {end} should hold {shown(piece)}, and {shown(text[start:end])} stands there"
            fault += f"; {whereabouts(text, piece)}"
        if fault:
            faults.append(Fault(fault, one.get("where", where), "mark the span again, or delete it"))
        else:
            own = {key: one[key] for key in ("id", "pieces") if one.get(key) is not None}
            kept.append({**own, "start": start, "end": end, "label": label})
    if faults:
        raise DataError(faults)
    tagged = tag(text, [Span(one["start"], one["end"], one["label"]) for one in kept])
    spans = sorted(kept, key=lambda one: (one["start"], one["end"]))
    return {"tokens": tagged.tokens, "tags": tagged.tags, "text": text, "spans": spans}, [*mended, *tagged.mended]
