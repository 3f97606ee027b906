"""The report's sections of explained errors and of the learning curve, in both languages."""

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
