"""The page: it needs nothing else, it lies about no number, and nothing in the data can break out of it."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from judge.made_facts import LABELS, language_facts, scale_facts, sorting_facts, tagging_facts
from whet.judge.card import card
from whet.judge.facts import ReportFacts
from whet.judge.paired import FEWEST_ROWS
from whet.judge.report import render
from whet.judge.verdict import sentences, verdict_of
from whet.judge.words import Words
from whet.judge.words import sentences as all_sentences

VOID = {"meta", "input", "br", "link", "img", "hr"}
EVIL = "<script>alert(1)</script>\"'&</table></script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """A page as its tags: unbalanced ones are refused."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.words = [], [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words += data

    def numbers(self):
        return {a["data-of"]: float(a["value"]) for tag, a in self.tags if tag == "data" and "data-of" in a}


FACTS = {"sorting": sorting_facts, "tagging": tagging_facts, "language": language_facts, "scale": scale_facts}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", FACTS)
def test_the_page_is_whole_and_asks_nobody(name, language):
    html = render(FACTS[name](language))
    page = Page(html)
    assert len(set(page.ids)) == len(page.ids)
    for _, attributes in page.tags:
        assert not {"src", "srcset", "action", "xlink:href"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
        assert not any(attribute.startswith("on") for attribute in attributes)
    assert not re.search(r"https?://|@import|url\(", html)
    script = re.search(r"<script>(.*)</script>", html, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "{" not in page.words
    assert "None" not in page.words
    assert "nan" not in page.words.lower().split()


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield ".".join(path), float(value)


@pytest.mark.parametrize("name", FACTS)
def test_every_number_on_the_page_is_the_number_of_metrics_json(name):
    facts = FACTS[name]()
    shown = Page(render(facts)).numbers()
    groups = ("test", "validation", "baseline", "untuned", "timing", "memory", "parameters")
    known = dict(leaves({group: facts.metrics.get(group) or {} for group in groups}))
    assert len(known) >= 6
    for place, value in known.items():
        assert shown[place] == value, place
    for group in ("calibration.ece", "calibration.temperature"):
        if "calibration" in facts.metrics:
            assert shown[group] == facts.metrics["calibration"][group.partition(".")[2]]


def test_the_verdict_comes_first_in_two_sentences():
    facts = sorting_facts()
    page = Page(render(facts))
    first, second = sentences(facts, Words("en"))
    value = facts.metrics["test"]["accuracy"]
    assert f"{value['value']:.3f}" in first
    assert f"{value['low']:.3f} to {value['high']:.3f}" in first
    assert f"{facts.metrics['baseline']['accuracy']:.3f}" in second
    assert f"{facts.metrics['untuned']['accuracy']:.3f}" in second
    assert page.words.index(first) < page.words.index("All scores")


@pytest.mark.parametrize(
    ("value", "theirs", "metric", "said"),
    [
        ((0.9, 0.85, 0.95), 0.5, "accuracy", "better"),
        ((0.5, 0.45, 0.55), 0.5, "accuracy", "undecided"),
        ((0.3, 0.25, 0.35), 0.5, "accuracy", "worse"),
        ((4.0, 3.5, 4.5), 9.0, "perplexity", "better"),
        ((12.0, 11.0, 13.0), 9.0, "perplexity", "worse"),
    ],
)
def test_the_verdict_follows_the_interval_and_knows_which_way_is_better(value, theirs, metric, said):
    ours = dict(zip(("value", "low", "high"), value, strict=True))
    facts = ReportFacts("t", {"test": {metric: ours}, "baseline": {metric: theirs}})
    assert verdict_of(facts, "baseline") == said
    paired = {
        "kind": "weakness",
        "text": "",
        "evidence": {"against": "baseline", "metric": metric, "verdict": "worse"},
    }
    assert verdict_of(replace(facts, findings=[paired]), "baseline") == "worse"


@pytest.mark.parametrize("rows", [1, 4, 19, 20])
def test_few_test_rows_decide_nothing(rows):
    score = {"accuracy": {"value": 1.0, "low": 1.0, "high": 1.0}}
    metrics = {
        "test": score,
        "baseline": {"accuracy": 0.5},
        "untuned": {"accuracy": 0.4},
        "data": {"rows": {"test": rows}},
    }
    for language in ("en", "zh"):
        facts = ReportFacts("t", metrics, language=language)
        say = Words(language)
        enough = rows >= FEWEST_ROWS
        assert verdict_of(facts, "baseline") == ("better" if enough else "undecided")
        _, second = sentences(facts, say)
        assert ("better" in second or "优于" in second) == enough
        assert (f"({rows})" in second or f"（{rows} 行）" in second) != enough
        assert (say("badge_few") in Page(render(facts)).words) != enough
        assert say("other_untuned") in second


def test_where_the_leading_metric_has_no_value_another_decides_and_is_named():
    facts = scale_facts()
    assert verdict_of(facts, "baseline") == "better"
    assert (
        "better than the trivial predictor that reads no text (mean squared error 0.250 against 1.500)"
        in (sentences(facts, Words("en"))[1])
    )
    without = replace(facts, metrics={**facts.metrics, "baseline": {"spearman": None, "mse": None}})
    assert sentences(without, Words("en"))[1] == "There is nothing to compare it with."


def test_only_labels_are_counted_as_wrong():
    said = {name: Page(render(make())).words for name, make in FACTS.items()}
    for name in ("sorting", "tagging"):
        assert "test rows were answered wrongly" in said[name]
    assert "answered wrongly" not in said["scale"] + said["language"]
    assert "Of 30 test rows, the farthest off first." in said["scale"]
    assert "The answers to 25 test rows, in their order." in said["language"]
    assert said["language"].index("Once upon a time 0") < said["language"].index("Once upon a time 24")


def test_that_nothing_has_seen_the_test_rows_is_said_only_where_it_is_so():
    facts, said = sorting_facts(), "neither training nor any choice has seen"
    assert said in render(facts) and said in card(facts)
    of_other_data = replace(facts, recipe="", log=[])
    shared = {"train-test": {"identical": 2, "near": 1}, "validation-test": {"identical": 0, "near": None}}
    leaking = replace(facts, check={"shared": shared})
    stages = replace(facts, check={"stages": [{"shared": {}}, {"shared": {}}]})
    for other in (of_other_data, leaking, stages, replace(facts, check={"stages": [{}, leaking.check]})):
        for text in (render(other), card(other)):
            assert said not in text
            assert "bootstrap over rows" in text
    assert "Of them 3 stand among the training rows too and 0 among the validation rows" in render(leaking)
    assert "is not known here" in render(of_other_data)


def test_what_the_task_took_the_targets_for_stands_at_the_top():
    assert re.search(r"<li>kind <b>regression</b></li>", render(scale_facts()))
    assert "<li>kind" not in render(tagging_facts())


def test_no_gain_from_training_is_not_called_learnt():
    facts = language_facts()
    assert "training shows no gain" in Page(render(facts)).words
    assert (
        "beats the trivial baseline" in Page(render(replace(facts, metrics={**facts.metrics, "untuned": None}))).words
    )


def test_nothing_that_stands_in_the_data_becomes_markup():
    clean = sorting_facts()
    rows = [
        {"row": 1, EVIL: EVIL, "target": EVIL, "prediction": "x" + EVIL, "probabilities": {"x" + EVIL: 0.9}},
        {"row": 2, "text": EVIL, "target": [EVIL], "prediction": [], "probabilities": {EVIL: 0.1}},
        {"row": 3, "text": EVIL, "target": None, "prediction": {EVIL: EVIL}},
    ]
    facts = replace(
        clean,
        title=EVIL,
        metrics={
            **clean.metrics,
            "model": EVIL,
            "task": EVIL,
            "versions": {EVIL: EVIL},
            "test": {EVIL: clean.metrics["test"]["accuracy"]},
        },
        findings=[{"kind": EVIL, "text": EVIL, "rows": [{"split": "test", "row": EVIL}, EVIL], "evidence": {}}],
        check={EVIL: [EVIL, {EVIL: EVIL}]},
        errors=rows,
        classes=[{**clean.classes[0], "label": EVIL}],
        confusion={"of": "rows", "labels": [EVIL, "b"], "counts": [[1, 2], [3, 4]]},
        recipe=EVIL,
        notes=[EVIL],
    )
    page = Page(render(facts))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "img" not in [tag for tag, _ in page.tags]
    assert page.words.count("alert(1)") >= 12


def test_an_empty_run_still_makes_a_page():
    for metrics in (
        {},
        {"test": {}},
        {"test": {"accuracy": {"value": None, "low": None, "high": None}}, "baseline": {"accuracy": 0.5}},
    ):
        Page(render(ReportFacts("empty", metrics)))
    bare = Page(render(ReportFacts("bare", {"test": {"f1": {"value": 0.5, "low": 0.4, "high": 0.6}}})))
    assert "learning" not in bare.ids
    assert "errors" not in bare.ids


@pytest.mark.parametrize(
    "key",
    [
        "validation",
        "baseline",
        "untuned",
        "calibration",
        "timing",
        "memory",
        "data",
        "versions",
        "parameters",
        "metric",
    ],
)
def test_any_missing_part_of_the_metrics_leaves_its_place_out(key):
    facts = sorting_facts()
    page = Page(render(replace(facts, metrics={name: part for name, part in facts.metrics.items() if name != key})))
    assert not [place for place in page.numbers() if place.startswith(f"{key}.")]
    assert "None" not in page.words and "nan" not in page.words.lower().split()


def test_the_table_of_errors_is_the_wrong_rows_and_carries_what_the_filter_needs():
    facts = sorting_facts()
    wrong = [row for row in facts.errors if row["target"] != row["prediction"]]
    page = Page(render(facts))
    shown = [(a["data-from"], a["data-to"]) for tag, a in page.tags if tag == "tr" and "data-from" in a]
    assert sorted(shown) == sorted((row["target"], row["prediction"]) for row in wrong)
    assert {"filter", "rows", "count", "clear"} <= set(page.ids)
    cells = {(a["data-from"], a["data-to"]) for tag, a in page.tags if tag == "button" and "data-from" in a}
    assert cells == set(shown)


def test_the_matrix_shows_every_count():
    facts = sorting_facts()
    page = Page(render(facts))
    section = page.words[page.words.index("What is taken for what") :]
    for row in facts.confusion["counts"]:
        assert re.search(r"\s*".join(map(str, row)), section)


def test_a_matrix_of_entities_says_what_it_counts_and_leads_to_no_rows():
    found = {"of": "entities", "labels": ["LOC", "PER", "O"], "counts": [[4, 3, 2], [0, 5, 1], [7, 0, 0]]}
    drawn = render(replace(sorting_facts(), confusion=found))
    section = drawn[drawn.index('id="confusion"') : drawn.index("</section>", drawn.index('id="confusion"'))]
    assert "whatever its bounds" in section and "3 entities: true LOC, answered PER" in section
    assert "<button" not in section and "<button" in render(sorting_facts())


def test_many_classes_are_cut_to_the_most_confused_and_say_so():
    labels = [f"c{k}" for k in range(30)]
    counts = [[9 if j == k else int(j == k + 1 and k < 5) for j in range(30)] for k in range(30)]
    words = Page(render(replace(sorting_facts(), confusion={"of": "rows", "labels": labels, "counts": counts}))).words
    assert "12 of 30 classes" in words


def test_curves_read_either_form_of_the_log_and_follow_stages():
    flat = [{"step": k, "epoch": k / 4, "loss": 1 / k, "stage": 0} for k in range(1, 9)]
    flat += [
        {
            "step": 4,
            "epoch": 1.0,
            "stage": 0,
            "validation_accuracy": 0.7,
            "validation_loss": 0.5,
            "best": False,
        }
    ]
    flat += [
        {
            "step": 8,
            "epoch": 2.0,
            "stage": 0,
            "validation_accuracy": 0.8,
            "validation_loss": 0.4,
            "best": True,
        }
    ]
    flat += [{"step": 4, "epoch": 1.0, "stage": 1, "validation_accuracy": 0.9, "validation_loss": 0.3}]
    html = render(ReportFacts("t", {"test": {"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}}, log=flat))
    drawn = html[html.index('id="learning"') :]
    assert drawn.count("<svg") == 2
    assert all(f">{value}<" in drawn for value in ("0.700", "0.800", "0.900", "3"))


def test_every_sentence_stands_in_both_languages_with_the_same_gaps():
    assert len(all_sentences()) > 100
    for key, spoken in all_sentences().items():
        gaps = [sorted(set(re.findall(r"{(\w+)}", spoken[language]))) for language in ("en", "zh")]
        assert gaps[0] == gaps[1], key
        assert not re.search(r"[,:;()?]", spoken["zh"].replace("; ", "")), key


def test_the_chinese_page_is_chinese():
    html = render(sorting_facts("zh"))
    assert '<html lang="zh-CN">' in html
    words = Page(html).words
    assert "All scores" not in words
    assert "全部得分" in words
    assert all(label in words for label in LABELS)
