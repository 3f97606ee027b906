"""The theory's pages as tests read them: formulas by label, code, headings; and who checks which formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "docs" / "theory"
HERE = Path(__file__).parent
FORMULA = re.compile(r"<!-- formula: ([\w-]+) -->\n\$\$\n(.*?)\n\$\$\n", re.DOTALL)


def formula(label: str, latex: str) -> Callable:
    """Says which formula of its page a test checks, and how the formula stood when the test was written.

    Who changes a formula must come here, and see whether the test still computes what the page says.
    """
    return lambda test: test


def page(name: str, language: str = "en") -> str:
    return (PLACE / language / f"{name}.md").read_text("utf-8")


def formulas(text: str) -> list[tuple[str, str]]:
    """The displayed formulas of a page in order, each with its label."""
    return FORMULA.findall(text)


def checked(name: str) -> list[tuple[str, str]]:
    """The formulas that the tests of a page name."""
    tree = ast.parse((HERE / f"test_{name}_page.py").read_text("utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    marks = [mark for test in tests for mark in test.decorator_list if isinstance(mark, ast.Call)]
    return [ast.literal_eval(ast.Tuple(mark.args)) for mark in marks if getattr(mark.func, "id", "") == "formula"]


def slope(f: Callable, x: np.ndarray, width: float = 1e-5) -> np.ndarray:
    """The derivative of f at x by central differences; behind f's own axes stand those of x."""
    x = np.asarray(x, np.float64)
    found = []
    for place in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[place] = width
        found.append((np.asarray(f(x + shift)) - np.asarray(f(x - shift))) / (2 * width))
    return np.stack(found, axis=-1).reshape(np.shape(found[0]) + x.shape)
