"""The texts that ship with whet to see what a model forgot, written by us, in English and Chinese.

A text of plain prose for language models; for others pairs of sentences, graded from 0 (unrelated) to 5 (the same
said otherwise), each sentence of one of four topics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from whet.prepare.encode import unknown_id

LANGUAGES = ("en", "zh")
MOST_UNKNOWN = 0.5
"""A tokenizer that does not know half of a language's tokens does not know the language."""


@dataclass(frozen=True)
class Shipped:
    """One language's texts; ``sentences`` are those of the pairs, one pair after the other."""

    paragraphs: tuple[str, ...]
    sentences: tuple[str, ...]
    grades: np.ndarray
    topics: np.ndarray


@dataclass(frozen=True)
class Asked:
    """What a model reads of one language, as token ids; ``topics`` and ``grades`` are empty where these are paragraphs.

    ``special`` are the ids that stand for no text, ``mask`` the one that hides a token, for a masked model alone.
    """

    language: str
    ids: tuple[tuple[int, ...], ...]
    grades: np.ndarray
    topics: np.ndarray
    special: frozenset[int]
    mask: int | None = None
    chance: float = math.inf
    """Nats a token of a model that takes every token for equally likely."""


@lru_cache
def shipped(language: str) -> Shipped:
    """The texts of a language."""
    place = files("whet.judge").joinpath("probes")
    paragraphs = place.joinpath(f"{language}.txt").read_text("utf-8").split("\n\n")
    rows = [line.split("\t") for line in place.joinpath(f"{language}.tsv").read_text("utf-8").splitlines()]
    topics = sorted({topic for row in rows for topic in row[1:3]})
    return Shipped(
        tuple(one.strip() for one in paragraphs),
        tuple(sentence for row in rows for sentence in row[3:]),
        np.array([float(row[0]) for row in rows]),
        np.array([topics.index(topic) for row in rows for topic in row[1:3]]),
    )


def asked(tokenizer: Any, longest: int, kind: str) -> tuple[list[Asked], dict[str, float]]:
    """What to ask in each language that the tokenizer knows, and for the others the share of tokens that it does not.

    ``kind`` is the task's head: a language head is asked about paragraphs, any other model about sentences.
    """
    speaks = kind in ("causal", "masked")
    unknown, found, left = unknown_id(tokenizer), [], {}
    for language in LANGUAGES:
        texts = shipped(language)
        said = texts.paragraphs if speaks else texts.sentences
        ids = [tokenizer(text, truncation=True, max_length=longest)["input_ids"] for text in said]
        tokens = np.concatenate(ids)
        share = 0.0 if unknown is None else float((tokens == unknown).mean())
        if share > MOST_UNKNOWN:
            left[language] = share
            continue
        special = frozenset(one for one in tokenizer.all_special_ids if one != unknown)
        grades, topics = (texts.grades, texts.topics) if not speaks else (np.array([]), np.array([], int))
        mask = tokenizer.mask_token_id if kind == "masked" else None
        found.append(Asked(language, tuple(map(tuple, ids)), grades, topics, special, mask, chance_of(tokenizer)))
    return found, left


def chance_of(tokenizer: Any) -> float:
    """What a token costs, in nats, where every one is as likely: the loss of a model that knows nothing."""
    return math.log(len(tokenizer))
