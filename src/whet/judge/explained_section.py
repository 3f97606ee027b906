"""The section of errors explained: the surest wrong answers, their words shaded by weight, and the rows they resemble.

A sign stands over every word that weighs something, so that the shade alone need not be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from whet.judge.facts import ReportFacts
from whet.judge.figures import figure, signed
from whet.judge.markup import number, safe, section
from whet.judge.mistakes import as_mistake, differences
from whet.judge.words import Words

UNSPACED = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60]")
"""Signs of scripts that set no space between words."""
MARKED = 0.15
"""The share of the heaviest word's weight from which on a word is marked."""
MOST_CLAIMS = 3
"""Claims of one row that are shown: a long sentence may have many entities."""
LONGEST = 300
"""Characters of a training row that are shown."""


def explained(facts: ReportFacts, say: Words) -> str:
    """The few surest errors, each with what spoke for its answer."""
    body = "".join(_row(one, k == 0, say) for k, one in enumerate(facts.explained))
    return section("explained", say("explained"), body, say("explained_lead"))


def _row(one: Mapping[str, Any], is_open: bool, say: Words) -> str:
    explanation = one["explanation"]
    claims = explanation["claims"][:MOST_CLAIMS]
    head = say("explained_row", row=one["row"])
    answer = _answered(one, say)
    parts = [_claim(claim, len(claims) > 1, say) for claim in claims]
    near = "".join(_near(row) for row in explanation.get("nearest", ()))
    nearest = f"<p>{safe(say('explained_near'))}</p><ul>{near}</ul>" if near else ""
    summary = f"<summary>{safe(head)} <small>{safe(answer)}</small></summary>"
    return f"<details{' open' if is_open else ''}>{summary}{''.join(parts)}{nearest}</details>"


def _answered(one: Mapping[str, Any], say: Words) -> str:
    """Target and answer; of a row of words those that were answered wrongly alone."""
    apart = differences(as_mistake(one))
    if apart is None:
        return say("explained_answer", target=_said(one.get("target")), answer=_said(one.get("prediction")))
    told = [f"{word} {target} → {given}" for word, target, given in apart[:MOST_CLAIMS]]
    return ", ".join(told) + (f" … {len(apart)}" if len(apart) > MOST_CLAIMS else "")


def _claim(claim: Mapping[str, Any], several: bool, say: Words) -> str:
    parts = [part for part in claim["parts"] if isinstance(part["weight"], (int, float))]
    most = max((abs(part["weight"]) for part in parts), default=0.0) or 1.0
    words = "".join(
        _gap(before, part) + _word(part, part["weight"] / most)
        for before, part in zip([None, *parts[:-1]], parts, strict=True)
    )
    named = f"<b>{safe(claim['of'])}</b> " if several and claim.get("of") else ""
    return f'<p class="weighed">{named}{words}</p>'


def _gap(before: Mapping[str, Any] | None, part: Mapping[str, Any]) -> str:
    """What stands between two parts in the row itself: between texts a stroke, in a text a space or nothing.

    Words of a row that came in words have no places; a space is set unless both sides are written without.
    """
    if before is None:
        return ""
    if before.get("input") != part.get("input"):
        return " <b>|</b> "
    if "start" in part and "end" in before:
        return " " if part["start"] > before["end"] else ""
    return "" if UNSPACED.match(before["text"][-1:]) and UNSPACED.match(part["text"]) else " "


def _word(part: Mapping[str, Any], share: float) -> str:
    if abs(share) < MARKED:
        return f"<span>{safe(part['text'])}</span>"
    kind, sign = ("for", "+") if share > 0 else ("against", "−")
    tint, hint = round(60 * abs(share)), safe(signed(part["weight"]))
    return f'<mark class="{kind}" style="--t:{tint}%" title="{hint}"><sup>{sign}</sup>{safe(part["text"])}</mark>'


def _near(row: Mapping[str, Any]) -> str:
    target = row.get("target")
    own = [value for name, value in row.items() if name not in ("row", "target", "similarity")]
    own = [value for value in own if value not in (None, "", target)]
    text = " | ".join(map(_said, own))
    text = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    words = next(
        (one for one in own if isinstance(one, list) and isinstance(target, list) and len(one) == len(target)), None
    )
    label = _said(target) if words is None else _tagged(words, target or [])
    return f"<li>{number(row['similarity'])} <b>{safe(label[:LONGEST])}</b> {safe(text)}</li>"


def _tagged(words: Sequence[Any], tags: Sequence[Any]) -> str:
    """The words of a row that carry more than ``O``, each with its tag."""
    return ", ".join(f"{word} {tag}" for word, tag in zip(words, tags, strict=True) if tag != "O") or "O"


def _said(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value))
    return figure(value) if isinstance(value, float) else "–" if value is None else str(value)
