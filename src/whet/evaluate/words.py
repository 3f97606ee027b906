"""Every sentence that this room says, in English and Chinese; they stand side by side in ``words.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

Words = Callable[..., str]
"""``say(key, **fill)`` gives the sentence in the chosen language."""


@lru_cache(maxsize=1)
def sentences() -> dict[str, dict[str, str]]:
    """Each key's sentence by language."""
    return tomllib.loads(files("whet.evaluate").joinpath("words.toml").read_text("utf-8"))


def words_of(language: str) -> Words:
    """The words of one language, ``en`` or ``zh``; raises KeyError for another."""
    table = {key: spoken[language] for key, spoken in sentences().items()}

    def say(key: str, **fill: object) -> str:
        return table[key].format(**fill) if fill else table[key]

    return say
