"""``comparison.html``: placeholder"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.judge.markup import safe
from whet.search.spoken import sentences


def render(found: Mapping[str, Any], title: str, language: str) -> str:
    return f"<!doctype html><title>{safe(title)}</title>" + "".join(f"<p>{safe(one)}</p>" for one in sentences(found))
