"""What a comparison says on the way and at its end, in English; the page has its own sentences in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.judge.figures import figure, signed
from whet.search.asked import Asked
from whet.search.cells import Outcome
from whet.search.evidence import Ground
from whet.search.table import standing


def beginning(asked: Asked, ground: Ground) -> str:
    """What will be done, before anything is trained."""
    count, seeds = len(asked.entries), asked.seeds
    search = f", {asked.rates} learning rates each on the validation rows" if asked.rates > 1 else ""
    limit = f"{asked.budget} of training" if asked.budget else _epochs(epochs_of(asked))
    rows = f"{ground.rows} test rows" + ("" if ground.same_rows else " (each seed draws its own part of them)")
    cells = f"{_many(count, 'strategy', 'strategies')} x {_many(seeds, 'seed', 'seeds')}{search}"
    return f"{cells}, {limit} a cell, {rows}: {_trainings(asked)} trainings"


def epochs_of(asked: Asked) -> float | None:
    """The epochs of every cell; None where strategies differ in them."""
    counts = {entry.stage.train.epochs for entry in asked.entries}
    return counts.pop() if len(counts) == 1 else None


def _epochs(count: float | None) -> str:
    return "its own epochs" if count is None else f"{count:g} {'epoch' if count == 1 else 'epochs'}"


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _trainings(asked: Asked) -> int:
    """How many trainings there are at least; a search may go one step on."""
    return len(asked.entries) * (asked.rates + asked.seeds - 1)


class Pace:
    """How far the comparison is, and about how long the rest takes by what each strategy took so far."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        each = asked.rates + asked.seeds - 1
        self._left = {entry.label: each for entry in asked.entries}
        self._took: dict[str, list[float]] = {}

    def told(self, one: Outcome, metric: str, purpose: str, kept: bool) -> str:
        """The line after a cell: ``lora, seed 2 of 5: accuracy 0.884, 71 s; about 12 min left``."""
        label, seed = one.cell.entry.label, one.cell.seed
        self._left[label] = max(0, self._left[label] - 1)
        if one.metrics is not None:
            self._took.setdefault(label, []).append(one.seconds)
        split = "validation" if purpose == "search" else "test"
        at = (
            f"learning rate {one.rate:.3g}"
            if purpose == "search" and one.rate
            else f"seed {seed - self._asked.first_seed + 1} of {self._asked.seeds}"
        )
        if one.metrics is None:
            said = f"failed: {one.reason}"
        else:
            name = f"validation {metric}" if split == "validation" else metric
            said = f"{name} {figure(one.value(split, metric))}, {one.seconds:.0f} s"
        return f"{label}, {at}: {said}{' (kept)' if kept else ''}{self._rest()}"

    def _rest(self) -> str:
        if not self._took or not any(self._left.values()):
            return ""
        means = {label: sum(took) / len(took) for label, took in self._took.items()}
        usual = sum(means.values()) / len(means)
        seconds = sum(count * (means.get(label, usual) + 5) for label, count in self._left.items())
        return f"; about {seconds / 60:.0f} min left" if seconds > 90 else f"; about {seconds:.0f} s left"


def pair_sentence(pair: Mapping[str, Any]) -> str:
    """A pair in words: ``lora and full are not distinguishable (difference +0.004 [-0.010, +0.018])``."""
    gap = f"difference {signed(pair['difference'])} [{_end(pair['low'])}, {_end(pair['high'])}]"
    if pair["verdict"] == "not distinguishable":
        return f"{pair['a']} and {pair['b']} are not distinguishable ({gap})"
    return f"{pair['a']} is {pair['verdict']} than {pair['b']} ({gap}, p {figure(pair['p_adjusted'])} after Holm)"


def _end(value: float | None) -> str:
    return "–" if value is None else signed(value)


def sentences(found: Mapping[str, Any]) -> list[str]:
    """The verdict, then every pair."""
    lines, pairs, metric = found["summary"], found["pairs"], found.get("metric", "")
    first = standing(lines, pairs, metric)
    if first is None:
        return ["no strategy has a score yet"]
    means = {line["strategy"]: line["mean"] for line in lines if "mean" in line}
    if len(first.leaders) == 1:
        said = f"{first.best} is best: {metric} {figure(means[first.best])}, distinguishable from every other."
    else:
        who = " and ".join([", ".join(first.leaders[:-1]), first.leaders[-1]])
        top = f"{first.best} has the highest mean, {metric} {figure(means[first.best])}"
        said = f"{who} are not distinguishable at the top ({top})."
    if len(first.leaders) > 1:
        said += f" Of these {first.quickest} trains fastest and {first.smallest} is the smallest to ship."
    if found["asked"]["seeds"] == 1:
        said += " One seed only: how much another one would change is not known."
    return [said, *(pair_sentence(pair) for pair in pairs)]
