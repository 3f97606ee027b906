"""Characters that a tokenizer does not know: how many tokens they cost, and how they become tokens of their own.

They are put into the tokenizer's own vocabulary, not among its added tokens: those are cut out of a text before it
is normalised and split, so that a word beside one would be read otherwise than before.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.core.errors import ModelError
from whet.nn.rows import CURE
from whet.prepare.encode import unknown_id
from whet.tasks.contract import Split

LEAST = 2
"""How often a character must come in the training texts: of one that comes once nothing but its row can be learnt."""


@dataclass(frozen=True)
class Extended:
    """The pieces that were added, of which the first has the id ``first``, and the sentence for the user."""

    first: int
    pieces: tuple[str, ...]
    note: str


def extend(tokenizer: Any, splits: Mapping[str, Split]) -> Extended:
    """Add to ``tokenizer`` the characters of the training texts that it does not know and that come ``LEAST`` times.

    The most frequent comes first, of equals the one with the lower code points. The sentence tells of all ``splits``.
    Raises ModelError where the tokenizer is of a kind whose vocabulary cannot grow.
    """
    unknown = unknown_id(tokenizer)
    if unknown is None:
        return Extended(0, (), "model.extend_vocab adds nothing: the tokenizer spells what it does not know")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError("a tokenizer without tokenizer.json cannot be extended", "model.extend_vocab", CURE)
    words = {name: _words(backend, split) for name, split in splits.items()}
    before = {name: _share(backend, found, unknown) for name, found in words.items()}
    spec = json.loads(backend.to_str())
    counts = _missing(backend, spec["model"], words["train"], unknown)
    often = [piece for piece, count in counts.items() if count >= LEAST]
    pieces = sorted(often, key=lambda piece: (-counts[piece], piece))
    some = f"model.extend_vocab: {len(pieces):,} of {len(counts):,} unknown characters come at least {LEAST} times in"
    if not pieces:
        return Extended(0, (), f"{some} the training texts, so nothing is added")
    first = 1 + max(backend.get_vocab(with_added_tokens=True).values())
    _put(spec, pieces, first)
    backend.model = type(backend).from_str(json.dumps(spec)).model
    after = {name: _share(backend, found, unknown) for name, found in words.items()}
    shares = ", ".join(f"{name} {before[name]:.1%} to {after[name]:.1%}" for name, found in words.items() if found)
    note = f"{some} the training texts and become tokens; the share of unknown tokens falls: {shares}"
    return Extended(first, tuple(pieces), note)


def _words(backend: Any, split: Split) -> Counter[str]:
    """What the tokenizer's model is asked about: the texts normalised, and split as before it."""
    found: Counter[str] = Counter()
    for text in (text for example in split.examples for text in example.inputs):
        whole = backend.normalizer.normalize_str(text) if backend.normalizer else text
        cut = backend.pre_tokenizer.pre_tokenize_str(whole) if backend.pre_tokenizer else [(whole, None)]
        found.update(word for word, _ in cut)
    return found


def _share(backend: Any, words: Counter[str], unknown: int) -> float:
    asked, lost, tokens = backend.model, 0, 0
    for word, count in words.items():
        ids = [token.id for token in asked.tokenize(word)]
        tokens += count * len(ids)
        lost += count * ids.count(unknown)
    return lost / tokens if tokens else 0.0


def _missing(backend: Any, model: Mapping[str, Any], words: Counter[str], unknown: int) -> Counter[str]:
    """The pieces of one character without which words are unknown, and how often each is wanted."""
    kind, known, asked = model["type"], backend.get_vocab(with_added_tokens=False), backend.model
    found: Counter[str] = Counter()
    for word, count in words.items():
        lost = [token.value for token in asked.tokenize(word) if token.id == unknown]
        if not lost:
            continue
        if kind == "Unigram":  # it names what it does not know
            pieces = [letter for part in lost for letter in part]
        elif kind == "WordPiece":
            short = len(word) <= model["max_input_chars_per_word"]  # a longer one is unknown whatever its characters
            pieces = [*_not_found(word, known, model["continuing_subword_prefix"])] if short else []
        else:
            raise ModelError(f"a vocabulary of the kind {kind} cannot be extended", "model.extend_vocab", CURE)
        for piece in pieces:
            found[piece] += count
    return found


def _not_found(word: str, known: Mapping[str, int], prefix: str) -> Iterator[str]:
    """Where WordPiece, which takes the longest piece from the left, finds none: the piece of one character there."""
    at = 0
    while at < len(word):
        lead = prefix if at else ""
        end = next((end for end in range(len(word), at, -1) if lead + word[at:end] in known), at)
        if end == at:
            yield lead + word[at]
        at = max(end, at + 1)


def _put(spec: dict[str, Any], pieces: Sequence[str], first: int) -> None:
    """Write pieces behind the last token of a tokenizer's own description."""
    model = spec["model"]
    if model["type"] == "WordPiece":
        model["vocab"].update({piece: first + place for place, piece in enumerate(pieces)})
        return
    least = min(score for _, score in model["vocab"])
    added = {one["id"]: one["content"] for one in spec["added_tokens"]}
    behind = [added.get(number, f"<nothing-{number}>") for number in range(len(model["vocab"]), first)]
    model["vocab"] += [[piece, least] for piece in (*behind, *pieces)]  # a piece's place in the list is its id
