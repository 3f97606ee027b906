"""What an answer rests on, for a terminal: its heaviest words, and the training rows nearest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.cli._show import width

SHOWN = 8
"""Words of one claim that are printed, the heaviest; the JSON lines have all."""
BAR, LONGEST = 12, 40


def told(explanation: Mapping[str, Any]) -> list[str]:
    """An ``explanation`` as lines; the sign stands before each weight, so that no colour is needed."""
    lines = []
    for claim in explanation["claims"]:
        lines += ["", f"what speaks for {claim.get('of', 'the number')}{_where(claim)} (+) and against it (-)"]
        parts = [part for part in claim["parts"] if part["weight"] is not None]
        heaviest = sorted(parts, key=lambda part: -abs(part["weight"]))[:SHOWN]
        most = max((abs(part["weight"]) for part in heaviest), default=0.0) or 1.0
        shown = [(_named(part), part["weight"]) for part in heaviest]
        wide = max((width(text) for text, _ in shown), default=0)
        for text, weight in shown:
            bar = ("+" if weight > 0 else "-") * round(BAR * abs(weight) / most)
            lines.append(f"  {text}{' ' * (wide - width(text))}  {weight:+7.3f}  {bar}".rstrip())
    rows = explanation.get("nearest", ())
    if rows:
        lines += ["", "the training rows nearest to it"]
    for row in rows:
        target, own = row.get("target"), [value for name, value in row.items() if name not in ("row", "similarity")]
        cells = [value for value in own if value not in (None, "", target)]
        said = f"{_cut(_said(target, cells), 2 * LONGEST)}: {_cut(_text(cells), 2 * LONGEST)}"
        lines.append(f"  row {row['row']}  {row['similarity']:.3f}  {said}")
    return lines


def _where(claim: Mapping[str, Any]) -> str:
    """The words of which a claim is made, counted from 1."""
    if "words" not in claim:
        return ""
    first, last = claim["words"][0] + 1, claim["words"][1]
    return f", word {first}" if first == last else f", words {first} to {last}"


def _named(part: Mapping[str, Any]) -> str:
    """A part's words, and of a pair the text in which they stand."""
    return _cut(part["text"]) + (f" ({part['input']})" if "input" in part else "")


def _text(cells: Sequence[Any]) -> str:
    """A row's own columns, its texts before its numbers and marks, which are shorter."""
    texts = [" ".join(map(str, cell)) if isinstance(cell, list) else str(cell) for cell in cells]
    most = max(map(len, texts), default=0)
    return " | ".join(sorted(texts, key=lambda text: 2 * len(text) < most))


def _said(target: Any, cells: Sequence[Any]) -> str:
    """A target as text: labels by commas, and of a row of words those that carry a tag."""
    if not isinstance(target, list):
        return str(target)
    words = next((cell for cell in cells if isinstance(cell, list) and len(cell) == len(target)), None)
    if words is None:
        return ", ".join(map(str, target)) or "none"
    return ", ".join(f"{word} {tag}" for word, tag in zip(words, target, strict=True) if tag != "O") or "O"


def _cut(text: str, longest: int = LONGEST) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
