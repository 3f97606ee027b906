"""Fingerprints of rows: 64-bit numbers instead of texts, so that a million rows are compared without being kept.

One pass reads the examples, in chunks; everything that is asked of the texts afterwards (copies, near copies,
contradictions, lengths, odd rows) is answered from arrays of about 80 bytes a row and 8 bytes a shingle. The hashes
are the same in every process, which ``hash()`` is not, and two of 64 bits are equal by chance in no data set that
fits in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import numpy as np

from whet.prepare.targets import Gathering, Targets, bounds, mixed, spread
from whet.tasks.contract import Example

LEAST_WORDS = 8
"""Texts of fewer words have no near copies, only equal ones: with one word changed they are other texts."""

LEAST_SHINGLES = 9
"""Of fewer no two different sets overlap by nine tenths: 8 of 9 are less."""

MOST_SHINGLES = 12_000_000
"""Above so many near copies are not searched: at 50 bytes each the search would need more than 0.6 GB."""

CHUNK = 1 << 18
"""Characters that are read at once: the arrays of a chunk need about 60 bytes for each."""

ODD = (
    "no text",
    "no letters, only digits or signs",
    "control characters",
    "characters that were lost before (U+FFFD)",
    "signs of a wrong encoding (as Ã© for é)",
    "HTML tags",
)
"""What can be odd about a text; the place of each is its bit in ``Prints.odd``."""

_WORD, _CJK, _LETTER, _CONTROL = 1, 2, 4, 8
_TOP = 0x3FFFF
_MOJIBAKE = re.compile("[ÃÂ][\x80-\xbf]|â€|â\x80")
_TAG = re.compile(
    r"</?(?:a|b|i|u|p|br|hr|em|li|ul|ol|td|tr|th|h[1-6]|div|img|pre|code|span|font|table|strong)\b[^<>]*>", re.I
)


@dataclass(frozen=True)
class Prints:
    """What is known of the rows of one split, each array in their order.

    ``texts`` are hashes of the folded texts, ``sets`` of their sets of three-word shingles (0 under eight words),
    ``words`` and ``sizes`` count the words and the different shingles, ``odd`` holds bits of ``ODD``.
    ``shingles[starts[i]:starts[i + 1]]`` are row i's shingles, kept where there are enough to be near to others;
    None where all rows together have too many to search.
    """

    rows: np.ndarray
    texts: np.ndarray
    words: np.ndarray
    sets: np.ndarray
    sizes: np.ndarray
    odd: np.ndarray
    shingles: np.ndarray | None
    starts: np.ndarray
    targets: Targets

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, places: np.ndarray) -> Prints:
        """The same of some rows alone."""
        kept, shingles = np.diff(self.starts)[places], self.shingles
        if shingles is not None:
            shingles = shingles[spread(self.starts[:-1][places], kept)]
        return Prints(
            self.rows[places],
            self.texts[places],
            self.words[places],
            self.sets[places],
            self.sizes[places],
            self.odd[places],
            shingles,
            bounds(kept),
            self.targets.pick(places),
        )


@dataclass(frozen=True)
class _Shingled:
    """The words of a chunk of texts: how many each has, its different shingles, and what characters it holds."""

    words: np.ndarray
    sizes: np.ndarray
    sets: np.ndarray
    shingles: np.ndarray
    has_letter: np.ndarray
    has_control: np.ndarray


def read_prints(examples: Iterable[Example]) -> Prints:
    """Read the rows once, in order, and keep no text."""
    targets = Gathering()
    parts: list[tuple[np.ndarray, ...]] = []
    shingles: list[np.ndarray] | None = []
    kept = 0
    for chunk in _chunks(examples):
        rows = np.array([example.row for example in chunk], np.int64)
        raw = [" ".join(example.inputs) for example in chunk]
        for example in chunk:
            targets.add(example)
        texts = [fold(text) for text in raw]
        found = _shingled(texts)
        long = found.sizes >= LEAST_SHINGLES
        if shingles is not None:
            shingles.append(found.shingles[np.repeat(long, found.sizes)])
            kept += len(shingles[-1])
            shingles = shingles if kept <= MOST_SHINGLES else None
        parts.append((rows, _hashes(texts), found.words, found.sets, found.sizes, _odd(raw, texts, found)))
    rows, hashes, words, sets, sizes, odd = (np.concatenate(part) for part in zip(*parts, strict=True))
    whole = None if shingles is None else np.concatenate(shingles)
    starts = bounds(np.where(sizes >= LEAST_SHINGLES, sizes, 0))
    return Prints(rows, hashes, words, sets, sizes, odd, whole, starts, targets.done())


def text_prints(examples: Iterable[Example]) -> np.ndarray:
    """``Prints.texts`` alone."""
    return np.concatenate([_hashes([fold(" ".join(one.inputs)) for one in chunk]) for chunk in _chunks(examples)])


def fold(text: str) -> str:
    """A text as it is compared: without case, and with every run of white space as one space."""
    return " ".join(text.split()).casefold()


def _chunks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """The rows some hundred thousand characters at a time; at least one chunk, which may be empty."""
    chunk: list[Example] = []
    size = 0
    for example in examples:
        chunk.append(example)
        size += sum(map(len, example.inputs)) + 16
        if size > CHUNK:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _hashes(texts: Sequence[str]) -> np.ndarray:
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _shingled(texts: Sequence[str]) -> _Shingled:
    """Shingles of whole chunks at once: a tenth of the time that a loop over words takes.

    A word is hashed as the sum of numbers drawn for its characters and their places, so that sums over a whole
    chunk give every word's.
    """
    count = len(texts)
    lengths = np.fromiter(map(len, texts), np.int64, count)
    starts = bounds(lengths + 1)
    codes = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass"), "<u4")
    kinds = _kinds()[np.minimum(codes, _TOP)]
    places = np.flatnonzero(kinds & _WORD)
    if not len(places):
        none = np.zeros(count, np.int32)
        return _Shingled(none, none, none.astype(np.uint64), np.zeros(0, np.uint64), *_held(kinds, starts))
    alone = (kinds[places] & _CJK) > 0
    begins = np.ones(len(places), bool)
    begins[1:] = (np.diff(places) > 1) | alone[1:] | alone[:-1]
    first = np.flatnonzero(begins)
    within = np.arange(len(places)) - np.repeat(first, np.diff(np.append(first, len(places))))
    words = np.add.reduceat(mixed(codes[places].astype(np.uint64) | (within.astype(np.uint64) << np.uint64(21))), first)
    owner = np.searchsorted(starts, places[first], "right") - 1
    times = np.bincount(owner, minlength=count).astype(np.int32)
    words, owner = words[times[owner] >= LEAST_WORDS], owner[times[owner] >= LEAST_WORDS]
    same = owner[2:] == owner[:-2]
    triples = words[:-2] * np.uint64(0x9E3779B97F4A7C15) + words[1:-1] * np.uint64(0xC2B2AE3D27D4EB4F) + words[2:]
    shingles, owner = mixed(triples[same]), owner[2:][same]
    order = np.lexsort((shingles, owner))
    shingles, owner = shingles[order], owner[order]
    new = np.ones(len(shingles), bool)
    new[1:] = (shingles[1:] != shingles[:-1]) | (owner[1:] != owner[:-1])
    shingles, owner = shingles[new], owner[new]
    sizes = np.bincount(owner, minlength=count).astype(np.int32)
    sets = np.zeros(count, np.uint64)
    if len(owner):
        sets[sizes > 0] = mixed(np.add.reduceat(mixed(shingles), bounds(sizes)[:-1][sizes > 0]))
    return _Shingled(times, sizes, sets, shingles, *_held(kinds, starts))


def _held(kinds: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which texts hold a letter, and which a control character."""
    every = np.bitwise_or.reduceat(kinds, starts[:-1]) if len(starts) > 1 else kinds[:0]
    return (every & _LETTER) > 0, (every & _CONTROL) > 0


def _odd(raw: Sequence[str], texts: Sequence[str], found: _Shingled) -> np.ndarray:
    """The odd things about each text as bits; most chunks have none, and are asked as one text."""
    empty = np.fromiter((not text for text in texts), bool, len(texts))
    lost, wrong, tagged = (np.zeros(len(texts), bool) for _ in range(3))
    whole = "\n".join(raw)
    if "\ufffd" in whole:
        lost[:] = ["\ufffd" in text for text in raw]
    if "Ã" in whole or "Â" in whole or "â" in whole:
        wrong[:] = [bool(_MOJIBAKE.search(text)) for text in raw]
    if "<" in whole:
        tagged[:] = ["<" in text and bool(_TAG.search(text)) for text in raw]
    bits = (empty, ~empty & ~found.has_letter, found.has_control, lost, wrong, tagged)
    return np.bitwise_or.reduce([bit.astype(np.uint8) << place for place, bit in enumerate(bits)])


@cache
def _kinds() -> np.ndarray:
    """For every character what it is: part of a word, a word of its own (Chinese and Japanese), a letter, a control."""
    kinds = np.zeros(_TOP + 1, np.uint8)
    for code in range(_TOP + 1):
        char = chr(code)
        kinds[code] = _WORD * char.isalnum() | _LETTER * char.isalpha()
    for begin, end in ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF)):
        kinds[begin : end + 1] |= _WORD | _CJK
    kinds[:0x20] |= _CONTROL
    kinds[0x7F:0xA0] |= _CONTROL
    kinds[[0x09, 0x0A, 0x0D]] &= ~np.uint8(_CONTROL)
    kinds[0xFEFF] |= _CONTROL
    return kinds
