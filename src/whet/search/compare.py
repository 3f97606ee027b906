"""The story of a comparison, on one page: the same rows, seeds and budget for each strategy, one cell after another.

Whatever ends it, the same command goes on where it was: cells that are finished are taken as they are.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from whet import leg as legs
from whet import rules
from whet.core import lock, rundir
from whet.core.errors import UsageError
from whet.core.events import Said, Tell, silent
from whet.core.rundir import RunDir
from whet.measures.contract import chosen, key_of
from whet.prepare.corpus import Corpus
from whet.recipe import Recipe
from whet.search import page, spoken, table
from whet.search.asked import Asked, Entry, Named, refuse_other
from whet.search.cells import Cell, Outcome, cell_at, is_done, trained
from whet.search.evidence import Ground, refuse_unkept
from whet.search.rates import searched, taken
from whet.train.stop import Stop

JSON, PAGE = rundir.COMPARISON, "comparison.html"


@dataclass(frozen=True)
class Comparison:
    """A comparison's directory, from Python."""

    path: Path

    @property
    def result(self) -> dict[str, Any]:
        """``comparison.json`` as it stands."""
        found: dict[str, Any] = rundir.read_json(self.path / JSON)
        return found

    @property
    def report(self) -> Path:
        return self.path / PAGE

    def __str__(self) -> str:
        return "\n".join(spoken.sentences(self.result))


@dataclass(frozen=True)
class Known:
    """What is known so far: every trial and cell by strategy, and the values on resampled rows by cell."""

    tried: dict[str, list[Outcome]] = field(default_factory=dict)
    cells: dict[str, dict[int, Outcome]] = field(default_factory=dict)
    drawn: dict[Path, Any] = field(default_factory=dict)


def compare(
    entries: Sequence[tuple[Named, Recipe]],
    seeds: int,
    rates: int,
    budget: str | None,
    out: Path | None = None,
    tell: Tell = silent,
    overwrite: bool = False,
) -> Comparison:
    """Train every strategy with every seed on the same rows, and say which differ by more than luck."""
    with Stop(out if out is not None and is_comparison(out) else None) as stop:
        for named, recipe in entries:
            _refuse(named, recipe)
        settled, ground, files = _read([recipe for _, recipe in entries], seeds, tell)
        asked = Asked(
            tuple(Entry(named.label, recipe) for (named, _), recipe in zip(entries, settled, strict=True)),
            seeds,
            rates,
            budget,
            files,
        )
        place = out or _place_for(entries[0][1])
        with RunDir(place).held():
            _claim(place, asked, overwrite)
            stop.run = place
            _go(asked, ground, place, stop, tell)
    return Comparison(place)


def again(place: Path, tell: Tell = silent) -> Comparison:
    """Go on with the comparison in a directory, as it was asked for."""
    asked = Asked.of(rundir.read_json(place / JSON)["asked"], str(place / JSON))
    entries = [(Named(entry.label, entry.stage.strategy_name), entry.recipe) for entry in asked.entries]
    return compare(entries, asked.seeds, asked.rates, asked.budget, place, tell)


def is_comparison(place: Path) -> bool:
    return (place / JSON).is_file()


def _refuse(named: Named, recipe: Recipe) -> None:
    if len(recipe.stages) > 1:
        raise UsageError("strategies are compared in a recipe of one stage", "stages", "compare the last one by itself")
    try:
        rules.refuse(recipe)
    except UsageError as error:
        raise UsageError([dataclasses.replace(f, where=f"{named.label}: {f.where}") for f in error.faults]) from error


def _read(recipes: Sequence[Recipe], seeds: int, tell: Tell) -> tuple[list[Recipe], Ground, dict[str, str]]:
    """The rows, read and checked once before anything is trained; the recipes with all that was read off them."""
    first, corpora = legs.read(recipes[0], tell)
    stage, corpus = first.stages[0], corpora[0]
    metric = str(stage.evaluate.metric)
    task = corpus.task.settled(corpus.schema)
    added = [one for one in chosen(stage.evaluate.metrics, metric) if key_of(one) == metric]
    refuse_unkept(task, corpus.schema, corpus.splits["train"], metric, added)
    settled = [
        recipe.with_stage(
            0, dataclasses.replace(recipe.stages[0], data=stage.data, task=stage.task, evaluate=stage.evaluate)
        )
        for recipe in recipes
    ]
    tests = {
        seed: (corpus if seed == first.seed else _reread(first, seed)).splits["test"].examples
        for seed in range(first.seed, first.seed + seeds)
    }
    return settled, Ground.of(task, corpus.schema, metric, added, tests), dict(corpus.files)


def _reread(recipe: Recipe, seed: int) -> Corpus:
    """The rows as another seed has them. Even a test file does not make them the same for all: of it ``data.max_rows``
    draws a part, and one without labels is passed over."""
    return legs.read(dataclasses.replace(recipe, seed=seed), silent)[1][0]


def _place_for(recipe: Recipe) -> Path:
    """The default directory: ``comparisons/<data>-<time>``."""
    path = Path((recipe.stages[0].data.train or "data").removeprefix("hf:"))
    words = path.parent.name if path.stem in ("train", "training") and path.parent.name else path.stem
    return Path("comparisons") / re.sub(r"[^\w.-]+", "-", f"{words}-{datetime.now().strftime('%Y%m%d-%H%M%S')}")


def _claim(place: Path, asked: Asked, overwrite: bool) -> None:
    """Make the held directory ready. Raises UsageError where something else stands in it, another comparison
    included."""
    if is_comparison(place):
        if not overwrite:
            before = Asked.of(rundir.read_json(place / JSON)["asked"], str(place / JSON))
            refuse_other(asked, before, str(place))
            return
        for folder in place.glob("*/*/"):
            lock.refuse_second_writer(folder)  # a cell may go on without the comparison that was killed
        for path in (path for path in place.iterdir() if path.name not in (lock.NAME, JSON)):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    elif any(path.name != lock.NAME for path in place.iterdir()):
        raise UsageError("the directory is not empty, and no comparison", str(place), "choose another with --out")
    rundir.write_json(
        place / JSON, {"status": "running", "asked": asked.as_dict(), "runs": [], "summary": [], "pairs": []}
    )


def _go(asked: Asked, ground: Ground, place: Path, stop: Stop, tell: Tell) -> None:
    """Search the rates with the first seed, then every other seed for all strategies in turn."""
    known, pace = Known(), spoken.Pace(asked)
    confidence = asked.entries[0].stage.evaluate.confidence
    tell(Said(spoken.beginning(asked, ground)))

    def train(cell: Cell, purpose: str) -> Outcome:
        done = is_done(cell)
        one = trained(cell, asked.budget, stop, tell)
        tell(Said(pace.told(one, ground.metric, purpose, done)))
        return one

    for entry in asked.entries:
        own = known.tried.setdefault(entry.label, [])

        def attempt(rate: float | None, entry: Entry = entry, own: list[Outcome] = own) -> Outcome:
            own.append(train(cell_at(place, entry, asked.first_seed, rate), "search" if asked.rates > 1 else "cell"))
            return own[-1]

        searched(attempt, asked.rates, ground.metric, confidence)
        known.cells[entry.label] = {asked.first_seed: taken(own, ground.metric, confidence)}
        _publish(asked, ground, place, known, "running")
    for seed in asked.all_seeds()[1:]:
        for entry in asked.entries:
            best = known.cells[entry.label][asked.first_seed]
            cell = cell_at(place, entry, seed, best.cell.rate)
            known.cells[entry.label][seed] = train(cell, "cell")
            _publish(asked, ground, place, known, "running")
    _publish(asked, ground, place, known, "finished")


def _publish(asked: Asked, ground: Ground, place: Path, known: Known, status: str) -> None:
    """Write ``comparison.json`` and the page, each whole: what is known so far is always there to be read."""
    stage = asked.entries[0].stage
    confidence, metric = stage.evaluate.confidence, ground.metric
    measured, rows = [], []
    for label, cells in known.cells.items():
        values = {seed: value for seed, one in cells.items() if (value := one.value("test", metric)) is not None}
        for seed in values:
            if cells[seed].cell.place not in known.drawn:
                known.drawn[cells[seed].cell.place] = ground.drawn(cells[seed])
        measured.append(table.Measured(label, cells, values, {s: known.drawn[cells[s].cell.place] for s in values}))
        rows += [table.run_row(one, metric, place) for one in cells.values()]
    lines = table.summary(measured, ground.rows, rows, metric, confidence)
    pairs = table.pairs(measured, ground.rows, metric, confidence)
    found = {
        "status": status,
        "task": stage.task_name,
        "model": stage.model.name,
        "metric": metric,
        "confidence": confidence,
        "test_rows": ground.rows,
        "same_rows": ground.same_rows,
        "epochs": None if asked.budget else spoken.epochs_of(asked),
        "runs": rows,
        "summary": lines,
        "pairs": pairs,
        "frontiers": table.frontiers(lines, metric),
        "search": _search(known, metric) if asked.rates > 1 else [],
        "asked": asked.as_dict(),
    }
    rundir.write_json(place / JSON, found)
    rundir.write_text(place / PAGE, page.render(rundir.plain(found), place.name, stage.evaluate.language))


def _search(known: Known, metric: str) -> list[dict[str, Any]]:
    """Every rate that was tried, with its score on the validation rows."""
    return [
        {
            "strategy": label,
            "chosen": known.cells[label][next(iter(known.cells[label]))].rate if label in known.cells else None,
            "tried": sorted(
                (
                    {
                        "learning_rate": one.rate,
                        "validation": one.value("validation", metric),
                        **({"reason": one.reason} if one.reason else {}),
                    }
                    for one in tried
                ),
                key=lambda line: line["learning_rate"] or 0.0,
            ),
        }
        for label, tried in known.tried.items()
    ]
