"""Every sentence that this room says, in English and Chinese; they stand side by side in ``words.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from whet.measures.contract import METRICS, name_of_key

BETWEEN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff]) +(?=[\u4e00-\u9fff])")
"""Spaces that a filled-in word brought along; Chinese sets none between its own signs."""


@lru_cache
def sentences(room: str = "whet.judge") -> dict[str, dict[str, str]]:
    """Each key's sentence by language; another room that writes pages has a ``words.toml`` of its own."""
    return tomllib.loads(files(room).joinpath("words.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Words:
    """The words of one language, ``en`` or ``zh``: ``say(key, **fill)`` gives a sentence."""

    language: str
    room: str = "whet.judge"

    def __call__(self, key: str, **fill: object) -> str:
        sentence = sentences(self.room)[key][self.language]
        said = sentence.format(**fill) if fill else sentence
        return BETWEEN_CHINESE.sub("", said) if self.language == "zh" else said

    def name(self, key: str) -> str:
        """A key of a file in words, or as it stands where there are none."""
        return self(key) if key in sentences(self.room) else key

    def probe(self, probe: Mapping[str, Any]) -> str:
        """A probe of ``retention`` in words: ``likeness_en`` is the likeness of English sentences."""
        kind, _, language = str(probe["name"]).partition("_")
        if f"probe_{kind}" not in sentences():
            return str(probe["name"])
        spoken = self.name(f"language_{language}") if language else ""
        return self(f"probe_{kind}", language=spoken, file=probe.get("file", ""))

    def metric(self, name: str) -> str:
        """A metric in words: ours, those of a plugin's docstring, or its name where there are none."""
        if f"metric_{name}" in sentences(self.room):
            return self(f"metric_{name}")
        entry = name_of_key(name)
        return METRICS.summary(entry).rstrip(".") if entry in METRICS.names() else name
