"""The papers hold: commands that they show run, links lead somewhere, both languages show the same."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from whet.cli import _verbs
from whet.core import yamlfile
from whet.recipe import Recipe

ROOT = Path(__file__).parents[2]
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
RUN = (READMES[0], *(ROOT / "docs" / f"{name}.md" for name in ("quick-start", "plugins", "programs")))
"""Pages whose commands and Python are run; the Chinese README shows what the English one shows."""
PAPERS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").rglob("*.md")],
)
NOT_RUN_HERE = {
    "make demo": "it makes an environment and installs; `.ci/run` runs it from nothing",
    "make test": "it runs this very test; `.ci/run` runs it from nothing",
    "pip install -e .": "it would change the environment that is under test; `make demo` does the same",
    "whet compare examples/reviews-en --strategies head,lora --seeds 2 --rates 1 --set train.epochs=1": "it trains "
    "four models in processes of their own; `tests/search` and `tests/cli/test_compare.py` do so with smaller ones",
    "pip install torch --index-url https://download.pytorch.org/whl/cpu": "it downloads from outside",
}
"""What a page shows and no test runs, with the reason: installing and comparing."""
THEORY = ROOT / "docs" / "theory"
FEW = 96


def blocks(path: Path, language: str) -> list[str]:
    """A page's blocks in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)


def commands(path: Path) -> list[str]:
    """Every command of a page's bash blocks, in order."""
    return [line for block in blocks(path, "bash") for line in block.splitlines() if line.strip()]


def few_examples(place: Path) -> None:
    """The examples with a few rows of each file, for what a page trains for all four epochs."""
    shutil.copytree(ROOT / "examples", place / "examples")
    for path in (place / "examples").glob("*/*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows[: FEW + 1])


def run(words: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=place, capture_output=True, text=True, encoding="utf-8", check=False
    )


def links(path: Path) -> list[str]:
    """Every link of a page that leads to a file of ours, without its anchor."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:", link) and link.partition("#")[0]]


def missing(path: Path) -> list[str]:
    return [link for link in links(path) if not (path.parent / link).exists()]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_every_command_shown_runs(page, tmp_path):
    """The first page's on the examples as they are; the others' on few rows, of which an epoch may learn nothing (5)."""
    whole = page == READMES[0]
    shutil.copytree(ROOT / "examples", tmp_path / "examples") if whole else few_examples(tmp_path)
    own = [line for line in commands(page) if line not in NOT_RUN_HERE]
    assert own and all(line.startswith("whet ") for line in own)
    for line in own:
        found = run(["-m", "whet.cli", *shlex.split(line)[1:]], tmp_path)
        trains = line.startswith(("whet run ", "whet resume "))
        assert found.returncode in ((0, 5) if trains and not whole else (0,)), f"{line}\n{found.stderr[-2000:]}"
        assert found.stdout or found.stderr
        if "--json" in line:
            json.loads(found.stdout)


@pytest.mark.parametrize("page", [page for page in RUN if blocks(page, "python")], ids=lambda page: page.name)
def test_all_python_shown_runs(page, tmp_path):
    few_examples(tmp_path)
    for number, block in enumerate(blocks(page, "python")):
        (tmp_path / f"block_{number}.py").write_text(block, "utf-8")
        found = run([f"block_{number}.py"], tmp_path)
        assert found.returncode == 0, f"{block}\n{found.stderr[-2000:]}"


def test_python_is_shown_where_it_is_run():
    theory = ROOT / "docs" / "theory"  # its code is a module's, and tests/theory asks it
    shown = {page.name for page in PAPERS if blocks(page, "python") and theory not in page.parents}
    assert {"README.md", "quick-start.md"} <= shown <= {page.name for page in (*RUN, READMES[1])}


def test_recipes_shown_are_recipes():
    pages = {page: blocks(page, "yaml") for page in PAPERS}
    found = [(page, block) for page, shown in pages.items() for block in shown]
    assert len(found) >= 2
    for page, block in found:
        Recipe.of(yamlfile.read(block, str(page)), str(page))


def test_both_readmes_show_the_same_commands_and_python():
    for language in ("bash", "python"):
        english, chinese = (blocks(path, language) for path in READMES)
        assert english == chinese and english
    assert len(commands(READMES[0])) >= 8


def test_what_is_not_run_is_shown_and_only_installs():
    assert set(NOT_RUN_HERE) <= {line for path in RUN for line in commands(path)}
    assert all(line.startswith(("make ", "pip ", "whet compare ")) and reason for line, reason in NOT_RUN_HERE.items())


def test_commands_named_in_passing_exist():
    told = [(page.name, verb) for page in PAPERS for verb in re.findall(r"`whet ([a-z]+)", page.read_text("utf-8"))]
    assert len(told) > 20 and {(page, verb) for page, verb in told if verb not in _verbs.names()} == set()


def test_links_lead_somewhere():
    assert len(PAPERS) > 15
    assert sum(len(links(path)) for path in PAPERS) > 40
    assert {path.name: missing(path) for path in PAPERS if missing(path)} == {}


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[here](page.md) [gone](gone.md#part) [far](https://example.org)", "utf-8")
    assert missing(page) == ["gone.md"]


def test_every_page_of_the_docs_is_in_the_menu():
    told = (ROOT / "mkdocs.yml").read_text("utf-8")
    menu = set(re.findall(r"[\w./-]+\.md", str(yaml.safe_load(told)["nav"])))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert menu == pages


def test_figures_stand_in_marked_blocks():
    for path in (*READMES, ROOT / "docs" / "strategies.md"):
        text = path.read_text("utf-8")
        assert text.count("<!-- figures -->") == text.count("<!-- /figures -->") == 1


def test_the_tables_name_every_entry():
    from whet.strategies.contract import STRATEGIES
    from whet.tasks.contract import TASKS

    for path in READMES:
        text = path.read_text("utf-8")
        assert [name for name in (*TASKS, *STRATEGIES) if f"| `{name}` |" not in text] == []


def test_the_picture_is_light():
    assert 10_000 < (ROOT / "docs" / "images" / "report.png").stat().st_size < 250_000
