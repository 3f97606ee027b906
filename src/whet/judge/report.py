"""``report.html``: one file that needs nothing else, the verdict first, then what is behind it.

The page asks no server for anything: style and script are in it, charts are inline SVG, and its content
security policy names the script by its hash, so that nothing that stands in the data can run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

from whet.judge import sections
from whet.judge.card import base_name
from whet.judge.curving import curve
from whet.judge.explained_section import explained
from whet.judge.facts import ReportFacts
from whet.judge.findings_section import findings, next_steps
from whet.judge.labels_section import labels
from whet.judge.markup import contents, safe, section, titles
from whet.judge.reasons_section import reasons
from whet.judge.retention_section import retention
from whet.judge.slices_section import slices
from whet.judge.verdict import scores, scores_lead, sentences, verdict
from whet.judge.words import Words
from whet.judge.wrong import wrong_answers

__all__ = ["ReportFacts", "render"]

LANGUAGES = {"en": "en", "zh": "zh-CN"}


def render(facts: ReportFacts) -> str:
    """The report as one HTML page, in the facts' language; sections without facts are left out."""
    say = Words(facts.language)
    below = [
        section("scores", say("scores"), scores(facts, say), scores_lead(facts, say)),
        sections.learning(facts, say),
        curve(facts, say),
        sections.classes(facts, say),
        sections.confusion(facts, say),
        sections.calibration(facts, say),
        slices(facts, say),
        wrong_answers(facts, say),
        explained(facts, say),
        labels(facts, say),
        retention(facts, say),
        sections.data(facts, say),
        sections.cost(facts, say),
        sections.recipe(facts, say),
    ]
    present = [name for name, _ in titles("".join(below))]
    above = [reasons(facts, say), next_steps(facts, say), findings(facts, say, present)]
    body = "".join([*above, *below])
    style, script = _part("page.css"), _part("page.js")
    return (
        f'<!doctype html>\n<html lang="{LANGUAGES[facts.language]}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        f'<meta name="color-scheme" content="light dark">'
        f'<meta name="description" content="{safe(sentences(facts, say)[0])}">'
        f"<title>{safe(facts.title)}</title><style>{style}</style></head><body>"
        f"{_head(facts, say)}<main>{verdict(facts, say)}{contents(body, say('contents'))}{body}</main>"
        f"<footer>{safe(say('footer'))}</footer>"
        f"<script>{script}</script></body></html>\n"
    )


def _head(facts: ReportFacts, say: Words) -> str:
    known = {key: facts.metrics[key] for key in ("task", "strategy", "model", "seed") if key in facts.metrics}
    if "model" in known:
        known["model"] = base_name(known["model"])
    if facts.kind:
        known["kind"] = facts.kind
    chips = "".join(f"<li>{safe(say(key))} <b>{safe(value)}</b></li>" for key, value in known.items())
    return f"<header><h1>{safe(facts.title)}</h1><ul>{chips}</ul></header>"


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"


@lru_cache
def _part(name: str) -> str:
    return files("whet.judge").joinpath(name).read_text("utf-8")
