"""Shelves as tables: the entries with their summaries, and one entry with its options."""

from __future__ import annotations

from typing import Any

from whet.cli._show import document, say, table, wrapped
from whet.core.fields import Field, fields_of
from whet.core.shelf import Shelf


def listed(shelf: Shelf[Any], as_json: bool) -> None:
    """Print every entry of a shelf with the first line of its file; nothing is imported."""
    rows = [(name, shelf.summary(name)) for name in shelf]
    if as_json:
        document([{"name": name, "summary": words} for name, words in rows])
    else:
        say(table((shelf.noun, "what it is"), rows))


def options_of(shelf: Shelf[Any], name: str, section: str) -> dict[str, Any]:
    """One entry as a JSON value."""
    options = [
        {"key": f"{section}.{one.name}", "type": one.choices, "default": one.default, "help": one.sentence}
        for one in _fields(shelf, name)
    ]
    return {"name": name, "summary": shelf.summary(name), "options": options}


def shown(shelf: Shelf[Any], name: str, section: str) -> None:
    """Print one entry with its options."""
    options = _fields(shelf, name)
    say(f"{name}: {shelf.summary(name)}")
    if not options:
        say("\nIt has no options of its own.")
        return
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
