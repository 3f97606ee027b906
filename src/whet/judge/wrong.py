"""The section of wrong answers: a table that one can filter by words or by a pair of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.judge.facts import ReportFacts
from whet.judge.figures import figure
from whet.judge.markup import cell, filtered, number, safe, section, tree
from whet.judge.mistakes import Mistake, differences, mistakes
from whet.judge.words import Words

LONGEST = 700
"""Characters of an input that are shown."""
MOST_WORDS = 12
"""Differing words of one row that are shown."""


def wrong_answers(facts: ReportFacts, say: Words) -> str:
    """The wrong answers with a filter; the answers as they stand where they are numbers, or no truth is known."""
    if not facts.errors:
        return ""
    found = mistakes(facts.errors)
    shown, known = found.shown, found.known
    if not shown:
        return section("errors", say("errors"), f"<p>{safe(say('no_errors'))}</p>")
    own = list(dict.fromkeys(name for one in shown for name in one.inputs))
    sure = any(one.sure is not None for one in shown)
    truth, certainty = ([say("target")] if known else []), ([say("sure")] if sure else [])
    head = [say("row"), *own, *truth, say("prediction"), *certainty]
    body = [_row(one, own, known, sure, say) for one in shown]
    drawn = filtered(head, body, "", say("filter"), say("count_of"))
    key = "answers_lead" if not known else "far_lead" if found.far else "errors_lead"
    lead = say(key, wrong=figure(found.count), rows=figure(found.rows))
    if found.count > len(shown):
        lead += " " + say("errors_cut", shown=figure(len(shown)))
    return section("errors", say("errors" if known and not found.far else "answers"), drawn, lead)


def _row(one: Mistake, own: Sequence[str], known: bool, sure: bool, say: Words) -> str:
    """A row; it carries its pair of labels, by which a cell of the confusion matrix picks it."""
    cells = [cell("n", say("row"), str(one.row))]
    cells += [cell("text", name, safe(_cut(one.inputs.get(name), " "))) for name in own]
    apart = differences(one)
    if apart is not None:
        words = "".join(f"<li><b>{safe(w)}</b> {safe(t)} → <em>{safe(g)}</em></li>" for w, t, g in apart[:MOST_WORDS])
        more = f"<li>… {len(apart)}</li>" if len(apart) > MOST_WORDS else ""
        cells.append(f'<td colspan="2"><ul class="apart">{words}{more}</ul></td>')
    else:
        cells += [cell("", say("target"), _answer(one.target))] if known else []
        cells.append(cell("given" if known else "", say("prediction"), _answer(one.prediction)))
    if sure:
        cells.append(cell("n", say("sure"), number(one.sure)))
    link = ""
    if isinstance(one.target, str) and isinstance(one.prediction, str):
        link = f' data-from="{safe(one.target)}" data-to="{safe(one.prediction)}"'
    return f"<tr{link}>{''.join(cells)}</tr>"


def _answer(value: Any) -> str:
    if isinstance(value, Mapping):
        return tree(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, list):
        return safe(_cut(value, ", ")) or "∅"
    return safe("–" if value is None else _cut(value, " "))


def _cut(value: Any, between: str) -> str:
    text = between.join(map(str, value)) if isinstance(value, list) else str("" if value is None else value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
