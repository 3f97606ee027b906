"""Small pieces of HTML. Every text that comes from outside passes through ``safe``; nothing else may."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from whet.judge.figures import figure

LONG = 20
"""Rows of a table that stand on the page whole."""


def safe(text: object) -> str:
    """Text as HTML that shows just that text, in elements and in attributes."""
    return html.escape(str(text), quote=True)


def number(value: Any, of: str = "", shown: str | None = None) -> str:
    """A number as people read it, with the whole one behind it (``value``) and its place (``data-of``)."""
    if value is None or isinstance(value, (str, bool)):
        return safe("–" if value is None else value)
    where = f' data-of="{safe(of)}"' if of else ""
    return f'<data value="{value!r}"{where}>{safe(figure(value) if shown is None else shown)}</data>'


def section(name: str, title: str, body: str, lead: str = "") -> str:
    """A titled section, or nothing where its body is empty; ``title`` and ``lead`` are plain text."""
    if not body:
        return ""
    opening = f'<p class="lead">{safe(lead)}</p>' if lead else ""
    return f'<section id="{name}"><h2>{safe(title)}</h2>{opening}{body}</section>'


def titles(body: str) -> list[tuple[str, str]]:
    """Id and title (HTML) of every ``section`` in a page; data cannot pretend to be one, for it is escaped."""
    return re.findall(r'<section id="(\w+)"><h2>(.*?)</h2>', body)


def contents(body: str, name: str) -> str:
    """Links to the page's sections, in one line that stays at the top."""
    links = "".join(f'<a href="#{at}">{title}</a>' for at, title in titles(body))
    return f'<nav aria-label="{safe(name)}">{links}</nav>' if links else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", numeric: Sequence[int] = ()) -> str:
    """A table; ``head`` is plain text, cells are HTML, ``numeric`` are the columns of figures.

    A long one scrolls in a box of its own.
    """
    rows = list(rows)
    side = [' class="n"' if k in numeric else "" for k in range(len(head))]
    top = "".join(f'<th scope="col"{side[k]}>{safe(cell)}</th>' for k, cell in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{side[k]}>{cell}</td>" for k, cell in enumerate(row)) + "</tr>" for row in rows
    )
    inside = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    box = '<div class="scroll tall" tabindex="0">' if len(rows) > LONG else '<div class="scroll">'
    return f'{box}<table class="{kind}">{inside}</table></div>'


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """A list of terms and what they are: terms plain text, the rest HTML."""
    body = "".join(f"<div><dt>{safe(term)}</dt><dd>{value}</dd></div>" for term, value in rows)
    return f"<dl>{body}</dl>" if body else ""


def tree(value: Any) -> str:
    """Any JSON value as nested lists, for keys not known here; empty parts are left out, long lists cut and say so."""
    if isinstance(value, dict):
        known = {key: part for key, part in value.items() if part not in (None, [], {}, ())}
        body = "".join(f"<div><dt>{safe(key)}</dt><dd>{tree(part)}</dd></div>" for key, part in known.items())
        return f'<dl class="tree">{body}</dl>' if body else "–"
    if isinstance(value, (list, tuple)):
        if not value:
            return "–"
        flat = not any(isinstance(part, (dict, list, tuple)) for part in value)
        more = f" … {len(value)}" if len(value) > 20 else ""
        if flat:
            return safe(", ".join(map(str, value[:20])) + more)
        return "<ul>" + "".join(f"<li>{tree(part)}</li>" for part in value[:20]) + f"</ul>{more}"
    if isinstance(value, float) and value.is_integer():
        return number(int(value))  # a median of whole numbers
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return safe("–" if value is None else value)


def filtered(head: Sequence[str], rows: Iterable[str], name: str, words: str, of: str) -> str:
    """A long table in a box of its own with a filter above; on a phone each row is a card (``cell``).

    ``head`` and ``words`` (what the filter's box says) are plain text, ``rows`` whole rows as HTML, ``of`` the word
    between how many are shown and how many there are. ``name`` tells the ids apart and is empty once.
    """
    own = f"-{name}" if name else ""
    top = "".join(f'<th scope="col">{safe(cell)}</th>' for cell in head)
    body, words = list(rows), safe(words)
    box = (
        f'<div class="filter"><input id="filter{own}" type="search" placeholder="{words}" aria-label="{words}">'
        f'<button id="clear{own}" class="clear" hidden></button>'
        f'<output id="count{own}" data-word="{safe(of)}">{len(body)}</output></div>'
    )
    inside = f"<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody>"
    drawn = f'<table class="cards" id="rows{own}">{inside}</table>'
    return f'<div class="filtered">{box}<div class="scroll tall" tabindex="0">{drawn}</div></div>'


def cell(kind: str, name: str, inside: str) -> str:
    """A cell of a ``filtered`` table; ``data-name`` repeats the column's name, for a phone shows no head."""
    return f'<td class="{kind}" data-name="{safe(name)}"><div>{inside}</div></td>'
