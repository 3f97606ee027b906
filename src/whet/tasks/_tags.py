"""Tags as a chain: which scheme they follow, which may follow which, and the best chain that is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.metrics import entities
from whet.tasks._reading import refuse_all
from whet.tasks.contract import Example

FORBIDDEN = -1e9


def refuse_odd(examples: Sequence[Example]) -> None:
    """Raise DataError for tags without a mark among tags that have one: a slip such as ``0`` or ``PER``.

    A single one would turn a file of entities into one of plain words, which are scored otherwise. Where tags
    without a mark are the most, they are the scheme.
    """
    odd = []
    for example in examples:
        strange = [(word, tag) for word, tag in enumerate(example.target, 1) if tag != "O" and not _is_marked(tag)]
        if strange:
            odd.append((example.row, strange))
    slips = sum(len(strange) for _, strange in odd)
    if slips and slips < sum(_is_marked(tag) for example in examples for tag in example.target):
        told = [
            (row, ", ".join(f"the tag '{tag}' of word {word}" for word, tag in strange[:3]) + " has no mark and type")
            for row, strange in odd
        ]
        raise refuse_all(told, "write O or a mark with a type, such as B-PER, or delete the row")


def _is_marked(tag: str) -> bool:
    return "-" in tag and entities.is_tag(tag)


def scheme(sentences: Sequence[Sequence[str]]) -> str:
    """``bio``, ``closed`` (with marks for an entity's end: BIOES, BMES), ``iob1`` or ``words`` (no spans).

    In IOB1 an entity begins with ``I-`` unless it touches another of its type, so there nothing can be
    forbidden.
    """
    seen = {tag for tags in sentences for tag in tags}
    typed = {tag for tag in seen if _is_marked(tag)}
    if not typed or any(tag != "O" and tag not in typed for tag in seen):
        return "words"
    if any(tag[0] in "ESLU" for tag in typed):
        return "closed"
    spans = [(tags, span) for tags in sentences for span in entities.spans(tags)]
    inside = sum(tags[span.start].startswith("I-") for tags, span in spans)
    return "iob1" if 2 * inside > len(spans) else "bio"


def rules(labels: Sequence[str], kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Penalties, 0 or FORBIDDEN: to begin with a label [K], to go from one to another [K, K], to end [K].

    None where every chain is allowed. A type of which no label begins an entity (only ``I-X``, no ``B-X`` or
    ``S-X``) may begin with what it has, and one of which none ends it may stay open: a label that the training
    rows have must be one that can be answered.
    """
    if kind not in ("bio", "closed"):
        return None
    marks, types = zip(*((label[0], label.partition("-")[2]) for label in labels), strict=True)
    begun = {name for mark, name in zip(marks, types, strict=True) if mark in "BSU"}
    ended = {name for mark, name in zip(marks, types, strict=True) if mark in "EL"}
    inside_k = np.array([mark in "IMEL" for mark in marks])
    begins_k = ~inside_k | np.array([name not in begun for name in types])
    carries_k = np.array([mark in "BIM" for mark in marks])
    opens_k = carries_k & (kind == "closed") & np.array([name in ended for name in types])
    same_kk = np.array(types)[:, None] == np.array(types)[None, :]
    follows_kk = (begins_k & ~opens_k[:, None]) | (inside_k & carries_k[:, None] & same_kk)
    return (
        np.where(begins_k, 0.0, FORBIDDEN),
        np.where(follows_kk, 0.0, FORBIDDEN),
        np.where(opens_k, FORBIDDEN, 0.0),
    )


def best_chain(scores_wk: np.ndarray, penalties: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[int]:
    """The allowed chain with the highest sum of scores (Viterbi 1967); W words, K labels."""
    first_k, follows_kk, last_k = penalties
    total_k, back = scores_wk[0] + first_k, []
    for step_k in scores_wk[1:]:
        reached_kk = total_k[:, None] + follows_kk
        back.append(reached_kk.argmax(0))
        total_k = reached_kk.max(0) + step_k
    chain = [int((total_k + last_k).argmax())]
    for choice_k in reversed(back):
        chain.append(int(choice_k[chain[-1]]))
    return chain[::-1]
