"""Why the model is no better than the baseline, as a list right under the verdict."""

from __future__ import annotations

from whet.judge.facts import ReportFacts
from whet.judge.markup import safe, section
from whet.judge.words import Words


def reasons(facts: ReportFacts, say: Words) -> str:
    """The likely reasons in the order in which to look, each with its cure; nothing where it is better."""
    told = [one["text"] for one in facts.findings if "reason" in (one.get("evidence") or {})]
    items = "".join(f"<li>{safe(text)}</li>" for text in told)
    return section("reasons", say("reasons"), f"<ol>{items}</ol>" if items else "", say("reasons_lead"))
