"""Whether a run has room in memory: refused before training where it has not, with what would fit.

What a process may have is the machine's memory or less, by a container, a control group or ``ulimit -v``: not what is
free at the moment, which others may give back. Where the system ends a process that takes too much, nobody could say a
word afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from whet.core import memory
from whet.core.errors import Fault, ResourceError, lacks_memory
from whet.core.events import Said, Tell
from whet.forecast import Forecast, Need, forecast, roughly
from whet.leg import Leg
from whet.strategies.contract import STRATEGIES, Strategy

MOST_OF_FREE = 0.7
"""The share of the free memory that a batch may be told to take: libraries need some for themselves."""
MOST_OF_ROOM = 0.8
"""The same of what is left beside a model and its optimizer, where that was measured."""
ROUGH = 1.1
"""How far beyond the machine a formula must be to be believed without a try."""


def foreseen(leg: Leg) -> Forecast:
    """The forecast of a stage. Raises ResourceError where there is no room even for what it tries."""
    with within_memory(leg):
        need, there = roughly(leg), there_is(leg)
        if need.peak_bytes > ROUGH * there:
            raise ResourceError([_fault(leg, need, there)])
        return forecast(leg)


def fitting(leg: Leg) -> Forecast:
    """The same for a run that is to begin. Raises ResourceError too where the forecast's peak is more than there is."""
    one = foreseen(leg)
    if one.peak_memory_bytes > (there := there_is(leg)):
        raise ResourceError([_fault(leg, one.need, there)])
    return one


def warn(leg: Leg, one: Forecast, tell: Tell) -> None:
    """Say beforehand what ``fitting`` would say."""
    if one.peak_memory_bytes > (there := there_is(leg)):
        tell(Said(f"it would not start: {_fault(leg, one.need, there)}"))


def there_is(leg: Leg) -> int:
    """What the device has, or what this process may have of it."""
    device = leg.model.engine.device
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else memory.total_bytes()


def _fault(leg: Leg, need: Need, there: int) -> Fault:
    now, longest = leg.model.tokens_per_batch, leg.model.limits.max_tokens
    a_token = max(need.peak_bytes - need.fixed_bytes, 1) / max(need.tokens, 1)
    fitting = min(int(MOST_OF_ROOM * (there - need.fixed_bytes) / a_token), now // 2)
    what = (
        f"training with {now:,} tokens at once would take about {need.peak_bytes / 1e9:.1f} GB of memory, "
        f"and there are {there / 1e9:.1f} GB"
    )
    cures = []
    if fitting >= longest:
        taken = (need.fixed_bytes + a_token * fitting) / 1e9
        cures.append(
            f"--set train.tokens_per_batch={fitting} (about {taken:.1f} GB; a step keeps its number of examples)"
        )
    if need.light_bytes < MOST_OF_ROOM * there < need.peak_bytes:
        few = ", ".join(name for name in STRATEGIES.names() if STRATEGIES[name].save is not Strategy.save)
        cures.append(f"a strategy that moves few weights ({few}: about {need.light_bytes / 1e9:.1f} GB)")
    if not cures:
        cures.append(f"a lower encode.max_tokens (it is {longest}) or a smaller model; nothing else would")
    return Fault(what, "train.tokens_per_batch", f"what would fit: {'; or '.join(cures)}")


@contextmanager
def within_memory(leg: Leg) -> Iterator[None]:
    """Raises ResourceError where memory runs out inside, with the budget of tokens that would fit.

    What is free is asked beforehand: afterwards the allocator holds what it was given, and nobody can tell how much.
    """
    device, now = leg.model.engine.device, leg.model.tokens_per_batch
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory.free_bytes()
    try:
        yield
    except Exception as error:
        if not lacks_memory(error):
            raise
        fitting = int(min(MOST_OF_FREE * max(free - leg.training_bytes, 0) / leg.bytes_a_token, now / 2))
        longest = leg.model.limits.max_tokens
        cure = f"start again with --set train.tokens_per_batch={fitting}; a step keeps its number of examples"
        if fitting < longest:
            cure = f"not even one text of {longest} tokens fits: lower encode.max_tokens, or take a smaller model"
        left = f"{free / 1e9:.1f} GB were free, and a token takes about {leg.bytes_a_token / 1e6:.1f} MB"
        what = f"the memory does not suffice for {now:,} tokens at once: {left}"
        raise ResourceError(what, "train.tokens_per_batch", cure) from error
