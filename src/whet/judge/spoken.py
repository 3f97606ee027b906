"""The tasks' findings in the report's language: tasks speak English, their evidence speaks any.

A task that is not known here needs nothing: its findings keep their own words.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from whet.judge.figures import figure
from whet.tasks.contract import Finding


def spoken(findings: Sequence[Finding], language: str) -> list[Finding]:
    """The same findings with their sentences in the language, where their evidence allows one."""
    return [_spoken(finding, language) for finding in findings]


def _spoken(finding: Finding, language: str) -> Finding:
    for shape in shapes():
        if language in shape and finding.kind in shape["kinds"] and set(shape["needs"]) <= set(finding.evidence):
            fill = {name: _said(value) for name, value in finding.evidence.items()}
            row = finding.rows[0] if finding.rows else "–"
            return dataclasses.replace(finding, text=shape[language].format(**{**fill, "row": row}))
    return finding


@lru_cache(maxsize=1)
def shapes() -> list[dict[str, Any]]:
    """What findings look like, in the order in which they are tried."""
    found: list[dict[str, Any]] = tomllib.loads(files("whet.judge").joinpath("spoken.toml").read_text("utf-8"))[
        "finding"
    ]
    return found


def _said(value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return figure(value) if is_number else str(value)
