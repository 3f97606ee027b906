"""Labels to look at and the surest wrong answers, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whet.judge.doubts import FAR, Doubt, Doubts, by_split
from whet.judge.figures import figure, share
from whet.judge.words import Words
from whet.tasks.contract import Finding

SURE = 0.9
"""The probability from which on a wrong answer was given with great certainty."""
SHOWN = 20
"""Labels, or wrong answers, that stand in a finding's evidence; all labels to look at stand in relabel.jsonl."""


def label_findings(doubts: Doubts, knows: bool, say: Words) -> list[Finding]:
    """The labels to look at, and the surest wrong answers to test rows; each where there are some.

    No label is doubted where the model does not know the task, ``knows``: its errors are then its own.
    """
    if knows:
        return [*_doubted(doubts, say), *_surest(doubts, knows, say)]
    facts = {"count": 0, "asked": sum(doubts.asked.values())}
    unasked = [Finding("label_error", say("labels_not_doubted"), evidence=facts)] if doubts.found else []
    return [*unasked, *_surest(doubts, knows, say)]


def _doubted(doubts: Doubts, say: Words) -> list[Finding]:
    if not doubts.found:
        return []
    first = doubts.found[0]
    asked = sum(doubts.asked.values())
    splits = by_split(doubts.found)
    fill = {
        "count": figure(len(doubts.found)),
        "asked": figure(asked),
        "far": figure(FAR),
        "splits": say("comma").join(f"{say(split)} {figure(count)}" for split, count in splits.items()),
        "row": f"{say(first.split)} {first.row}",
        "given": _said(first.given),
        "suggested": _said(first.suggested),
        "sure": figure(first.confidence),
    }
    evidence: dict[str, Any] = {
        "count": len(doubts.found),
        "asked": asked,
        "by_split": splits,
        "doubts": [doubt.as_dict() for doubt in doubts.found[:SHOWN]],
    }
    if doubts.thresholds and len(doubts.thresholds) <= 50:
        evidence["thresholds"] = dict(doubts.thresholds)
    text = say("labels_far" if first.z is not None else "labels_doubted", **fill)
    return [Finding("label_error", text, *_rows(doubts.found, evidence))]


def _rows(doubts: Sequence[Doubt], evidence: dict[str, Any]) -> tuple[tuple[int, ...], dict[str, Any], tuple[str, ...]]:
    """Rows in the order in which to look at them, each once, with the split that each stands in."""
    seen = list(dict.fromkeys((doubt.split, doubt.row) for doubt in doubts))
    return tuple(row for _, row in seen), evidence, tuple(split for split, _ in seen)


def _surest(doubts: Doubts, knows: bool, say: Words) -> list[Finding]:
    test = [doubt for doubt in doubts.surest if doubt.split == "test"]
    sure = [doubt for doubt in test if (doubt.confidence or 0) >= SURE]
    if not sure:
        return []
    doubted = set(doubts.found)
    wrong, also = doubts.wrong.get("test", len(test)), sum(doubt in doubted for doubt in sure)
    fill = {"count": figure(len(sure)), "wrong": figure(wrong), "sure": share(SURE)}
    first = sure[0]
    fill |= {"row": str(first.row), "given": _said(first.given), "answered": _said(first.suggested)}
    evidence = {
        "sure": SURE,
        "count": len(sure),
        "wrong": wrong,
        **({"labels_doubted": also} if knows else {}),
        "errors": [
            {"row": one.row, "true": one.given, "answered": one.suggested, "confidence": one.confidence}
            for one in sure[:SHOWN]
        ],
    }
    rows = tuple(dict.fromkeys(one.row for one in sure))
    text = say("surest_errors", **fill, first=figure(first.confidence))
    return [Finding("weakness", text + (say("surest_doubted", also=figure(also)) if knows else ""), rows, evidence)]


def _said(value: Any) -> str:
    return figure(value) if isinstance(value, float) else str(value)
