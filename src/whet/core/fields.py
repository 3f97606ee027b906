"""Options as values that explain themselves: each field's docstring is the help and the reference page.

The sentences are read from the class's source, where they stand as literal strings below their fields; so there is
one place to write them and none to forget.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Field:
    """One option: its name, its type with its bounds, its default (None may mean "derived"), and its sentence."""

    name: str
    kind: Any
    default: Any
    sentence: str

    @property
    def choices(self) -> str:
        """The type as a person reads it: ``a|b`` for choices, ``integer at least 1``, ``number|null``."""
        return spell(self.kind)


@cache
def fields_of(options: type) -> tuple[Field, ...]:
    """The fields of a dataclass in their order, with the sentence below each (also those of its bases)."""
    hints = typing.get_type_hints(options, include_extras=True)
    sentences: dict[str, str] = {}
    for cls in reversed(options.__mro__):
        if dataclasses.is_dataclass(cls):
            sentences.update(_sentences(cls))
    return tuple(
        Field(field.name, hints[field.name], _default(field), sentences.get(field.name, ""))
        for field in dataclasses.fields(options)
        if field.init
    )


def changed(options: Any) -> dict[str, Any]:
    """An instance's fields as plain values, in order."""
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options) if field.init}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


def _sentences(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # a class typed into a notebook's cell or built at run time has no source
        return {}
    body = typing.cast(ast.ClassDef, tree.body[0]).body
    found = {}
    for above, below in pairwise(body):
        if (
            isinstance(above, ast.AnnAssign)
            and isinstance(above.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[above.target.id] = " ".join(below.value.value.split())
    return found


_WORDS = {int: "integer", float: "number", str: "text", bool: "true|false", type(None): "null", Any: "value"}


_SIGNS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def spell(kind: Any) -> str:
    """A type in words."""
    if kind in _WORDS:
        return _WORDS[kind]
    parts = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Annotated:
        limits = (pair for one in parts[1:] for pair in dataclasses.asdict(one).items())
        bounds = " and ".join(f"{_SIGNS[key]} {value}" for key, value in limits)
        return f"{spell(parts[0])} {bounds}"
    if typing.get_origin(kind) is typing.Literal:
        return "|".join(str(part) for part in parts)
    if typing.get_origin(kind) is tuple:
        return "list of " + spell(parts[0])
    if typing.get_origin(kind) is dict:
        return f"{spell(parts[0])}: {spell(parts[1])}"
    return "|".join(spell(part) for part in parts)
