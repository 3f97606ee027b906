"""A hook of mkdocs: formulas become MathML when the site is built, so that a page needs no script and no network.

Formulas are written as GitHub reads them: ``$$`` on lines of their own, and $`...`$ within a line.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

DISPLAYED = re.compile(r"(?:<!-- formula: [\w-]+ -->\n)?^\$\$\n(.*?)\n\$\$$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"\$<code>(.*?)</code>\$")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Displayed formulas, before Markdown reads their underscores as emphasis."""
    style = "padding: 0.4em 0; overflow: auto hidden"  # a phone is narrower than a long formula
    return DISPLAYED.sub(lambda found: f'<div style="{style}">{mathml(found[1], "block")}</div>', markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Formulas within a line, which Markdown has left alone as code."""
    return INLINE.sub(lambda found: mathml(html.unescape(found[1]), "inline"), content)


def mathml(latex: str, display: str) -> str:
    """Raises ValueError for a command that the converter does not know: it would stand on the page as it is."""
    found = convert(latex, display=display)
    if "\\" in found:
        raise ValueError(f"this formula has a command that does not become MathML: {latex}")
    return found.replace("<mi>log</mi>", '<mi>log</mi><mspace width="0.17em" />')  # else log p reads logp
