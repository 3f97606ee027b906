"""The labels to look at: one line each for ``relabel.jsonl``, and the first of them as a table of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.core.rundir import plain
from whet.judge.doubts import Doubt
from whet.judge.facts import ReportFacts
from whet.judge.figures import figure
from whet.judge.findings_section import label_error
from whet.judge.markup import cell, filtered, number, safe, section
from whet.judge.words import Words

OURS = ("split", "row", "given", "suggested", "confidence", "margin", "z", "word")
"""whet's own keys; a column of such a name gets the prefix ``input_``."""
SHOWN, LONGEST = 50, 300
"""Labels on the page, and characters of a cell."""


def relabel_row(doubt: Doubt, original: Mapping[str, Any]) -> dict[str, Any]:
    """A line of ``relabel.jsonl``: where the label stands, what it is and what it may be, and the user's own row."""
    own = {f"input_{name}" if name in OURS else str(name): plain(value) for name, value in original.items()}
    return {**plain(doubt.as_dict()), **own}


def labels(facts: ReportFacts, say: Words) -> str:
    """The labels that are probably wrong, the most doubtful first."""
    shown = facts.relabel[:SHOWN]
    if not shown:
        return ""
    own = [name for name in dict.fromkeys(key for one in shown for key in one) if name not in OURS]
    own = [name for name in own if any(not _is_label(one.get(name), one) for one in shown)]  # not the label twice
    sure = "confidence" if "confidence" in shown[0] else "z"
    head = [say("row"), *own, say("given"), say("suggested"), say("sure") if sure == "confidence" else "z"]
    rows = []
    for one in shown:
        place = f"{say.name(str(one['split']))} {one['row']}"
        texts = [cell("text", name, safe(_cut(one.get(name)))) for name in own]
        pair = [cell("", say(side), _label(one, side, say)) for side in ("given", "suggested")]
        cells = [cell("place", head[0], safe(place)), *texts, *pair, cell("n", head[-1], number(one[sure]))]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    lead = label_error(facts) or say("labels_to_check_lead", count=figure(len(facts.relabel)))
    body = filtered(head, rows, "labels", say("filter"), say("count_of"))
    return section("labels", say("labels_to_check"), body, lead)


def _is_label(value: Any, one: Mapping[str, Any]) -> bool:
    """Whether a cell holds the label in doubt, alone or among those of its row's words."""
    word = one.get("word")
    if word is not None and isinstance(value, list) and word < len(value):
        value = value[word]
    return str(value) == str(one["given"])


def _label(one: Mapping[str, Any], side: str, say: Words) -> str:
    value, word = one[side], one.get("word")
    shown = number(value) if isinstance(value, float) else f"<strong>{safe(value)}</strong>"
    return shown if word is None else f"{shown} <small>{safe(say('word_number', number=word + 1))}</small>"


def _cut(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str("" if value is None else value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
