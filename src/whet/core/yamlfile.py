"""YAML as people mean it: YAML's well-known traps are read rightly or refused with the line and the cure.

``no`` and ``on`` are words, not booleans; ``1e-4`` is a number; a key given twice is an error, not a silent choice;
aliases are refused, since a few lines of them can grow to gigabytes.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from whet.core.errors import UsageError

LARGEST = 1_000_000
"""Characters; a recipe has some hundred."""


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.YAMLError(f"line {mark.line + 1}: aliases (*name) are not read; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise yaml.YAMLError(f"line {line}: the key {key!r} is not a word; put it in quotes")
            if key in seen:
                raise yaml.YAMLError(f"line {line}: '{key}' stands twice, first on line {seen[key]}")
            seen[key] = line
        return super().construct_mapping(node, deep)


_SAFE = yaml.SafeLoader.yaml_implicit_resolvers
_DROPPED = (
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:timestamp",
    "tag:yaml.org,2002:int",
)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag not in _DROPPED] for first, pairs in _SAFE.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?i:true|false)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def read(text: str, where: str) -> Any:
    """The value of a YAML text; ``where`` names it in errors. Raises UsageError with the line."""
    if len(text) > LARGEST:
        raise UsageError(
            f"the file has {len(text)} characters", where, "a recipe has some hundred; is this a data file?"
        )
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UsageError(f"{line}{error.problem}", where, "mind indentation, colons and quotes") from error
    except yaml.YAMLError as error:
        raise UsageError(str(error), where, "write each key once, and values out in full") from error
    except RecursionError as error:
        raise UsageError("it is nested too deep", where, "a recipe has two levels") from error


def write(value: Any) -> str:
    """A value as YAML that ``read`` gives back unchanged, keys in their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what our reader or a YAML 1.1 reader would take for something other than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_number(self, data: float) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:float", repr(data))

    def represent_word(self, data: str) -> Any:
        rare = any(mark in data for mark in "\x85\u2028\u2029")  # YAML folds these breaks unless they are escaped
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"') if rare else self.represent_str(data)


_Dumper.yaml_implicit_resolvers = {
    first: _Loader.yaml_implicit_resolvers.get(first, []) + _SAFE.get(first, [])
    for first in {*_Loader.yaml_implicit_resolvers, *_SAFE}
}
_Dumper.add_representer(float, _Dumper.represent_number)
_Dumper.add_representer(str, _Dumper.represent_word)
