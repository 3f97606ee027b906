"""Near copies by trying every pair: slow, and plainly right."""

from __future__ import annotations

import re
from itertools import combinations

CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{CJK}]|(?:(?![{CJK}])[^\W_])+")


def shingles(text: str) -> set[tuple[str, ...]]:
    """Three words in a row, of texts of eight words or more."""
    words = WORD.findall(text.casefold())
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)} if len(words) >= 8 else set()


def near_duplicates(texts: list[str], threshold: float = 0.9) -> set[tuple[int, int]]:
    """All pairs of positions whose texts' shingles overlap so far (Jaccard)."""
    sets = [shingles(text) for text in texts]
    return {
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if sets[i] and sets[j] and len(sets[i] & sets[j]) >= threshold * len(sets[i] | sets[j]) - 1e-9
    }


def joined(texts: list[str]) -> list[int]:
    """Groups of equal, near and connected texts, numbered as they first come."""
    near = near_duplicates(texts)
    folded = [" ".join(text.split()).casefold() for text in texts]
    group = list(range(len(texts)))
    for i, j in combinations(range(len(texts)), 2):
        if folded[i] == folded[j] or (i, j) in near:
            group = [group[i] if one == group[j] else one for one in group]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(one, len(numbers)) for one in group]
