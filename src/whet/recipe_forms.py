"""The recipe on paper: a commented file to begin with, and a JSON schema for editors and programs."""

from __future__ import annotations

from typing import Any

import pydantic

from whet.core import yamlfile
from whet.core.fields import Field, fields_of
from whet.core.shelf import Shelf
from whet.recipe import ENTRIES, SECTIONS

MEANT: dict[str, str | None] = {"task": None, "strategy": "full"}
"""The entry that a recipe means where it names none; None where it is read off the data."""


def template(data: str | None = None) -> str:
    """A recipe with every central field at its default, each with its sentence as a comment."""
    lines = [
        "# A whet recipe. Every line is a default: change what you need, delete the rest. Run it: whet run recipe.yaml",
        "",
        "# Every draw (order, dropout, splits, new weights) is a function of this number.",
        "seed: 0",
    ]
    for section, shelf in ENTRIES.items():
        known = ", ".join(shelf.names())
        note = "each has options of its own beside its name" if MEANT[section] else "null reads it off the data"
        lines += ["", f"# The {section}: {known}; {note} (whet {_plural(section)})."]
        lines += [f"{section}:", f"  name: {MEANT[section] or 'null'}"]
    for section, options in SECTIONS.items():
        lines += ["", f"# {(options.__doc__ or '').strip().partition(chr(10))[0]}", f"{section}:"]
        for field in fields_of(options):
            value = data if (section, field.name) == ("data", "train") and data else _value(field)
            shown = yamlfile.write({field.name: value}).strip().replace("\n- ", ", ").replace(":, ", ": ")
            if isinstance(value, list):
                shown = f"{field.name}: [{', '.join(str(one) for one in value)}]"
            lines += [f"  # {field.sentence} ({field.choices})", f"  {shown}"]
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """The recipe's JSON schema (draft 2020-12), made of the same fields and sentences as everything else."""
    sections = {section: _section(options) for section, options in SECTIONS.items()}
    stage = {**{section: _entry(section, shelf, []) for section, shelf in ENTRIES.items()}, **sections}
    whole = {**{section: _entry(section, shelf, ["name"]) for section, shelf in ENTRIES.items()}, **sections}
    stages = {
        "type": "array",
        "items": {"type": "object", "properties": stage, "additionalProperties": False},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "whet recipe",
        "type": "object",
        "properties": {
            "seed": {"type": "integer", "default": 0},
            "plugins": {"type": "array", "items": {"type": "string"}},
            **whole,
            "stages": stages,
        },
        "additionalProperties": False,
    }


def _entry(section: str, shelf: Shelf[Any], required: list[str]) -> dict[str, Any]:
    """An entry's bare name, or a group with its name; in a stage the name may stand outside, among the defaults."""
    forms: list[dict[str, Any]] = [{"enum": [*shelf.names(), None]}]
    if MEANT[section] is None:
        unnamed = {"type": "object", "properties": {"name": {"type": "null"}}, "additionalProperties": False}
        forms.append({**unnamed, "description": "It is read off the data."})
    for name in shelf.names():
        if name == MEANT[section]:
            forms.append(_group(shelf[name], {"name": {"enum": [name, None]}}))
        else:
            forms.append({**_group(shelf[name], {"name": {"enum": [name]}}), "required": required})
    return {"anyOf": forms}


def _section(options: type) -> dict[str, Any]:
    """A section, which may be left empty; where it has a name, a bare word is short for that."""
    group = _group(options, {})
    return {**group, "type": ["object", "null", *(["string"] if "name" in group["properties"] else [])]}


def _group(options: type, first: dict[str, Any]) -> dict[str, Any]:
    properties = dict(first)
    for field in fields_of(options):
        schema = pydantic.TypeAdapter(field.kind).json_schema()
        properties[field.name] = {**schema, "default": _value(field), "description": field.sentence}
    return {
        "type": "object",
        "description": (options.__doc__ or "").strip().partition("\n")[0],
        "properties": properties,
        "additionalProperties": False,
    }


def _value(field: Field) -> Any:
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _plural(section: str) -> str:
    return {"task": "tasks", "strategy": "strategies"}[section]
