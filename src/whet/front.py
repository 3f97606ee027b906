"""The front door from Python: every public verb, with plain arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from whet import learnt, pipeline, second_look
from whet.assemble.bundle import open_predictor
from whet.assemble.predictor import Predictor
from whet.core.errors import UsageError
from whet.core.events import Said, Tell, silent
from whet.core.outcome import Run
from whet.core.rundir import RunDir
from whet.core.shelf import load_plugin
from whet.planning import Plan
from whet.recipe import Recipe
from whet.recipe_settings import apply, read_values, stages_of
from whet.search import compare as comparing
from whet.search.asked import named
from whet.search.compare import Comparison

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
SETTLED = {
    "task": (("evaluate", "metric"), ("encode", "long_text")),
    "strategy": (("train", "learning_rate"), ("train", "schedule"), ("train", "cache_trunk")),
    "model": (
        ("train", "learning_rate"),
        ("train", "precision"),
        ("train", "tokens_per_batch"),
        ("train", "cache_trunk"),
        ("model", "pooling"),
        ("encode", "max_tokens"),
    ),
}
"""Keys that a run writes into its recipe for one strategy or model, and that do not suit another."""


def run(
    data: str | Path | Recipe,
    *,
    task: str | None = None,
    model: str | None = None,
    strategy: str | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    retain: str | Path | None = None,
    overwrite: bool = False,
    budget: str | None = None,
    pool: str | Path | None = None,
    tell: Tell = silent,
) -> Run:
    """Fine-tune on ``data`` (a file, a folder, ``hf:NAME``, a recipe) and measure, as ``whet run`` does."""
    recipe = _recipe(data, task, model, strategy, seed, [*settings, *_files(pool=pool, retain=retain)], plugins, tell)
    return pipeline.run(recipe, _place(out), tell, overwrite, _seconds(budget))


def plan(
    data: str | Path | Recipe,
    *,
    task: str | None = None,
    model: str | None = None,
    strategy: str | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    retain: str | Path | None = None,
    overwrite: bool = False,
    budget: str | None = None,
    pool: str | Path | None = None,
    show: int = 0,
    tell: Tell = silent,
) -> Plan:
    """Everything up to the first step: what would be trained, in what time and memory. Trains nothing."""
    recipe = _recipe(data, task, model, strategy, seed, [*settings, *_files(pool=pool, retain=retain)], plugins, tell)
    return pipeline.plan(recipe, _place(out), tell, show, overwrite, _seconds(budget))


def resume(run: str | Path, *, force: bool = False, tell: Tell = silent) -> Run | Comparison:
    """Go on with an interrupted run, to the same weights as an uninterrupted one; or with a comparison."""
    if comparing.is_comparison(Path(run)):
        if force:
            what = "a comparison cannot be forced: cells of other data or another recipe do not stand beside these"
            raise UsageError(what, str(run), "leave --force out, or begin anew with whet compare and --overwrite")
        return comparing.again(Path(run), tell)
    return pipeline.resume(RunDir(Path(run)), tell, force)


def load(model: str | Path, *, tell: Tell = silent) -> Predictor:
    """The predictor of a bundle, a run's directory or a transformers directory that has a head.

    Of a run it can read the training rows again, for ``explain``.
    """
    return Predictor(open_predictor(str(model)).model, partial(learnt.read, Path(model), tell))


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    out: str | Path | None = None,
    settings: Sequence[str] = (),
    overwrite: bool = False,
    tell: Tell = silent,
) -> Run:
    """Metrics and the report of a model on other data, in ``evaluations/<data>/`` beside it by default.

    ``settings`` are keys of the recipe's ``data`` and ``evaluate`` sections.
    """
    return second_look.evaluate(str(model), str(data), settings, _place(out), tell, overwrite)


def compare(
    data: str | Path | Recipe,
    *,
    strategies: str | Sequence[str] | None = None,
    seeds: int = 3,
    rates: int = 3,
    task: str | None = None,
    model: str | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    overwrite: bool = False,
    budget: str | None = None,
    tell: Tell = silent,
) -> Comparison:
    """Train several strategies on the same rows with the same seeds, and say which differ by more than luck.

    ``strategies`` are names with options (``lora:rank=4``), all that stand by default; ``rates`` how many learning
    rates are tried for each on the validation rows; ``budget`` how long each cell may train, instead of equal epochs.
    """
    _seconds(budget)
    for path in plugins:
        load_plugin(Path(path))
    entries = [
        (one, _recipe(data, task, model, one.strategy, seed, [*settings, *one.settings], plugins, tell))
        for one in named(strategies)
    ]
    return comparing.compare(entries, seeds, rates, budget, None if out is None else Path(out), tell, overwrite)


def _recipe(
    data: str | Path | Recipe,
    task: str | None,
    model: str | None,
    strategy: str | None,
    seed: int | None,
    settings: Sequence[str],
    plugins: Sequence[str],
    tell: Tell,
) -> Recipe:
    """The recipe behind DATA and the options: named options go over the file, ``settings`` over both."""
    if isinstance(data, Recipe):
        values: dict[str, Any] = data.as_dict()
        where = "recipe"
    elif Path(data).suffix in (".yaml", ".yml"):
        values, where = read_values(Path(data)), str(data)
    else:
        values, where = {"data": {"train": str(data)}}, "recipe"
    for path in (*values.get("plugins", ()), *plugins):
        load_plugin(Path(path))
    named = {"task.name": task, "model.name": model, "strategy.name": strategy, "seed": seed}
    for key, value in ((key, value) for key, value in named.items() if value is not None):
        for part in _naming(values, key):
            _forget_settled(part, key, value, tell)
            _name(part, key, value)
    if plugins:
        values["plugins"] = [*values.get("plugins", ()), *(str(Path(path).resolve()) for path in plugins)]
    return Recipe.of(apply(values, settings), where)


def _naming(values: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The recipe, and each stage that names this section itself, lest that went silently over the option."""
    return [values, *(part for part in stages_of(values) if key.partition(".")[0] in part)]


def _files(**named: str | Path | None) -> list[str]:
    """Files named beside the data as settings of ``evaluate``; quoted, for YAML would read some paths as something
    else."""
    given = {name: json.dumps(str(path), ensure_ascii=False) for name, path in named.items() if path is not None}
    return [f"evaluate.{name}={path}" for name, path in given.items()]


def _forget_settled(values: dict[str, Any], key: str, value: Any, tell: Tell) -> None:
    """Leave out what a recipe says for another strategy or model than the one now named: it was right for that one."""
    section = key.partition(".")[0]
    given = values.get(section)
    before = given.get("name") if isinstance(given, dict) else given
    if before in (None, value) or section not in SETTLED:
        return
    for place, field in SETTLED[section]:
        group = values.get(place)
        if isinstance(group, dict) and group.get(field) is not None:
            group.pop(field)
            tell(Said(f"{place}.{field} of the recipe was for the {section} {before} and is settled anew for {value}"))


def _name(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a name; another entry's options do not belong to it and are left out."""
    section, _, field = key.partition(".")
    if not field:
        values[section] = value
        return
    before = values.get(section)
    group = {"name": before} if isinstance(before, str) else dict(before or {})
    same = group.get("name") == value or section == "model"
    values[section] = {**group, field: value} if same else {field: value}


def _place(out: str | Path | None) -> RunDir | None:
    return None if out is None else RunDir(Path(out))


def _seconds(budget: str | None) -> float | None:
    if budget is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", budget.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"'{budget}' is no time", "--budget", "for example 90s, 10m or 1.5h")
    return float(match[1]) * UNITS[match[2]]
