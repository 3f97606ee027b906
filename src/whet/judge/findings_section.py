"""The findings in words, in three groups: what to do next, then strengths and weaknesses.

A finding is told once. What a table or a section says already with the same numbers is left to it: how the
folds differ to the scores, the doubtful labels to their list, both classes and both confusions of a task with two
labels to the tables by class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.judge.facts import ReportFacts
from whet.judge.general import GOOD_ECE
from whet.judge.markup import safe, section
from whet.judge.words import Words

WEAKNESSES = ("leak", "weakness", "confusion", "slice", "calibration", "label_error", "retention")
STRENGTHS = ("strength", "slice", "calibration", "retention")
"""The order in which kinds are told; three of them are told as either."""
HOME = {"confusion": "confusion", "slice": "slices", "calibration": "calibration", "retention": "retention"}
"""The section in which the numbers behind a kind stand."""


def next_steps(facts: ReportFacts, say: Words) -> str:
    """What to do next, the first thing that one reads below the verdict."""
    return section("next", say("next_steps"), _items([one for one in facts.findings if one["kind"] == "next"], (), say))


def findings(facts: ReportFacts, say: Words, present: Sequence[str]) -> str:
    """Strengths, then weaknesses; ``present`` are the page's sections, to which kinds of findings lead."""
    told = [one for one in facts.findings if not _told_elsewhere(one, facts, present)]
    known = set(WEAKNESSES) | set(STRENGTHS)
    parts = []
    for group, order in (("strength", STRENGTHS), ("weakness", WEAKNESSES)):
        own = [one for one in told if one["kind"] in known and is_strength(one) == (group == "strength")]
        if group == "weakness":
            own += [one for one in told if one["kind"] not in known]
        own.sort(key=lambda one: order.index(one["kind"]) if one["kind"] in order else len(order))
        if own:
            heading = safe(say("strengths" if group == "strength" else "weaknesses"))
            parts.append(f'<div class="{group}"><h3>{heading}</h3>{_items(own, present, say)}</div>')
    return section("findings", say("findings"), "".join(parts))


def beside_scores(facts: ReportFacts) -> list[str]:
    """Sentences that belong under the table of scores: how the folds differ."""
    return [str(one["text"]) for one in facts.findings if one["kind"] == "folds"]


def label_error(facts: ReportFacts) -> str | None:
    """The sentence about doubtful labels, which leads their list."""
    return next((str(one["text"]) for one in facts.findings if one["kind"] == "label_error"), None)


def is_strength(finding: Mapping[str, Any]) -> bool:
    """Whether a finding speaks for the model; kinds that can be either are told apart by their numbers."""
    kind, evidence = finding["kind"], finding.get("evidence") or {}
    if kind == "slice":
        return "conditions" not in evidence
    if kind == "calibration":
        return bool(evidence.get("ece", 1.0) < GOOD_ECE)
    if kind == "retention":
        probes = evidence.get("probes") or ()
        return bool(evidence.get("unchanged") or probes) and not any(probe.get("lost") for probe in probes)
    return bool(kind == "strength")


def _told_elsewhere(finding: Mapping[str, Any], facts: ReportFacts, present: Sequence[str]) -> bool:
    kind, evidence = finding["kind"], finding.get("evidence") or {}
    if kind in ("next", "folds") or "reason" in evidence:
        return True
    if kind == "label_error":
        return "labels" in present
    of_class = kind == "confusion" or {"label", "f1", "precision"} <= set(evidence)
    return of_class and len(facts.classes) == 2 and {"classes", "confusion"} <= set(present)


def _items(found: Sequence[Mapping[str, Any]], present: Sequence[str], say: Words) -> str:
    items = "".join(f"<li>{_lead(one, present, say)}{safe(one['text'])}{_rows(one, say)}</li>" for one in found)
    return f'<ul class="findings">{items}</ul>' if items else ""


def _lead(finding: Mapping[str, Any], present: Sequence[str], say: Words) -> str:
    """What the finding is about, and a link to its numbers; nothing where the group's title says it."""
    kind = finding["kind"]
    if kind in ("strength", "weakness", "next"):
        return ""
    word = safe(say(f"kind_{kind}") if kind in WEAKNESSES else kind)
    home = HOME.get(kind)
    return f'<a href="#{home}">{word}</a> ' if home in present else f"<b>{word}</b> "


def _rows(finding: Mapping[str, Any], say: Words) -> str:
    rows = [entry.get("row") if isinstance(entry, Mapping) else entry for entry in finding.get("rows") or ()]
    first = ", ".join(map(str, rows[:10]))
    if len(rows) < 2 or first in str(finding["text"]):
        return ""
    count = finding.get("row_count", len(rows))
    more = f" … ({count})" if count > 10 else ""
    return f'<small class="rows">{safe(say("rows_are", rows=first + more))}</small>'
