"""Findings in the report: what is next comes first, the rest as strengths and weaknesses, each told once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from judge.made_facts import sorting_facts
from whet.judge.report import render


def finding(kind, text, **evidence):
    return {"kind": kind, "text": text, "evidence": evidence, "rows": [1, 2]}


def parts(page):
    """The page cut before each title, by the ids of its sections and the words of its groups."""
    cut = page.index("<nav")
    marks = {name: page.find(f'<section id="{name}"') for name in ("next", "findings", "scores", "slices", "labels")}
    marks |= {name: page.find(f'<div class="{name}">') for name in ("strength", "weakness")}
    order = sorted((at, name) for name, at in marks.items() if at > cut)
    ends = [at for at, _ in order[1:]] + [len(page)]
    return {name: page[at:end] for (at, name), end in zip(order, ends, strict=True)}


@pytest.mark.parametrize(
    ("kind", "evidence", "group"),
    [
        ("strength", {}, "strength"),
        ("weakness", {}, "weakness"),
        ("slice", {"asked": 3}, "strength"),
        ("slice", {"asked": 3, "conditions": []}, "weakness"),
        ("calibration", {"ece": 0.01}, "strength"),
        ("calibration", {"ece": 0.2}, "weakness"),
        ("retention", {"unchanged": True, "probes": []}, "strength"),
        ("retention", {"probes": [{"lost": False}]}, "strength"),
        ("retention", {"probes": [{"lost": False}, {"lost": True}]}, "weakness"),
        ("retention", {"probes": []}, "weakness"),
        ("leak", {}, "weakness"),
        ("of a plugin", {}, "weakness"),
        ("next", {}, "next"),
        ("folds", {"values": []}, "scores"),
        ("strength", {"against": "untuned", "verdict": "better"}, "strength"),
    ],
)
def test_a_finding_stands_in_one_place(kind, evidence, group):
    page = render(replace(sorting_facts(), findings=[finding(kind, "It is so.", **evidence)]))
    assert page.count("It is so.") == 1
    assert "It is so." in parts(page)[group]


def test_what_to_do_next_comes_before_strengths_before_weaknesses():
    found = [finding(kind, kind) for kind in ("weakness", "leak", "strength", "next")]
    page = render(replace(sorting_facts(), findings=found))
    places = [page.index(f">{text}<") for text in ("What to do next", "Strengths", "Weaknesses")]
    assert page.index('id="verdict"') < places[0] and places == sorted(places)
    assert list(parts(page))[:4] == ["next", "findings", "strength", "weakness"]


def test_of_two_classes_the_tables_say_it_and_of_three_the_words_too():
    best = finding("strength", "Best is so.", label="a", f1=0.9, precision=0.9, recall=0.9)
    mixed = finding("confusion", "Mixed is so.", true="a", answered="b", count=3)
    facts = replace(sorting_facts(), findings=[best, mixed])
    page = render(facts)
    assert "Best is so." in page and '<a href="#confusion">Confusion</a> Mixed is so.' in page
    two = replace(
        facts, classes=facts.classes[:2], confusion={"of": "rows", "labels": ["a", "b"], "counts": [[3, 1], [2, 4]]}
    )
    assert "is so." not in render(two)
    assert "Best is so." in render(replace(two, confusion=None))  # entities have no matrix


def test_the_doubtful_labels_lead_their_list_and_without_a_list_stand_among_the_weaknesses():
    facts = replace(sorting_facts(), findings=[finding("label_error", "Labels are so.")])
    assert "Labels are so." in parts(render(facts))["weakness"]
    line = {"split": "test", "row": 1, "given": "a", "suggested": "b", "confidence": 0.9, "text": "t"}
    listed = render(replace(facts, relabel=[line]))
    assert listed.count("Labels are so.") == 1 and "Labels are so." in parts(listed)["labels"]


def test_rows_that_the_sentence_names_are_not_named_again():
    told, bare = finding("strength", "Easiest: rows 1, 2."), finding("strength", "Easiest.")
    assert '<small class="rows">' not in render(replace(sorting_facts(), findings=[told]))
    assert '<small class="rows">Rows 1, 2</small>' in render(replace(sorting_facts(), findings=[bare]))
