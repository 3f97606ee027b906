"""A recipe's plain values before they are typed: read from YAML, settings laid over them, stages over defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from whet.core import yamlfile
from whet.core.errors import UsageError


def read_values(path: Path, settings: Sequence[str] = ()) -> dict[str, Any]:
    """The plain values of a recipe's file, with settings on top."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the recipe cannot be read ({error})", str(path), "give a YAML file in UTF-8") from error
    values = yamlfile.read(text, str(path))
    if not isinstance(values, dict):
        raise UsageError("a recipe is a list of sections", str(path), "see `whet init` for an example")
    return apply(values, settings)


def apply(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Lay ``section.key=value`` settings over plain values; the value is read as YAML reads it.

    A key of all stages is set anew in each stage that names it itself, lest that went silently over the setting; an
    entry's option that no stage would take is refused.
    """
    for setting in settings:
        key, equals, text = setting.partition("=")
        words = key.strip().split(".")
        if not equals or not all(words):
            raise UsageError(f"'{setting}' is not section.key=value", "--set", "for example --set train.epochs=2")
        where = f"--set {setting}"
        value = yamlfile.read(text, where)
        _set(values, words, value, where)
        parts = stages_of(values) if words[0] != "stages" else []
        for part in parts:
            if _says(part, words):
                _set(part, words, value, where)
        if parts and not any(_takes(values, part, words) for part in parts):
            cure = f"name the stage: --set stages.{len(parts) - 1}.{setting}"
            raise UsageError(f"each stage names its own {words[0]}, and none takes this option", where, cure)
    return values


def stages_of(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages of a recipe that has some; what is no group there is refused when the recipe is typed."""
    stages = values.get("stages")
    return [part for part in stages if isinstance(part, dict)] if isinstance(stages, list) else []


def _set(values: dict[str, Any], words: Sequence[str], value: Any, where: str) -> None:
    """Set one key, however deep; a bare name becomes a group on the way. Raises UsageError where it leads nowhere."""
    place: Any = values
    for word in words[:-1]:
        if isinstance(place, dict) and isinstance(before := place.get(word), str | None):
            place[word] = {"name": before} if before else {}
        place = place[_key(place, word, where)]
    place[_key(place, words[-1], where)] = value


def _key(place: Any, word: str, where: str) -> Any:
    if isinstance(place, list):
        if word.isdigit() and int(word) < len(place):
            return int(word)
        raise UsageError(f"there is no stage '{word}'", where, f"0 to {len(place) - 1}")
    if not isinstance(place, dict):
        raise UsageError(f"there is nothing below which '{word}' could stand", where, "name section.key=value")
    return word


def _says(part: Any, words: Sequence[str]) -> bool:
    """Whether a stage names this key itself; a bare word names the key ``name``."""
    for word in words:
        part = {"name": part} if isinstance(part, str) else part
        if not isinstance(part, dict) or word not in part:
            return False
        part = part[word]
    return True


def _takes(values: Mapping[str, Any], part: Mapping[str, Any], words: Sequence[str]) -> bool:
    """Whether a key of a section reaches a stage."""
    section = merged(values.get(words[0]), part.get(words[0]))
    return len(words) != 2 or (isinstance(section, Mapping) and words[1] in section)


def merged(default: Any, given: Any) -> Any:
    """A stage's section over the recipe's: key by key, unless the stage names another entry."""
    if given is None or default is None:
        return default if given is None else given
    as_groups = [{"name": part} if isinstance(part, str) else dict(part) for part in (default, given)]
    if "name" in as_groups[1] and as_groups[1]["name"] != as_groups[0].get("name"):
        return as_groups[1]
    return {**as_groups[0], **as_groups[1]}
