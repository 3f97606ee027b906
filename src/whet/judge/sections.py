"""The sections of the report below the verdict; each is empty where its facts are missing."""

from __future__ import annotations

from typing import Any

from whet.judge import charts
from whet.judge.facts import ReportFacts
from whet.judge.figures import duration, share, size
from whet.judge.learning import learning_charts
from whet.judge.markup import number, pairs, safe, section, table, tree
from whet.judge.words import Words

MOST_CLASSES = 12
"""Classes of the drawn confusion matrix; beyond, those with the most confusions are drawn."""


def learning(facts: ReportFacts, say: Words) -> str:
    """Loss and validation metric over the epochs."""
    drawn = learning_charts(facts.log, facts.metric, say)
    body = "".join(f'<div class="chart">{chart}</div>' for chart in drawn)
    lead = say("learning_lead" if len(drawn) > 1 else "learning_lead_one")
    return section("learning", say("learning"), f'<div class="two">{body}</div>' if body else "", lead)


def classes(facts: ReportFacts, say: Words) -> str:
    """How well each class is found, the weakest last seen first: a bar a class."""
    head = [say(key) for key in ("class", "f1", "precision", "recall", "support", "answered")]
    rows = []
    for row in sorted(facts.classes, key=lambda one: one["f1"]):
        bar = f'<span class="bar"><i style="width:{100 * row["f1"]:.1f}%"></i></span>'
        cells = [safe(row["label"]), number(row["f1"]) + bar]
        cells += [number(row[key]) for key in ("precision", "recall", "support", "predicted")]
        rows.append(cells)
    body = table(head, rows, "classes", range(1, 6)) if rows else ""
    return section("classes", say("classes"), body, say("classes_lead"))


def confusion(facts: ReportFacts, say: Words) -> str:
    """What is taken for what: truth in rows, answers in columns; a cell that counts rows filters the errors below."""
    found = facts.confusion
    if not found or len(found["labels"]) < 2:
        return ""
    labels, counts = _most_confused(found["labels"], found["counts"])
    of, units = found["of"], say(f"units_{found['of']}")
    head = "".join(f'<th scope="col"><span>{safe(label)}</span></th>' for label in labels)
    body = []
    for k, label in enumerate(labels):
        total = sum(found["counts"][found["labels"].index(label)]) or 1
        cells = []
        for j, count in enumerate(counts[k]):
            tint = round(100 * count / total)
            kind = "right" if j == k else "wrong" if count else "none"
            hint = safe(say("confusion_cell", count=count, units=units, true=label, answered=labels[j]))
            inner = str(count)
            if kind == "wrong" and of == "rows":
                pair = f'data-from="{safe(label)}" data-to="{safe(labels[j])}"'
                inner = f'<button {pair} aria-label="{hint}">{count}</button>'
            cells.append(f'<td class="{kind}" style="--t:{tint}%" title="{hint}">{inner}</td>')
        body.append(f'<tr><th scope="row">{safe(label)}</th>{"".join(cells)}</tr>')
    corner = f'<th class="corner">{safe(say("confusion_corner"))}</th>'
    inside = f"<thead><tr>{corner}{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    drawn = f'<table class="confusion">{inside}</table>'
    lead = say(f"confusion_lead_{of}")
    if len(labels) < len(found["labels"]):
        lead += " " + say("confusion_cut", shown=len(labels), all=len(found["labels"]))
    return section("confusion", say("confusion"), f'<div class="scroll">{drawn}</div>', lead)


def calibration(facts: ReportFacts, say: Words) -> str:
    """The reliability diagram with its two numbers."""
    found = facts.metrics.get("calibration")
    if not found:
        return ""
    temperature = number(found.get("temperature"), "calibration.temperature")
    told = [(say("ece"), number(found.get("ece"), "calibration.ece"))]
    if found.get("by_chance") is not None:
        told.append((say("ece_by_chance"), number(found["by_chance"], "calibration.by_chance")))
    if found.get("ece_before") is not None:
        told.append((say("ece_before"), number(found["ece_before"], "calibration.ece_before")))
    told.append((say("temperature"), temperature if found.get("temperature") is not None else safe(say("not_fitted"))))
    if found.get("brier") is not None:
        told.append((say.metric("brier"), number(found["brier"], "calibration.brier")))
    of_labels = "by_label" in found
    words = (say("probability"), say("share_there")) if of_labels else (say("confidence"), say("share_right"))
    drawn = charts.reliability(say("calibration"), found.get("bins") or [], *words, say("ideal"))
    body = pairs(told) + (f'<div class="chart">{drawn}</div>' if drawn else "")
    body = f'<div class="beside">{body}</div>'
    return section(
        "calibration", say("calibration"), body, say("calibration_lead_labels" if of_labels else "calibration_lead")
    )


def data(facts: ReportFacts, say: Words) -> str:
    """Rows a split, what was said aloud about them, what the check found, and the files' fingerprints."""
    found = facts.metrics.get("data") or {}
    counted = (found.get("rows") or {}).items()
    rows = [(say.name(name), number(count, f"data.rows.{name}")) for name, count in counted]
    notes = "".join(f"<li>{safe(note)}</li>" for note in facts.notes)
    body = pairs(rows) + (f"<ul>{notes}</ul>" if notes else "")
    account = found.get("account") or {}
    if account:
        keys = list(dict.fromkeys(key for part in account.values() for key in part))
        lines = [[safe(say.name(name)), *(number(part.get(key)) for key in keys)] for name, part in account.items()]
        body += table([say("split"), *map(say.name, keys)], lines, "", range(1, len(keys) + 1))
    if facts.check:
        body += f"<details><summary>{safe(say('check'))}</summary>{tree(facts.check)}</details>"
    if found.get("sha256"):
        body += f"<details><summary>SHA-256</summary>{tree(found['sha256'])}</details>"
    return section("data", say("data"), body)


def cost(facts: ReportFacts, say: Words) -> str:
    """Time, memory and weights."""
    metrics = facts.metrics
    rows = []
    for group, render in (("timing", None), ("memory", size), ("parameters", None)):
        for name, value in (metrics.get(group) or {}).items():
            if isinstance(value, dict):
                rows += _parts(value, f"{group}.{name}", say)
                continue
            shown = None
            if isinstance(value, (int, float)):
                seconds, shared = name.endswith("_seconds"), name in ("padding", "roof_share")
                shown = duration(value) if seconds else share(value) if shared else render(value) if render else None
            rows.append((say.name(name), number(value, f"{group}.{name}", shown)))
    counted = metrics.get("parameters") or {}
    if counted.get("total") and counted.get("trainable") is not None:
        rows.append((say("moved"), safe(share(counted["trainable"] / counted["total"]))))
    return section("cost", say("cost"), pairs(rows))


def _parts(seconds: dict[str, Any], place: str, say: Words) -> list[tuple[str, str]]:
    """Where the time of the steps went, each part with its share of all."""
    whole = sum(seconds.values()) or 1.0
    return [
        (say.name(f"step_{part}"), number(took, f"{place}.{part}", f"{duration(took)} ({share(took / whole)})"))
        for part, took in seconds.items()
    ]


def recipe(facts: ReportFacts, say: Words) -> str:
    """The whole recipe and the versions, for whoever wants the same again."""
    body = f"<details><summary>recipe.yaml</summary><pre>{safe(facts.recipe)}</pre></details>" if facts.recipe else ""
    versions = facts.metrics.get("versions")
    if versions:
        body += f"<details><summary>{safe(say('versions'))}</summary>{tree(versions)}</details>"
    return section("recipe", say("recipe"), body)


def _most_confused(labels: list[str], counts: list[list[int]]) -> tuple[list[str], list[list[int]]]:
    if len(labels) <= MOST_CLASSES:
        return labels, counts
    span = range(len(labels))
    wrong = [sum(counts[k]) + sum(counts[j][k] for j in span) - 2 * counts[k][k] for k in span]
    kept = sorted(sorted(span, key=lambda k: -wrong[k])[:MOST_CLASSES])
    return [labels[k] for k in kept], [[counts[k][j] for j in kept] for k in kept]
