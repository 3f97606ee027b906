"""The report's section about what the model forgot: the probes, and the change by layer; the finding says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.judge.charts import Line, lines
from whet.judge.facts import ReportFacts
from whet.judge.markup import number, safe, section, table
from whet.judge.words import Words


def retention(facts: ReportFacts, say: Words) -> str:
    """What the model forgot, where it was measured."""
    found = facts.metrics.get("retention") or {}
    rows = [_row(probe, k, say) for k, probe in enumerate(found.get("probes") or [])]
    head = [say(key) for key in ("probe", "metric", "before", "after", "difference", "direction")]
    body = table(head, rows, "retention", (2, 3, 4)) if rows else ""
    drawn = _by_layer(found, say)
    body += f'<div class="chart">{drawn}</div>' if drawn else ""
    return section("retention", say("retention"), body, say("retention_lead"))


def _row(probe: Mapping[str, Any], k: int, say: Words) -> list[str]:
    of = f"retention.probes.{k}"
    gap = probe.get("difference") or {}
    between = f"{number(gap.get('low'), f'{of}.difference.low')} … {number(gap.get('high'), f'{of}.difference.high')}"
    return [
        safe(say.probe(probe)),
        safe(say.metric(str(probe.get("metric", "")))),
        number(probe.get("before"), f"{of}.before"),
        number(probe.get("after"), f"{of}.after"),
        f"{number(gap.get('value'), f'{of}.difference.value')} <small>{between}</small>" if gap else "–",
        safe(say(f"better_{probe['better']}") if "better" in probe else "–"),
    ]


def _by_layer(found: Mapping[str, Any], say: Words) -> str:
    """CKA from the states below the first block (0) up to the last block; 1 is the same, 0 is nothing alike.

    The axis reaches down to the lowest value, but at least to 0.9, lest changes of a thousandth look like a fall.
    """
    cka = [found.get("cka_embeddings"), *(found.get("cka") or [])]
    points = [(float(k), float(v)) for k, v in enumerate(cka) if isinstance(v, (int, float))]
    lowest = min(range(len(points)), key=lambda k: points[k][1], default=None)
    return lines(say("cka"), [Line(say("cka"), points, "a", dots=True, best=lowest)], say("block"), (0.9, 1.0))
