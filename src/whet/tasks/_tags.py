"""Tags as a chain: which scheme they follow, which may follow which, and the best chain that is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.metrics import entities

FORBIDDEN = -1e9


def scheme(sentences: Sequence[Sequence[str]]) -> str:
    """``bio``, ``closed`` (with marks for an entity's end: BIOES, BMES), ``iob1`` or ``words`` (no spans).

    In IOB1 an entity begins with ``I-`` unless it touches another of its type, so there nothing can be
    forbidden.
    """
    seen = {tag for tags in sentences for tag in tags}
    typed = {tag for tag in seen if "-" in tag and entities.is_tag(tag)}
    if not typed or any(tag != "O" and tag not in typed for tag in seen):
        return "words"
    if any(tag[0] in "ESLU" for tag in typed):
        return "closed"
    spans = [(tags, span) for tags in sentences for span in entities.spans(tags)]
    inside = sum(tags[span.start].startswith("I-") for tags, span in spans)
    return "iob1" if 2 * inside > len(spans) else "bio"


def rules(labels: Sequence[str], kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Penalties, 0 or FORBIDDEN: to begin with a label [K], to go from one to another [K, K], to end [K].

    None where every chain is allowed.
    """
    if kind not in ("bio", "closed"):
        return None
    begins, opens, types = np.array(
        [[label[0] not in "IMEL", kind == "closed" and label[0] in "BIM", label.partition("-")[2]] for label in labels],
        object,
    ).T
    begins, opens = begins.astype(bool), opens.astype(bool)
    same = types[:, None] == types[None, :]
    carries = np.array([label[0] in "BIM" for label in labels])
    follows = np.where(begins[None, :], ~opens[:, None], carries[:, None] & same)
    return (
        np.where(begins, 0.0, FORBIDDEN),
        np.where(follows, 0.0, FORBIDDEN),
        np.where(opens, FORBIDDEN, 0.0),
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
