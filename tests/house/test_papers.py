"""The papers hold: commands that they show run, links lead somewhere, both languages show the same."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
SHOWN = (*READMES, ROOT / "docs" / "quick-start.md", ROOT / "docs" / "plugins.md")
PAPERS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").rglob("*.md")],
)
NOT_RUN_HERE = (
    "make demo",
    "make test",
    "pip install -e .",
    "pip install torch --index-url https://download.pytorch.org/whl/cpu",
)
"""Commands that set up an environment: `.ci/run` runs the first two from nothing, and they install."""


def commands(path: Path) -> list[str]:
    """Every command of a page's bash blocks, in order."""
    blocks = re.findall(r"^```bash\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def links(path: Path) -> list[str]:
    """Every link of a page that leads to a file of ours, without its anchor."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:", link) and link.partition("#")[0]]


def missing(path: Path) -> list[str]:
    return [link for link in links(path) if not (path.parent / link).exists()]


@pytest.mark.parametrize("page", (SHOWN[0], *SHOWN[2:]), ids=lambda page: page.name)
def test_every_command_shown_runs(page, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shown = commands(page)
    own = [line for line in shown if line not in NOT_RUN_HERE]
    assert own and all(line.startswith("whet ") for line in own)
    for line in own:
        words = [sys.executable, "-m", "whet.cli", *shlex.split(line)[1:]]
        found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
        assert found.returncode == 0, f"{line}\n{found.stderr[-2000:]}"
        assert found.stdout or found.stderr


def test_both_readmes_show_the_same_commands():
    english, chinese = (commands(path) for path in READMES)
    assert english == chinese and len(english) >= 8


def test_what_is_not_run_is_shown():
    assert set(NOT_RUN_HERE) <= {line for path in SHOWN for line in commands(path)}


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
