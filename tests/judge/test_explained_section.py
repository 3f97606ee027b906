"""The report's sections of explained errors and of the learning curve, in both languages."""

import re

import pytest

from whet.judge.facts import ReportFacts
from whet.judge.report import render

PARTS = [{"text": "Good", "weight": 2.0}, {"text": "<b>coffee", "weight": -1.0}, {"text": "x", "weight": 0.01}]
NEAR = {"row": 3, "text": "bad <tea", "label": "negative", "target": "negative", "similarity": 0.9}
EXPLAINED = {
    "row": 7,
    "target": "positive",
    "prediction": "negative",
    "explanation": {"claims": [{"of": "negative", "score": 1.0, "parts": PARTS}], "nearest": [NEAR]},
}
CURVE = [{"share": s, "rows": int(200 * s), "value": s, "low": s, "high": s, "seconds": 9.0} for s in (0.25, 0.5, 1.0)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_carry_their_sign_and_nothing_breaks_out(language):
    metrics = {"metric": "accuracy", "test": {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}, "curve": CURVE}
    page = render(ReportFacts("t", metrics, explained=[EXPLAINED], language=language))
    assert '<mark class="for"' in page and "<sup>+</sup>Good</mark>" in page
    assert "<sup>−</sup>&lt;b&gt;coffee</mark>" in page and "<span>x</span>" in page
    assert "<b>coffee" not in page and "bad &lt;tea" in page
    assert '<section id="curve">' in page and 'data-of="curve.2.rows"' in page


def test_without_facts_there_are_no_such_sections():
    page = render(ReportFacts("t", {}))
    assert 'id="curve"' not in page and 'id="explained"' not in page


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([("Wait", 0, 4), (",", 4, 5), ("what", 6, 10), ("?", 10, 11)], "Wait, what?"),
        ([("结果", 0, 2), ("睡着", 2, 4), ("了", 4, 5)], "结果睡着了"),
        ([("Ada", None, None), ("works", None, None)], "Ada works"),
        ([("张", None, None), ("三", None, None), ("Lab", None, None)], "张三 Lab"),
    ],
)
def test_words_stand_as_in_the_row(parts, shown):
    places = [{"text": t, "weight": 0.0} | ({} if a is None else {"start": a, "end": b}) for t, a, b in parts]
    one = {**EXPLAINED, "explanation": {"claims": [{"of": "x", "score": 1.0, "parts": places}]}}
    page = render(ReportFacts("t", {}, explained=[one]))
    told = page[page.index('class="weighed">') : page.index("</p>", page.index('class="weighed">'))]
    assert re.sub("<[^>]*>", "", told.partition(">")[2]) == shown


def test_two_texts_of_a_row_are_told_apart():
    parts = [{"input": name, "text": "so", "weight": 0.0, "start": 0, "end": 2} for name in ("first", "second")]
    one = {**EXPLAINED, "explanation": {"claims": [{"of": "x", "score": 1.0, "parts": parts}]}}
    assert "</span> <b>|</b> <span>" in render(ReportFacts("t", {}, explained=[one]))


def test_of_a_row_of_words_the_wrong_ones_alone_stand_in_its_title():
    tags = {"target": ["B-PER", "O", "O"], "prediction": ["O", "O", "B-LOC"]}
    near = {"row": 3, "tokens": ["In", "Rome"], "tags": ["O", "B-LOC"], "target": ["O", "B-LOC"], "similarity": 0.9}
    one = {"row": 7, "tokens": ["Ada", "is", "here"], **tags, "explanation": {"claims": [], "nearest": [near]}}
    page = render(ReportFacts("t", {}, explained=[one]))
    assert "<small>Ada B-PER → O, here O → B-LOC</small>" in page
    assert "<b>Rome B-LOC</b> In Rome</li>" in page
