"""The report and the comparison in a real browser: pressed, filtered, narrowed to a phone, and turned dark.

The pages are opened as files with the network cut off. Where there is no Chromium or no Playwright, nothing of this can
be asked and the tests are skipped.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from judge import made_facts
from judge.made_facts import language_facts, scale_facts, tagging_facts
from judge.test_explained_section import CURVE, EXPLAINED
from search.made import comparison
from whet.core.rundir import plain
from whet.judge.report import render
from whet.search import page as comparing

sorting_facts = cache(made_facts.sorting_facts)
NAMES = ("chromium", "google-chrome", "chromium-browser", "chrome", "google-chrome-stable")
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
TOO_PALE = """() => {
  const parts = (text) => {
    const found = text.match(/[\\d.e-]+/g).map(Number);
    const [r, g, b] = text.startsWith("color(") ? found : found.slice(0, 3).map((part) => part / 255);
    return [r, g, b, found.length > 3 ? found[3] : 1];
  };
  const light = (c) => c.slice(0, 3).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [.2126, .7152, .0722][k], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [1, 1, 1, 1];
  };
  const found = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || ["SCRIPT", "STYLE", "TITLE", "title"].includes(one.tagName) || !one.getClientRects().length) continue;
    const style = getComputedStyle(one);
    const ink = parts(one instanceof SVGElement ? style.fill : style.color);
    const [high, low] = [light(ink), light(behind(one))].sort((a, b) => b - a);
    const contrast = (high + .05) / (low + .05);
    if (contrast < 4.5) found.push(`${one.tagName}.${one.getAttribute("class")} ${contrast.toFixed(2)} ${one.textContent.slice(0, 30)}`);
  }
  return found;
}"""
"""Every text whose contrast with what lies behind it is under 4.5, WCAG's AA for running text."""
MEETING = """() => [...document.querySelectorAll("svg")].flatMap((svg) => {
  const boxes = [...svg.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
  return boxes.flatMap(([text, a], k) => boxes.slice(k + 1)
    .filter(([, b]) => a.left < b.right + 2 && b.left < a.right + 2 && a.top + 4 < b.bottom && b.top + 4 < a.bottom)
    .map(([other]) => `${svg.getAttribute("aria-label")}: ${text} on ${other}`));
})"""
"""Words of one chart that stand on one another; letters leave a few pixels above and below them free."""


def whole(language="en"):
    """A run with every section: errors, labels to look at, two explained errors, a learning curve, what was forgotten."""
    facts = sorting_facts(language)
    wrong = [row for row in facts.errors if row["target"] != row["prediction"]]
    labels = [
        {"split": "test", "row": row["row"], "given": row["target"], "suggested": row["prediction"], "confidence": 0.9}
        | {"margin": 0.5, "text": row["text"]}
        for row in wrong
    ]
    probe = {"name": "likeness_en", "metric": "spearman", "better": "higher", "before": 0.95, "after": 0.86}
    probe |= {"difference": {"value": -0.09, "low": -0.2, "high": -0.03}, "rows": 60, "lost": True}
    retention = {"probes": [probe], "cka": [0.999, 0.99, 0.97, 0.93, 0.85, 0.72], "cka_embeddings": 1.0}
    lost = {"kind": "retention", "text": "Some was forgotten.", "evidence": retention}
    metrics = {**facts.metrics, "retention": retention, "curve": CURVE}
    check = {"splits": {"train": {"imbalance": {"largest": {"label": "negative", "count": 231, "share": {"of": 0.5}}}}}}
    explained = [EXPLAINED, {**EXPLAINED, "row": 8}]
    found = [*facts.findings, lost]
    return replace(facts, metrics=metrics, findings=found, relabel=labels, explained=explained, check=check)


def two_classes(language="en"):
    """A run below its baseline with names that are hard to break."""
    long = "an_answer_with_a_very_long_name_that_nobody_would_break_" * 2
    reason = {"kind": "weakness", "text": "Likely reason: " + long, "evidence": {"reason": "few_rows"}}
    facts = sorting_facts(language, right=0.1)
    rows = [{**row, "url": "https://example.org/" + "x" * 200, "target": long} for row in facts.errors]
    confusion = {"of": "rows", "labels": [long, "negative"], "counts": [[1, 40], [50, 1]]}
    classes = [{**facts.classes[0], "label": long}, facts.classes[1]]
    return replace(facts, findings=[*facts.findings, reason], errors=rows, confusion=confusion, classes=classes)


def several(language="en"):
    """A run with several labels a row, of which there are many; no confusion matrix."""
    facts = sorting_facts(language)
    names = [f"label number {k}" for k in range(40)]
    rows = [
        {
            **row,
            "target": names[k % 7 : k % 7 + 3],
            "prediction": names[k % 5 : k % 5 + 2],
            "probabilities": {names[0]: 0.9},
        }
        for k, row in enumerate(facts.errors)
    ]
    classes = [{**facts.classes[0], "label": name} for name in names]
    return replace(facts, errors=rows, classes=classes, confusion=None, bundle={"labels": names})


SHAPES = {
    "sorting": whole,
    "several": several,
    "tagging": tagging_facts,
    "language": language_facts,
    "scale": scale_facts,
    "below": two_classes,
}


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed (" + ", ".join(NAMES) + ")")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page as a file: the reports of all shapes of answer and two comparisons, in both languages."""
    place = tmp_path_factory.mktemp("pages")
    made = {(name, lang): render(make(lang)) for name, make in SHAPES.items() for lang in ("en", "zh")}
    for lang in ("en", "zh"):
        made["comparison", lang] = comparing.render(plain(comparison(freeze=(2,))), "compared", lang)
    for (name, lang), text in made.items():
        (place / f"{name}-{lang}.html").write_text(text, "utf-8")
    return place


@pytest.fixture
def visit(browser, pages):
    """Opens a page; at the end nothing may have been complained about, and nothing asked of any network."""
    contexts, faults = [], []

    def visit(name, viewport=DESKTOP, scheme="light"):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, offline=True, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto((pages / f"{name}.html").as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


def shown(page, table="rows"):
    return page.locator(f"#{table} tbody tr:visible")


def test_the_filter_leaves_the_rows_with_all_words(visit):
    page = visit("sorting-en")
    every = shown(page).count()
    assert every > 20
    page.fill("#filter", "SOUP nobody")
    left = shown(page)
    assert 0 < left.count() < every
    assert all("The soup was cold, and nobody" in text for text in left.all_inner_texts())
    assert page.inner_text("#count") == f"{left.count()} of {every}"
    page.fill("#filter", "")
    assert shown(page).count() == every


def test_a_press_on_a_confusion_picks_its_errors_and_can_be_taken_back(visit):
    page = visit("sorting-en")
    every = shown(page).count()
    cell = page.locator(".confusion button").first
    pair = [cell.get_attribute(f"data-{end}") for end in ("from", "to")]
    cell.focus()
    page.keyboard.press("Enter")
    assert shown(page).count() == int(cell.inner_text()) < every
    for row in shown(page).all():
        assert [row.get_attribute(f"data-{end}") for end in ("from", "to")] == pair
    top = page.locator("#errors").bounding_box()["y"]
    assert -1 <= top < 200  # the page went there
    assert page.inner_text("#clear") == f"{pair[0]} → {pair[1]} ×"
    page.click("#clear")
    assert shown(page).count() == every and page.locator("#clear").is_hidden()


def test_labels_to_look_at_have_a_filter_of_their_own(visit):
    page = visit("sorting-en")
    errors, labels = shown(page).count(), shown(page, "rows-labels").count()
    page.fill("#filter-labels", "bold film")
    left = shown(page, "rows-labels")
    assert 0 < left.count() < labels and all("bold" in text for text in left.all_inner_texts())
    assert shown(page).count() == errors
    box = page.locator("#labels .tall")
    page.fill("#filter-labels", "")
    assert box.evaluate("one => one.scrollHeight > one.clientHeight && one.clientHeight <= 0.71 * innerHeight")


def test_a_long_table_scrolls_in_a_box_and_a_short_one_stands_whole(visit):
    page = visit("several-en")
    box = page.locator("#classes .scroll")
    assert box.evaluate("one => one.scrollHeight > one.clientHeight && one.clientHeight <= 0.71 * innerHeight")
    box.focus()
    assert box.evaluate("one => one === document.activeElement")  # so that the arrow keys move it
    assert box.evaluate("one => { one.scrollTop = 300; return one.scrollTop; }") == 300
    head = page.locator("#classes thead th").first.bounding_box()["y"]
    assert abs(head - box.bounding_box()["y"]) < 3  # the head stays
    assert page.locator("#scores .scroll").evaluate("one => one.scrollHeight <= one.clientHeight")


def test_explained_errors_open_and_keep_the_spaces_of_the_text(visit):
    page = visit("sorting-en")
    first, second = page.locator("#explained details").all()
    assert first.get_attribute("open") is not None and second.get_attribute("open") is None
    assert not second.locator(".weighed").is_visible()
    second.locator("summary").click()
    assert second.locator(".weighed").is_visible()


def test_every_link_of_the_contents_leads_to_a_section_with_a_title(visit):
    page = visit("sorting-en")
    links = page.locator("nav a").all()
    assert len(links) > 12
    titles = page.evaluate("[...document.querySelectorAll('section[id]')].map(one => one.id)")
    assert ["#" + title for title in titles if title != "verdict"] == [link.get_attribute("href") for link in links]
    links[5].click()
    at = page.locator(links[5].get_attribute("href")).bounding_box()["y"]
    assert abs(at) < 60
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", ["sorting-en", "comparison-en"])
def test_dark_is_dark_and_every_text_stands_out_in_both(visit, name):
    papers = []
    for scheme in ("light", "dark"):
        page = visit(name, scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        papers.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate(TOO_PALE) == []
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", [*SHAPES, "comparison"])
def test_on_a_phone_nothing_reaches_over_the_edge_and_no_words_of_a_chart_meet(visit, name, language):
    page = visit(f"{name}-{language}", PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    wide = """[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1
      && !one.closest('.scroll, pre, nav, svg')).map(one => one.tagName + ' ' + one.className)"""
    assert page.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(MEETING) == []
    page.set_viewport_size(DESKTOP)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(MEETING) == []


def test_on_paper_there_is_nothing_to_press_and_every_row(visit):
    page = visit("sorting-en", scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("nav").is_hidden() and page.locator("#filter").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#errors .tall").evaluate("one => one.scrollHeight <= one.clientHeight + 1")
