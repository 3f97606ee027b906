"""The sections of weak slices and of labels to look at."""

from __future__ import annotations

import dataclasses
import json

import pytest

from judge.made_facts import SCHEMA, Sorting, answered, sorting_facts, split
from whet.core import draws
from whet.core.rundir import plain
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge
from whet.judge.labels_section import relabel_row
from whet.judge.options import EvaluateOptions
from whet.judge.report import render
from whet.judge.slice_findings import condition_words
from whet.judge.traits import SIGNS
from whet.judge.words import Words
from whet.tasks.contract import Pair, Prediction

SHOPS = ("north", "south", "<b>east</b>", "")


def judged(language="en"):
    """240 rows of which those of one shop are answered badly, with own columns and unknown tokens."""
    random, pairs, rows = draws.generator(8, "shops"), [], []
    for k, pair in enumerate(answered(240, 1.0, 2)):
        wrong = random.random() < (0.6 if k % 4 == 2 else 0.1)
        answer = next(label for label in SCHEMA.labels if (label != pair.example.target) == wrong)
        chances = {label: 0.9 if label == answer else 0.05 for label in SCHEMA.labels}
        pairs.append(Pair(pair.example, Prediction(answer, chances)))
        rows.append({"text": pair.example.inputs[0], "shop": SHOPS[k % 4], "price": k % 37 + 0.5})
    held = HeldOut(pairs, originals=rows, roles=("text",), unknown=[0.25 * (k % 3 == 0) for k in range(240)])
    options = EvaluateOptions(language=language)
    found = judge(Sorting(), SCHEMA, split("train", answered(90, 1.0, 1)), [], held, None, options, 1)
    return found, rows


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_weak_column_is_told_with_its_rows_and_drawn(language):
    found, rows = judged(language)
    (weak,) = [one for one in found.findings if one.kind == "slice"]
    assert weak.evidence["conditions"] == [{"kind": "column", "name": "shop", "value": "<b>east</b>"}]
    assert weak.evidence["value"] < weak.evidence["rest"] and weak.evidence["p"] < 0.05
    assert {row % 4 for row in weak.rows} == {3} and weak.evidence["rows"] == len(weak.rows) == 60
    metrics = json.loads(json.dumps(plain(found.as_metrics()), allow_nan=False))
    first, *others = metrics["slices"]["groups"]
    assert first["worse"] and not any(one["worse"] for one in others)
    assert {one["conditions"][0]["kind"] for one in others} == {"length", "unknown", "column"}
    facts = dataclasses.replace(sorting_facts(language), metrics=metrics, findings=found.as_findings())
    page = render(facts)
    assert 'id="slices"' in page and "<b>east</b>" not in page and "&lt;b&gt;east" in page
    assert page.count('class="bar"><i') >= len(metrics["slices"]["groups"])
    assert 'id="slices"' not in render(dataclasses.replace(facts, metrics={**metrics, "slices": {}}))


def test_where_nothing_is_weaker_it_is_said_how_much_was_asked():
    even = answered(240, 1.0, 2)
    turned = [Pair(p.example, Prediction("neutral" if k % 7 == 0 else p.example.target)) for k, p in enumerate(even)]
    found = judge(Sorting(), SCHEMA, None, [], HeldOut(turned), None, EvaluateOptions(), 1)
    (none,) = [one for one in found.findings if one.kind == "slice"]
    assert f"none of {none.evidence['asked']} groups" in none.text and none.evidence["asked"] > 5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_labels_to_look_at_stand_in_the_report_with_their_rows(language):
    found, rows = judged(language)
    lines = [relabel_row(doubt, rows[doubt.place]) for doubt in found.doubts]
    assert lines[0]["split"] == "test" and {"given", "suggested", "confidence", "text", "shop"} <= set(lines[0])
    assert lines[0]["text"] == rows[lines[0]["row"] - 1]["text"]
    page = render(dataclasses.replace(sorting_facts(language), relabel=lines))
    body = page[page.index('id="labels"') : page.index("</section>", page.index('id="labels"'))]
    assert body.count("<tr>") == min(50, len(lines)) + 1 and "<b>east" not in body
    assert 'id="labels"' not in render(sorting_facts(language))


def test_a_column_that_is_called_as_ours_keeps_its_cells():
    found, _ = judged()
    line = relabel_row(found.doubts[0], {"row": "own", "given": "too", "text": "t"})
    assert (line["row"], line["input_row"], line["input_given"]) == (found.doubts[0].row, "own", "too")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_condition_has_words(language):
    say = Words(language)
    conditions = [
        {"kind": "length", "low": 3.0, "high": 10.0},
        {"kind": "unknown", "low": 0.0, "high": 0.0},
        {"kind": "unknown", "low": 0.0, "high": 0.1},
        {"kind": "unknown", "low": 0.1, "high": 0.3},
        {"kind": "column", "name": "shop", "value": "x"},
        {"kind": "column", "name": "shop", "value": ""},
        {"kind": "column", "name": "price", "value": None, "low": 1.0, "high": 2.5},
        {"kind": "column", "name": "day", "value": None, "low": "2024-01-01 00:00:00", "high": "2024-02-01 00:00:00"},
        {"kind": "word", "value": "not"},
        *({"kind": "sign", "name": name} for name in SIGNS),
    ]
    said = [condition_words(one, say) for one in conditions]
    assert len(set(said)) == len(said) and not any("{" in one or "00:00" in one for one in said)


def test_a_year_is_written_as_in_the_file():
    years = {"kind": "column", "name": "year", "value": None, "low": 1998.0, "high": 2004.0}
    assert condition_words(years, Words("en")) == "rows with year from 1998 to 2004"


def test_of_a_word_in_doubt_the_row_s_own_tags_are_not_shown_again():
    line = {"split": "test", "row": 4, "given": "B-PER", "suggested": "O", "confidence": 0.9, "word": 1}
    lines = [{**line, "tokens": ["so", "Ada"], "tags": ["O", "B-PER"]}]
    page = render(dataclasses.replace(sorting_facts(), relabel=lines))
    body = page[page.index('id="labels"') :]
    assert '<th scope="col">tokens</th>' in body and '<th scope="col">tags</th>' not in body
    assert "<strong>B-PER</strong> <small>word 2</small>" in body
