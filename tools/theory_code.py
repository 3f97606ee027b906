"""Write the functions of docs/theory/formulas into the theory's pages, which show them to the letter.

A block of Python on a page names its functions by the lines that begin with ``def``; their source takes its place.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

PLACE = Path(__file__).parent.parent / "docs" / "theory"
LANGUAGES = ("en", "zh")
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def sources(page: str) -> dict[str, str]:
    """The functions of a page's module by name, as they are written."""
    text = (PLACE / "formulas" / f"{page}.py").read_text("utf-8")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(text, node) or "" for node in found}


def named(block: str) -> list[str]:
    """The functions that a block of Python defines, or shall define."""
    return re.findall(r"^def (\w+)", block, re.MULTILINE)


def filled(page: str, text: str) -> str:
    """The page's text with the source of every function that its blocks name."""
    known = sources(page)
    return BLOCK.sub(lambda found: "```python\n" + "\n\n\n".join(known[n] for n in named(found[1])) + "\n```", text)


if __name__ == "__main__":
    for language in LANGUAGES:
        for module in (PLACE / "formulas").glob("[a-z]*.py"):
            path = PLACE / language / f"{module.stem}.md"
            path.write_text(filled(module.stem, path.read_text("utf-8")), "utf-8")
