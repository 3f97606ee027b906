"""Shelves as tables: the entries with their summaries, and one entry with its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whet.cli._show import document, say, table, wrapped
from whet.core.fields import Field, fields_of
from whet.core.shelf import Shelf

More = Callable[[Any], tuple[dict[str, Any], str]]
"""What is to be said of an entry beyond its options: for JSON, and in words."""


def told(shelf: Shelf[Any], name: str | None, section: str, as_json: bool, more: More) -> None:
    """Print every entry of a shelf, for which nothing is imported; or one with its options and what there is more."""
    if name is None:
        _all(shelf, as_json)
        return
    facts, words = more(shelf[name])
    if as_json:
        document({**_as_json(shelf, name, section), **facts})
        return
    _one(shelf, name, section)
    say("\n" + words)


def _all(shelf: Shelf[Any], as_json: bool) -> None:
    rows = [(name, shelf.summary(name)) for name in shelf]
    if as_json:
        document([{"name": name, "summary": words} for name, words in rows])
    else:
        say(table((shelf.noun, "what it is"), rows))


def _as_json(shelf: Shelf[Any], name: str, section: str) -> dict[str, Any]:
    options = [
        {"key": f"{section}.{one.name}", "type": one.choices, "default": one.default, "help": one.sentence}
        for one in _fields(shelf, name)
    ]
    return {"name": name, "summary": shelf.summary(name), "options": options}


def _one(shelf: Shelf[Any], name: str, section: str) -> None:
    options = _fields(shelf, name)
    say(f"{name}: {shelf.summary(name)}")
    if not options:
        say("\nIt has no options of its own.")
    for one in options:
        say(f"\n  {section}.{one.name}  ({one.choices}; default {_default(one)})")
        say(wrapped(one.sentence, "      "))


def _fields(shelf: Shelf[Any], name: str) -> tuple[Field, ...]:
    entry: type = shelf[name]
    return fields_of(entry)


def _default(option: Field) -> str:
    if option.default is None:
        return "null"
    if isinstance(option.default, bool):
        return str(option.default).lower()
    if isinstance(option.default, tuple):
        return "[" + ", ".join(str(part) for part in option.default) + "]"
    return str(option.default) or "empty"
