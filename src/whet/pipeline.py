"""The story of a run, on one page: read this first.

Every station reads and writes the run's directory; none asks a later one.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import whet.assemble.source as sources
from whet import advice, curve, effort, folds, papers, remember, room, rules, standing
from whet import leg as legs
from whet.assemble import bundle
from whet.assemble.predictor import Predictor
from whet.core.durable import discard
from whet.core.errors import UsageError
from whet.core.events import Began, Event, Looked, Said, Stepped, Tell, silent
from whet.core.outcome import Run
from whet.core.rundir import RunDir
from whet.core.shelf import load_plugin
from whet.forecast import Forecast
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge
from whet.judge.reasons import with_reasons
from whet.leg import Leg
from whet.planning import Plan, describe, show
from whet.prepare.corpus import Corpus
from whet.prepare.encode import Account, unknown_shares
from whet.recipe import Recipe
from whet.recipe_settings import read_values
from whet.tasks.contract import Pair
from whet.train.diverged import Diverged
from whet.train.fit import fit
from whet.train.keeper import Watch
from whet.train.state import Checkpoint, Progress, latest
from whet.train.stop import Stop


def run(
    recipe: Recipe,
    out: RunDir | None = None,
    tell: Tell = silent,
    overwrite: bool = False,
    budget_seconds: float | None = None,
) -> Run:
    """The whole road: read and check, train every stage, measure, report, and pack what was measured."""
    began = time.perf_counter()
    with Stop() as stop:
        rules.refuse(recipe)
        if out is not None:
            out.refuse_second_writer()
        recipe, corpora = _read(recipe, tell)
        source = sources.find(recipe.stages[0].model.name)
        remember.check(recipe, corpora, tell)
        out = out or papers.place_for(recipe)
        papers.refuse_to_replace_own_sources(out, corpora, source)
        with out.held():
            out.claim(overwrite)
            stop.run = out.root
            _go(recipe, corpora, out, stop, tell, began, budget_seconds=budget_seconds)
            return Run(out.root)


def resume(out: RunDir, tell: Tell = silent, force: bool = False) -> Run:
    """Go on after an interruption, to the same weights as an uninterrupted run."""
    began = time.perf_counter()
    if out.status() is None:
        raise UsageError("there is no run here", str(out.root), "see `whet runs`")
    if out.status() == "finished":
        tell(Said(f"{out.root} is finished; there is nothing to do"))
        return Run(out.root)
    with Stop(out.root) as stop, out.held():
        if not out.recipe.is_file():
            what = (
                "there is no recipe.yaml to go on with: the run was killed before it had begun, or it is an evaluation"
            )
            raise UsageError(what, str(out.root), "start it again as before; nothing of it is lost")
        if not force:
            for place in (out, *out.inside()):
                standing.refuse_changes(place)
        with standing.interruptible(out):
            values = read_values(out.recipe)
            for plugin in values.get("plugins", ()):
                load_plugin(Path(plugin))
            recipe, corpora = _read(Recipe.of(values, str(out.recipe)), tell)
        if not force:
            standing.refuse_other_data(out, corpora)
        _go(recipe, corpora, out, stop, tell, began, _last(out, tell))
        return Run(out.root)


def plan(
    recipe: Recipe,
    out: RunDir | None = None,
    tell: Tell = silent,
    rows: int = 0,
    overwrite: bool = False,
    budget_seconds: float | None = None,
) -> Plan:
    """Everything up to the first step; each stage is measured on the model with which the first begins."""
    rules.refuse(recipe)
    said: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Said):
            said.append(event.text)
        tell(event)

    recipe, corpora = _read(recipe, hear)
    source = sources.find(recipe.stages[0].model.name)
    remember.check(recipe, corpora, hear)
    described, forecasts, accounts, shown = [], [], [], []
    for number, corpus in enumerate(corpora):
        leg = legs.assemble(recipe, number, corpus, source, hear)
        foreseen = room.foreseen(leg)
        if budget_seconds is not None:
            share = budget_seconds / len(corpora) / (folds.count(recipe) or 1)
            leg = leg.within(share, foreseen.train_seconds, hear)
            foreseen = room.foreseen(leg)
        room.warn(leg, foreseen, hear)
        recipe = recipe.with_stage(number, leg.stage)
        described.append(describe(leg))
        forecasts.append(foreseen)
        accounts.append(leg.accounts)
        shown += show(leg, rows)
    said += folds.told(recipe, sum(one.bundle_bytes for one in forecasts))
    said += curve.told(recipe, forecasts, budget_seconds)
    made = Plan(tuple(described), tuple(forecasts), tuple(said), tuple(shown))
    if out is not None:
        with out.held():
            out.claim(overwrite)
            papers.write_plan(out, recipe, corpora, accounts, made.as_json())
    return made


def _read(recipe: Recipe, tell: Tell) -> tuple[Recipe, list[Corpus]]:
    recipe, corpora = legs.read(recipe, tell)
    recipe = advice.checked(recipe, corpora[-1], tell)
    return recipe, folds.checked(recipe, corpora)


def _last(out: RunDir, tell: Tell) -> Checkpoint | None:
    """The newest good checkpoint; damaged ones are named and removed."""
    out.recover()
    start, passed_over = latest(out.checkpoints)
    for place, sentence in passed_over.items():
        tell(Said(sentence))
        discard(place)
    return start


def _inside(recipe: Recipe, out: RunDir, tell: Tell, budget_seconds: float | None = None, *, stop: Stop) -> None:
    """Run one of the runs inside a run (a fold, a point of a curve), from its last checkpoint where it was stopped."""
    with out.held():
        start = None
        if out.recipe.is_file():
            base = recipe.stages[0].model.name  # an earlier stage's model, which lies elsewhere once the run was moved
            recipe, start = Recipe.read(out.recipe), _last(out, tell)
            recipe = recipe.with_stage(0, recipe.stages[0].with_("model", name=base))
        else:
            out.claim(overwrite=True)
        recipe, corpora = legs.read(recipe, silent)  # the whole run has said what the rows are like
        _go(recipe, corpora, out, stop, tell, time.perf_counter(), start, budget_seconds)


def _go(
    recipe: Recipe,
    corpora: Sequence[Corpus],
    out: RunDir,
    stop: Stop,
    tell: Tell,
    began: float,
    start: Checkpoint | None = None,
    budget_seconds: float | None = None,
) -> None:
    """Train, measure and pack, from ``start`` on where there is a checkpoint."""
    first = start.progress.stage if start else 0
    forecasts, done = papers.forecasts_before(out, first), papers.stages_before(out, first) if first else []
    accounts = [*papers.accounts_before(out, first), *({} for _ in corpora[first:])]
    earlier = sum(one.seconds for one in done) + (start.progress.seconds if start else 0.0)
    with standing.opened(out, recipe, corpora, start.progress if start else None):
        if folds.count(recipe) and start is None:
            share = None if budget_seconds is None else budget_seconds * folds.share(recipe)
            recipe = folds.run(recipe, out, tell, partial(_inside, stop=stop), share)
            budget_seconds = None  # the first fold has settled the epochs for all
        base = legs.untouched(recipe, corpora[0], sources.find(recipe.stages[0].model.name))
        memory = remember.before(recipe, corpora, base, tell)
        fetched = base if first == 0 else None
        del base
        for number in range(first, len(recipe.stages)):
            name = str(out.stage(number - 1)) if number else recipe.stages[0].model.name
            leg = legs.assemble(recipe, number, corpora[number], sources.find(name), tell, fetched)
            fetched = None  # else the first stage's model stood in memory beside the next
            with room.within_memory(leg):
                forecasts.append(room.fitting(leg))
                if budget_seconds is not None:
                    leg = leg.within(budget_seconds / len(recipe.stages), forecasts[-1].train_seconds, tell)
                recipe = recipe.with_stage(number, leg.stage)
                accounts[number] = leg.accounts
                if number + 1 == len(recipe.stages):
                    recipe = curve.settled(recipe, forecasts, budget_seconds)
                _write_what_is_known(out, recipe, corpora, accounts, forecasts)
                before = None if curve.is_point(recipe) else leg.untuned(tell)
                done.append(_train(leg, len(recipe.stages), out, stop, tell, start if number == first else None))
            papers.close_stage(out, done)
            if number + 1 < len(recipe.stages):
                bundle.pack(leg.model, leg.stage.strategy, out.stage(number))
        if curve.is_point(recipe):
            bundle.pack(leg.tuned().model, leg.stage.strategy, out.model)
            out.mark("finished")
            return
        peak = curve.run(recipe, out, tell, partial(_inside, stop=stop))
        below = _measure(recipe, leg.tuned(), out, tell, before, memory, done, began - earlier, peak)
        out.mark("finished", below_baseline=below)
    folds.forget_models(out)


def _write_what_is_known(
    out: RunDir,
    recipe: Recipe,
    corpora: Sequence[Corpus],
    accounts: Sequence[Mapping[str, Account]],
    forecasts: Sequence[Forecast],
) -> None:
    """Recipe, check and plan before training; refuses a disk that is too small for it."""
    standing.write_recipe(out, recipe)
    standing.note_machine(out, recipe)
    papers.write_check(out, corpora, accounts)
    papers.write_forecast(out, forecasts)
    standing.refuse_small_disk(out, forecasts, folds.models_beside(recipe))


def _train(leg: Leg, stages: int, out: RunDir, stop: Stop, tell: Tell, start: Checkpoint | None) -> Progress:
    """Weights move here and nowhere else, once the states of what stands still are there."""
    began = time.perf_counter()
    leg = leg.with_states(tell)
    course = leg.course()
    progress = start.progress if start else Progress(stage=leg.number)
    progress = progress.after(roof=leg.built.chosen.flops_per_second)
    tell(Began(leg.number, stages, course.steps, progress.step, course.options.epochs))
    watch = Watch(leg.look, leg.metric, out.checkpoints, stop, began)
    try:
        for event in fit(leg.model.engine, course, watch, start):
            if isinstance(event, Stepped | Looked):
                papers.log(out, progress, event)
            progress = progress.after_event(event)
            tell(event)
    except Diverged as error:
        raise standing.told_by_rows(out, leg, error) from error
    effort.say(progress, tell)
    return progress


def _measure(
    recipe: Recipe,
    leg: Leg,
    out: RunDir,
    tell: Tell,
    before: Sequence[Pair] | None,
    memory: remember.Memory | None,
    done: Sequence[Progress],
    began: float,
    peak_bytes: int | None,
) -> bool:
    """Answer the held-out rows, judge the answers, write everything down; whether the model beats nothing."""
    predictor = Predictor(leg.model, leg.learnt)
    validation = predictor.pairs(leg.splits["validation"], tell)
    test = folds.answers(out, leg, tell) if leg.corpus.homes else predictor.pairs(leg.splits["test"], tell)
    papers.write_answers(out, leg, "validation", validation)
    errors = papers.write_answers(out, leg, "test", test)
    corpus, rows = leg.corpus, leg.splits["test"]
    roles, unknown = tuple(corpus.columns.values()), unknown_shares(rows, leg.accounts["test"], leg.model.tokenizer)
    held = HeldOut(test, rows.features, corpus.originals("test"), roles, unknown, corpus.leaking, corpus.homes)
    verdict = judge(
        leg.model.task,
        leg.model.schema,
        leg.splits["train"],
        validation,
        held,
        before,
        leg.stage.evaluate,
        recipe.seed,
    )
    verdict = with_reasons(verdict, papers.training(out, leg), leg.stage.evaluate.language)
    bundle.pack(leg.model, leg.stage.strategy, out.model)
    curved = curve.measured(recipe, leg, out, validation, done[-1].seconds)
    retained = remember.after(memory, leg, recipe.seed) if memory else None
    further = [*([curved.finding] if curved else []), *([retained.finding] if retained else [])]
    further += advice.ranked(leg, predictor, out, tell)
    verdict = dataclasses.replace(verdict, findings=(*verdict.findings, *further))
    explained = advice.worst(leg, predictor, test, errors)
    figures = papers.metrics(out, recipe, leg, verdict, retained, done, time.perf_counter() - began, peak_bytes)
    figures |= {"curve": curved.points} if curved else {}
    papers.write_report(out, recipe, leg, verdict, figures, errors, explained)
    return verdict.below_baseline
