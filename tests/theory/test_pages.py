"""The pages hold together: both languages, every formula with its check, and the code that is imported."""

from __future__ import annotations

import re
import sys

import pytest
import yaml

from theory.shown import PLACE, ROOT, checked, formulas, page

sys.path.insert(0, str(ROOT / "tools"))

from theory_code import BLOCK, filled, named, sources

PAGES = sorted(path.stem for path in (PLACE / "formulas").glob("[a-z]*.py"))
EVERY = [*PAGES, "index"]


def faults(name: str, english: str, chinese: str) -> list[str]:
    """What does not hold on a page."""
    found = []
    if name in PAGES:
        if english.count("$$") != 2 * len(formulas(english)):
            found.append("a displayed formula has no label")
        if sorted(formulas(english)) != sorted(checked(name)):
            apart = set(formulas(english)) ^ set(checked(name))
            found.append(f"formulas and checks differ: {', '.join(sorted({label for label, _ in apart}))}")
        if set(sources(name)) != {one for block in BLOCK.findall(english) for one in named(block)}:
            found.append("a function of the module is not shown, or one that is shown is not there")
        elif filled(name, english) != english:
            found.append("the code is not the module's: run tools/theory_code.py")
    if formulas(english) != formulas(chinese) or english.count("$$") != chinese.count("$$"):
        apart = set(formulas(english)) ^ set(formulas(chinese))
        found.append(f"the formulas differ between the languages: {', '.join(sorted({label for label, _ in apart}))}")
    if BLOCK.findall(english) != BLOCK.findall(chinese):
        found.append("the code differs between the languages")
    if heights(english) != heights(chinese):
        found.append("the headings differ between the languages")
    if set(inline(english)) != set(inline(chinese)):
        found.append("the formulas within lines differ between the languages")
    if any(re.search(r"\\[^A-Za-z]", latex) for latex in [*inline(english), *(one for _, one in formulas(english))]):
        found.append("GitHub drops a backslash before what is no letter")
    return found


def heights(text: str) -> list[int]:
    """The levels of the headings, outside code."""
    return [len(found) for found in re.findall(r"^(#+) ", BLOCK.sub("", text), re.MULTILINE)]


def inline(text: str) -> list[str]:
    return re.findall(r"\$`(.*?)`\$", text)


@pytest.mark.parametrize("name", EVERY)
def test_a_page_holds_together(name):
    english, chinese = page(name), page(name, "zh")
    assert faults(name, english, chinese) == []
    assert len(heights(english)) > 1 and (name == "index" or len(formulas(english)) > 5)
    assert re.search("[一-鿿]", chinese) and not re.search("[一-鿿]", english.replace("[中文]", ""))


def test_every_page_is_in_both_languages_and_in_the_contents():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    listed = {
        path
        for part in nav
        for pages in part.values()
        if isinstance(pages, list)
        for one in pages
        for path in one.values()
    }
    for language in ("en", "zh"):
        assert {path.stem for path in (PLACE / language).iterdir()} == set(EVERY)
        assert {f"theory/{language}/{name}.md" for name in EVERY} <= listed
        assert set(re.findall(r"\((\w+)\.md\)", page("index", language))) == set(PAGES)


ALTERED = [
    (0, "p_j - \\delta_{yj}\n$$", "p_j + \\delta_{yj}\n$$"),  # one language alone
    (1, "p_j - \\delta_{yj}\n$$", "p_j + \\delta_{yj}\n$$"),
    (2, "p_j - \\delta_{yj}\n$$", "p_j + \\delta_{yj}\n$$"),  # both alike: only the check knows better
    (2, "<!-- formula: gradient -->\n", ""),
    (2, "softmax(z) - np.eye", "softmax(z) + np.eye"),
    (1, "softmax(z) - np.eye", "softmax(z) + np.eye"),
    (2, "def gradient(", "def descent("),
    (1, "\n## ", "\n### "),
    (1, "$`p_y`$", "$`p_x`$"),
    (2, "e^{z_i}}{", "e^{z_i}\\,}{"),
]


@pytest.mark.parametrize(("which", "old", "new"), ALTERED)
def test_a_change_is_found(which, old, new):
    texts = [page("softmax", language) for language in ("en", "zh")]
    changed = [text.replace(old, new, 1) if which in (2, number) else text for number, text in enumerate(texts)]
    assert changed != texts
    assert faults("softmax", *changed)
