"""What training took of what it could have: useful tokens, padding, the share of the roof, where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whet.core.events import Said, Tell
from whet.train.state import Progress


def timing(done: Sequence[Progress]) -> dict[str, Any]:
    """The part of ``metrics.json`` that tells of the steps alone, summed over the stages.

    Looks at validation rows, saves and what comes before the first step are no part of it. The roof is what products
    alone reach here, so that norms, attention's softmax, dropout, data and the optimizer all count as lost to it.
    """
    parts = list(dict.fromkeys(part for one in done for part in one.spent))
    spent = {part: sum(one.spent.get(part, 0.0) for one in done) for part in parts}
    seconds, computed = sum(spent.values()), sum(one.computed for one in done)
    reachable = sum(sum(one.spent.values()) * one.roof for one in done)
    if not seconds or not computed or not reachable:  # a checkpoint of an earlier whet told none of it
        return {}
    tokens = sum(one.tokens for one in done)
    return {
        "useful_tokens_per_second": tokens / seconds,
        "padding": 1 - tokens / computed,
        "roof_share": sum(one.flops for one in done) / reachable,
        "step_seconds": spent,
    }


def say(progress: Progress, tell: Tell) -> None:
    """Tell the same of one stage in words; nothing where nothing is known."""
    told = timing([progress])
    if not told:
        return
    seconds = sum(told["step_seconds"].values())
    parts = ", ".join(f"{part} {took / seconds:.0%}" for part, took in told["step_seconds"].items())
    tokens = f"{told['useful_tokens_per_second']:,.0f} useful tokens/s in the steps, {told['padding']:.1%} padding"
    roof = f"{told['roof_share']:.0%} of the {progress.roof / 1e9:,.0f} GFLOP/s that products alone reach here"
    tell(Said(f"{tokens}; {roof}; a step's time: {parts}"))
