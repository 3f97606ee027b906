"""What an answer rests on, for a terminal: its heaviest words, and the training rows nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.cli._show import line_of, width

SHOWN = 8
"""Words of one claim that are printed, the heaviest; the JSON lines have all."""
BAR, LONGEST = 12, 40


def told(explanation: Mapping[str, Any]) -> list[str]:
    """An ``explanation`` as lines; the sign stands before each weight, so that no colour is needed."""
    lines = []
    for claim in explanation["claims"]:
        words = f", words {claim['words'][0] + 1} to {claim['words'][1]}" if "words" in claim else ""
        lines += ["", f"what speaks for {claim.get('of', 'the number')}{words} (+) and against it (-)"]
        parts = [part for part in claim["parts"] if part["weight"] == part["weight"]]
        heaviest = sorted(parts, key=lambda part: -abs(part["weight"]))[:SHOWN]
        most = max((abs(part["weight"]) for part in heaviest), default=0.0) or 1.0
        shown = [(_cut(part["text"]), part["weight"]) for part in heaviest]
        wide = max((width(text) for text, _ in shown), default=0)
        for text, weight in shown:
            bar = ("+" if weight > 0 else "-") * round(BAR * abs(weight) / most)
            lines.append(f"  {text}{' ' * (wide - width(text))}  {weight:+7.3f}  {bar}".rstrip())
    rows = explanation.get("nearest", ())
    if rows:
        lines += ["", "the training rows nearest to it"]
    for row in rows:
        own = {name: value for name, value in row.items() if name not in ("row", "target", "similarity")}
        cells = [str(value) for value in own.values() if value not in (None, "", row.get("target"))]
        target = row.get("target")
        answer = target if isinstance(target, str) else line_of({"target": target})
        lines.append(f"  row {row['row']}  {row['similarity']:.3f}  {answer}: {_cut(' | '.join(cells), 2 * LONGEST)}")
    return lines


def _cut(text: str, longest: int = LONGEST) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
