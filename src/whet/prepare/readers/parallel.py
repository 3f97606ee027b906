"""Two files beside each other whose lines belong together: ``news.en`` and ``news.de``, code in two languages.

The file that is given names its partner: the only other one of that name whose last ending is a language's
too. A row has a column for each, called by its ending, ``en`` and ``de``. No task of translation stands yet:
a classifier can read one side.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from whet.core.errors import DataError, Fault
from whet.prepare.readers.contract import Line, Look, Reader, Sample, text_in
from whet.prepare.readers.contract import look as seen

_CODES = """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja
    jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq
    sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_SIDES = "src tgt trg source target java python py cpp js php rb sql nl complex simple normal informal formal"
LANGUAGES = frozenset(_CODES.split()) | frozenset(_SIDES.split())
"""Endings that name a side: ISO 639-1 codes, programming languages, and words for the two sides."""


class Parallel(Reader):
    """Pairs of lines from two files, such as ``news.en`` and ``news.de``."""

    endings = ()
    made_for = "translation"
    signs = (frozenset({"translation"}),)

    def sniff(self, head: str) -> float:
        return 0.0

    def files(self, path: Path) -> list[Path]:
        other = companion(path)
        return [path] if other is None else sorted([path, other])

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        cure = "give a file whose partner stands beside it: news.en, news.de"
        raise DataError("one side of a pair alone", name, cure)

    def open(self, path: Path, look: Look, name: str) -> Iterator[Line]:
        first, second = self.files(path)
        names = [side(first), side(second)]
        sizes = [array("l"), array("l")]
        texts = [text_in(file, seen(file), str(file)) for file in (first, second)]
        for number, pair in enumerate(zip_longest(*texts), 1):
            cells = [None if line is None else line.rstrip("\r\n") for line in pair]
            for known, cell in zip(sizes, cells, strict=True):
                if cell is not None:
                    known.append(len(cell))
            if None not in cells and any(cells):
                yield Line(number, dict(zip(names, cells, strict=True)))
        left, right = map(len, sizes)
        if left != right:
            what = f"{first.name} has {left} lines and {second.name} {right}{parting(*sizes)}"
            cure = "line up the two files again, an empty line where a side has nothing"
            yield Line(min(left, right) + 1, fault=Fault(what, name, cure))

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        first, second = self.files(path)
        return (f"{first.name} and {second.name} are read as a pair, line by line: {side(first)} and {side(second)}",)

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"de": "Guten Tag.", "en": "Good day."}, {"de": "Ja \u2028 so.", "en": "Yes, so."})
        texts = {key: "".join(f"{row[key]}\n" for row in rows) for key in ("en", "de")}
        return Sample("", rows, {f"x.{key}": text for key, text in texts.items()})


def side(path: Path) -> str:
    """What a file's side is called: its last ending, but for ``.gz``."""
    return _plain(path).suffix[1:]


def companion(path: Path) -> Path | None:
    """The other side of a pair, where there is exactly one file that can be it."""
    plain = _plain(path)
    if not _is_language(plain) or not path.parent.is_dir():
        return None
    sides = (found for found in path.parent.iterdir() if _plain(found).stem == plain.stem and found.is_file())
    found = [other for other in sides if _is_language(_plain(other)) and _plain(other).suffix != plain.suffix]
    return found[0] if len(found) == 1 else None


def _plain(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def _is_language(path: Path) -> bool:
    """Whether the last ending names a side: ``.en``, ``.zh-CN``, ``.pt_br``, ``.eng_Latn``, ``.java``."""
    ending = path.suffix[1:]
    first = re.split("[-_]", ending)[0].lower()
    return first in LANGUAGES or bool(re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", ending))


def parting(left: Sequence[int], right: Sequence[int]) -> str:
    """Where two sides of different length seem to part, in words, or nothing where it does not show.

    Translations are about as long as each other. So a line is sought such that the lengths agree best when the
    pairs before it are as they stand, and those after it are shifted by the lines that are missing.
    """
    short, long = (np.log1p(np.array(side, float)) for side in sorted((left, right), key=len))
    missing, count = len(long) - len(short), len(short)
    if count < 4:
        return ""
    usual = np.median(short) - np.median(long)
    as_they_stand = np.abs(short - long[:count] - usual)
    shifted = np.abs(short - long[missing:] - usual)
    costs = np.concatenate([[0.0], np.cumsum(as_they_stand)]) + np.concatenate([np.cumsum(shifted[::-1])[::-1], [0.0]])
    place = int(costs.argmin())
    if place == count:
        return "; the shorter one seems to be cut off at its end"
    return f"; they seem to part near line {place + 1}" if costs[place] < 0.8 * as_they_stand.sum() else ""
