"""What a comparison was asked for: the strategies with their recipes, the seeds, the rates, the budget."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.core.errors import Fault, UsageError
from whet.core.shelf import Shelf, load_plugin
from whet.recipe import Recipe, Stage
from whet.strategies.contract import STRATEGIES

APART = re.compile(r",(?![^\[{]*[\]}])")
"""A comma between entries; those inside brackets belong to a value."""
OPTION = re.compile(r":(?=[\w.]+=)")
SHARED = ("data", "evaluate", "task", "seed", "stages", "plugins")
"""What every strategy must have alike, or it would not be the strategies that are compared."""


@dataclass(frozen=True)
class Named:
    """One word of ``--strategies``: a strategy's name with options, as ``lora:rank=4:train.epochs=2``."""

    label: str
    strategy: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: its label, and the recipe with the first seed."""

    label: str
    recipe: Recipe

    @property
    def folder(self) -> str:
        """The label as the name of a directory."""
        return re.sub(r"[^\w.=+-]+", "-", self.label)

    @property
    def stage(self) -> Stage:
        return self.recipe.stages[-1]


@dataclass(frozen=True)
class Asked:
    """The whole of a comparison; equal ones go on with each other's cells.

    ``files`` are the SHA-256 of the data's files. Seeds count on from the recipe's own.
    """

    entries: tuple[Entry, ...]
    seeds: int
    rates: int
    budget: str | None
    files: Mapping[str, str]

    @property
    def first_seed(self) -> int:
        return self.entries[0].recipe.seed

    def all_seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.seeds)

    def as_dict(self) -> dict[str, Any]:
        """Plain values from which ``of`` makes the same."""
        return {
            "strategies": {entry.label: entry.recipe.as_dict() for entry in self.entries},
            "seeds": self.seeds,
            "rates": self.rates,
            "budget": self.budget,
            "files": dict(self.files),
        }

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> Asked:
        """What a ``comparison.json`` was asked for; its plugins join the shelves."""
        for plugin in {path for one in values["strategies"].values() for path in one.get("plugins", ())}:
            load_plugin(Path(plugin))
        entries = tuple(Entry(label, Recipe.of(one, where)) for label, one in values["strategies"].items())
        return cls(entries, values["seeds"], values["rates"], values["budget"], values["files"])


def named(strategies: str | Sequence[str] | None) -> list[Named]:
    """The entries of ``--strategies``; all strategies that stand where it is left out.

    Raises UsageError with every fault: unknown names and options, twice the same, what all must have alike.
    """
    if strategies is None:
        given: Sequence[str] = STRATEGIES.names()
    else:
        given = APART.split(strategies) if isinstance(strategies, str) else strategies
    found, faults = [], []
    for text in (one.strip() for one in given):
        name, *options = OPTION.split(text)
        settings = tuple(option if "." in option.partition("=")[0] else f"strategy.{option}" for option in options)
        faults += _faults(text, name, settings, STRATEGIES)
        label = " ".join(
            [
                name,
                *(option.partition("=")[0].rpartition(".")[2] + "=" + option.partition("=")[2] for option in options),
            ]
        )
        found.append(Named(label, name, settings))
    labels = [one.label for one in found]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        faults.append(Fault(f"'{label}' stands there twice", "--strategies", "name each once"))
    if not found or labels == [""]:
        faults = [Fault("there is nothing to compare", "--strategies", f"of {', '.join(STRATEGIES)}")]
    if faults:
        raise UsageError(faults)
    return found


def _faults(text: str, name: str, settings: Sequence[str], shelf: Shelf[Any]) -> list[Fault]:
    found = []
    try:
        shelf[name]
    except UsageError as error:
        found += [dataclasses.replace(fault, where=f"--strategies {text}") for fault in error.faults]
    for setting in settings:
        section = setting.partition(".")[0]
        if section in SHARED:
            what = f"{section} must be alike for all that are compared"
            found.append(Fault(what, f"--strategies {text}", f"set it for all: --set {setting}"))
    return found


def refuse_other(asked: Asked, before: Asked, where: str) -> None:
    """Raises UsageError with everything that another comparison in the same place was asked for otherwise."""
    now, then = asked.as_dict(), before.as_dict()
    faults = []
    cure = "choose another with --out, or begin anew with --overwrite"
    for key in ("seeds", "rates", "budget"):
        if now[key] != then[key]:
            faults.append(Fault(f"{key} was {then[key]} and is now {now[key]}", where, cure))
    if now["files"] != then["files"]:
        faults.append(Fault("the data has changed since", where, cure))
    ours, theirs = now["strategies"], then["strategies"]
    if list(ours) != list(theirs):
        what = f"the strategies were {', '.join(theirs)} and are now {', '.join(ours)}"
        faults.append(Fault(what, where, cure))
    differing = [label for label in ours if label in theirs and ours[label] != theirs[label]]
    if differing:
        keys = sorted({key for label in differing for key in _differing(ours[label], theirs[label])})
        faults.append(Fault(f"the recipe is another: {', '.join(keys)}", where, cure))
    if faults:
        raise UsageError(faults)


def _differing(one: Any, other: Any, place: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        return [part for key in keys for part in _differing(one.get(key), other.get(key), f"{place}.{key}".strip("."))]
    return [] if one == other else [place]
