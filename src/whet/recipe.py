"""The whole recipe: sections made of the rooms' options, read from YAML, the command line or Python.

A recipe is a list of stages over one trunk, mostly one. A section that stands outside ``stages`` is the default of
all. Each entry of a shelf owns its options, which stand beside its name: ``strategy: {name: lora, rank: 8}``; a bare
word is short for the name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pydantic

from whet.assemble.options import ModelOptions
from whet.core import yamlfile
from whet.core.errors import Fault, UsageError, nearest
from whet.core.fields import changed, fields_of, spell
from whet.core.shelf import Shelf
from whet.judge.options import EvaluateOptions
from whet.measures.contract import METRICS, name_of_key
from whet.prepare.options import DataOptions, EncodeOptions
from whet.recipe_settings import merged, read_values
from whet.strategies.contract import STRATEGIES, Strategy
from whet.tasks.contract import TASKS, Task
from whet.train.options import TrainOptions

SECTIONS: dict[str, type] = {
    "model": ModelOptions,
    "data": DataOptions,
    "encode": EncodeOptions,
    "train": TrainOptions,
    "evaluate": EvaluateOptions,
}
ENTRIES: dict[str, Shelf[Any]] = {"task": TASKS, "strategy": STRATEGIES}
STAGE_KEYS = (*ENTRIES, *SECTIONS)


@dataclass(frozen=True)
class Stage:
    """One stage: a task (None: read off the data), a strategy, data and training."""

    task: Task | None
    strategy: Strategy
    model: ModelOptions
    data: DataOptions
    encode: EncodeOptions
    train: TrainOptions
    evaluate: EvaluateOptions

    @property
    def strategy_name(self) -> str:
        return STRATEGIES.name_of(type(self.strategy))

    @property
    def task_name(self) -> str | None:
        return None if self.task is None else TASKS.name_of(type(self.task))

    def with_(self, section: str, **values: Any) -> Stage:
        """The same stage with some fields of one section changed."""
        return dataclasses.replace(self, **{section: dataclasses.replace(getattr(self, section), **values)})

    def as_dict(self) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        if self.task is not None:
            whole["task"] = {"name": self.task_name, **changed(self.task)}
        whole["strategy"] = {"name": self.strategy_name, **changed(self.strategy)}
        return {**whole, **{name: changed(getattr(self, name)) for name in SECTIONS}}


@dataclass(frozen=True)
class Recipe:
    """What is to be done, in full; equal recipes give equal weights on one machine."""

    stages: tuple[Stage, ...]
    seed: int = 0
    plugins: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """Make sense of plain values. Raises UsageError with every fault: unknown keys, wrong types, wrong names."""
        if not isinstance(values, Mapping):
            raise UsageError("a recipe is a list of sections", where, "see `whet init` for an example")
        reader = _Reader(where)
        allowed = (*STAGE_KEYS, "seed", "stages", "plugins")
        reader.refuse_unknown(values, allowed, "")
        plugins = reader.value(tuple[str, ...], values.get("plugins", ()), "plugins")
        seed = reader.value(int, values.get("seed", 0), "seed")
        defaults = {key: values[key] for key in STAGE_KEYS if key in values}
        given = values.get("stages") or [{}]
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise UsageError("stages is a list", f"{where}: stages", "begin each stage with a hyphen")
        stages = []
        for number, part in enumerate(given):
            place = f"stages.{number}." if "stages" in values else ""
            if not isinstance(part, Mapping):
                reader.fault(f"stages.{number}", "a stage is a group of sections", "see docs/recipes")
                continue
            reader.refuse_unknown(part, STAGE_KEYS, place)
            stages.append(reader.stage({key: merged(defaults.get(key), part.get(key)) for key in STAGE_KEYS}, place))
        reader.raise_faults()
        return cls(tuple(cast(list[Stage], stages)), seed, plugins)

    @classmethod
    def read(cls, path: Path, settings: Sequence[str] = ()) -> Recipe:
        """Read a YAML file, with ``section.key=value`` settings on top."""
        return cls.of(read_values(path, settings), str(path))

    def as_dict(self) -> dict[str, Any]:
        """Plain values from which ``of`` makes the same recipe."""
        head: dict[str, Any] = {"seed": self.seed}
        if self.plugins:
            head["plugins"] = list(self.plugins)
        if len(self.stages) == 1:
            return {**head, **self.stages[0].as_dict()}
        return {**head, "stages": [stage.as_dict() for stage in self.stages]}

    def as_yaml(self) -> str:
        return yamlfile.write(self.as_dict())

    def with_stage(self, number: int, stage: Stage) -> Recipe:
        """The same recipe with one stage in place of another."""
        stages = (*self.stages[:number], stage, *self.stages[number + 1 :])
        return dataclasses.replace(self, stages=stages)


class _Reader:
    """Reads plain values into typed ones and gathers every fault on the way."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.faults: list[Fault] = []

    def fault(self, key: str, what: str, cure: str) -> None:
        self.faults.append(Fault(what, f"{self.where}: {key}", cure))

    def raise_faults(self) -> None:
        if self.faults:
            raise UsageError(self.faults)

    def refuse_unknown(self, values: Mapping[str, Any], allowed: Sequence[str], place: str) -> None:
        for key in values:
            if key not in allowed:
                self.fault(f"{place}{key}", f"there is no key '{key}' here", nearest(str(key), allowed))

    def value(self, kind: Any, given: Any, key: str) -> Any:
        try:
            return _adapter(kind).validate_python(given)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            self.fault(key, f"{given!r} does not fit: {first['msg'].lower()}", f"give {spell(kind)}")
            return given

    def options(self, options: type, given: Any, section: str) -> Any:
        """An instance of a section's or an entry's options; None after a fault."""
        known = {one.name: one for one in fields_of(options)}
        given = {} if given is None else {"name": given} if isinstance(given, str) and "name" in known else given
        if not isinstance(given, Mapping):
            self.fault(section, f"{given!r} is not a group of keys", f"write {section}: {{key: value}}")
            return None
        self.refuse_unknown(given, list(known), f"{section}.")
        before = len(self.faults)
        values = {
            key: self.value(known[key].kind, value, f"{section}.{key}") for key, value in given.items() if key in known
        }
        if len(self.faults) > before:
            return None
        try:
            return options(**values)
        except UsageError as error:
            self.faults.extend(error.faults)
            return None

    def entry(self, shelf: Shelf[Any], given: Any, section: str, default: str | None) -> Any:
        """An instance of a shelf's entry from its name or from ``{name, options...}``."""
        given = {"name": given} if isinstance(given, str) else dict(given or {})
        name = given.pop("name", None) or default
        if name is None:
            if given:
                having = [one for one in shelf.names() if set(given) <= _options_of(shelf[one])]
                cure = f"name one: {section}.name={' or '.join(having or shelf.names())}"
                self.fault(section, f"options without a name: {', '.join(given)}", cure)
            return None
        try:
            return self.options(shelf[str(name)], given, section)
        except UsageError as error:
            self.faults.extend(Fault(fault.what, f"{self.where}: {section}", fault.cure) for fault in error.faults)
            return None

    def metrics(self, given: Sequence[Any], place: str) -> list[dict[str, Any]]:
        """The metrics asked for as plain values again, with every option of theirs written down."""
        found = []
        for number, one in enumerate(given):
            named = {"name": one} if isinstance(one, str) else {**one}
            named["name"] = name_of_key(str(named.get("name", "")))
            metric = self.entry(METRICS, named, f"{place}evaluate.metrics.{number}", None)
            found.append({"name": named["name"], **(changed(metric) if metric is not None else {})})
        return found

    def stage(self, values: Mapping[str, Any], place: str) -> Stage | None:
        before = len(self.faults)
        task = self.entry(TASKS, values.get("task"), f"{place}task", None)
        strategy = self.entry(STRATEGIES, values.get("strategy"), f"{place}strategy", "full")
        sections = {name: self.options(cls, values.get(name), f"{place}{name}") for name, cls in SECTIONS.items()}
        metrics = [] if sections["evaluate"] is None else self.metrics(sections["evaluate"].metrics, place)
        if len(self.faults) > before:
            return None
        stage = Stage(task, strategy, **sections)
        return stage.with_("evaluate", metrics=tuple(metrics)) if metrics else stage


def _options_of(entry: type) -> set[str]:
    return {one.name for one in fields_of(entry)}


@cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind, config=None)
