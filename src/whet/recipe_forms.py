"""The recipe on paper: a commented file to begin with, and a JSON schema for editors and programs."""

from __future__ import annotations

from typing import Any

import pydantic

from whet.core import yamlfile
from whet.core.fields import Field, fields_of
from whet.recipe import ENTRIES, SECTIONS


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
        note = "null reads it off the data" if section == "task" else "each has options of its own beside its name"
        lines += ["", f"# The {section}: {known}; {note} (whet {_plural(section)})."]
        lines += [f"{section}:", "  name: " + ("null" if section == "task" else "full")]
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
    stage: dict[str, Any] = {}
    for section, shelf in ENTRIES.items():
        forms = [{"const": name} for name in shelf.names()]
        groups = [_group(shelf[name], {"name": {"const": name}}, ["name"]) for name in shelf.names()]
        stage[section] = {"anyOf": [*forms, *groups]}
    for section, options in SECTIONS.items():
        stage[section] = _group(options, {}, [])
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
            **stage,
            "stages": stages,
        },
        "additionalProperties": False,
    }


def _group(options: type, first: dict[str, Any], required: list[str]) -> dict[str, Any]:
    properties = dict(first)
    for field in fields_of(options):
        schema = pydantic.TypeAdapter(field.kind).json_schema()
        properties[field.name] = {**schema, "default": _value(field), "description": field.sentence}
    group = {
        "type": "object",
        "description": (options.__doc__ or "").strip().partition("\n")[0],
        "properties": properties,
        "additionalProperties": False,
    }
    return {**group, "required": required} if required else group


def _value(field: Field) -> Any:
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _plural(section: str) -> str:
    return {"task": "tasks", "strategy": "strategies"}[section]
