"""Groups of rows with their scores as bars, the weak ones first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.judge.facts import ReportFacts
from whet.judge.figures import figure
from whet.judge.markup import number, safe, section, table
from whet.judge.slice_findings import condition_words
from whet.judge.slices import LEVEL
from whet.judge.words import Words


def slices(facts: ReportFacts, say: Words) -> str:
    """A bar a group: its score, its rows, and p where it is significantly weaker."""
    found = facts.metrics.get("slices") or {}
    groups = found.get("groups") or []
    if not groups:
        return ""
    metric = found["metric"]
    most = max((abs(one["value"]) for one in groups if one["value"] is not None), default=0) or 1.0
    whole = found["value"]
    most = max(most, abs(whole or 0), 1.0 if most <= 1 else 0)
    rows = [_row(one, most, whole, say) for one in groups]
    head = [say("group"), say.metric(metric), say("rest"), say("rows"), "p"]
    lead = say("slices_lead", metric=say.metric(metric), asked=figure(found["asked"]), whole=figure(whole))
    return section("slices", say("slices"), table(head, rows, "classes slices", range(1, 5)), lead)


def _row(one: Mapping[str, Any], most: float, whole: float | None, say: Words) -> list[str]:
    told = safe(say("slice_and").join(condition_words(condition, say) for condition in one["conditions"]))
    value = one["value"]
    mark = "" if whole is None else f'<b style="left:{100 * abs(whole) / most:.1f}%"></b>'
    width = 0.0 if value is None else 100 * abs(value) / most
    bar = f'<span class="bar"><i style="width:{width:.1f}%"></i>{mark}</span>'
    cells = [number(value) + bar, number(one["rest"]), number(one["rows"]), number(one["p"])]
    return [f"<strong>{told}</strong>" if one["worse"] or one["p"] <= LEVEL else told, *cells]
