"""A finished model on other data: the same metrics and the same report, in a directory of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from whet import papers, standing
from whet.assemble.bundle import open_predictor
from whet.assemble.predictor import Predictor
from whet.core import rundir
from whet.core.errors import UsageError
from whet.core.events import Said, Tell, silent
from whet.core.outcome import Run
from whet.core.rundir import RunDir
from whet.judge.facts import ReportFacts
from whet.judge.held_out import HeldOut
from whet.judge.judge import judge
from whet.judge.options import EvaluateOptions
from whet.judge.reasons import Training, with_reasons
from whet.judge.report import render
from whet.prepare.corpus import Corpus, prepare_test
from whet.prepare.encode import encode_on_disk, unknown_shares
from whet.prepare.options import DataOptions
from whet.recipe import Recipe
from whet.recipe_settings import apply, read_values
from whet.tasks.contract import Split
from whet.train.stop import Stop

BESIDE_TRAINING = ("folds", "pool", "curve", "retain")
"""Keys of ``evaluate`` that need a training to stand beside."""


def evaluate(
    model: str,
    data: str,
    settings: Sequence[str] = (),
    out: RunDir | None = None,
    tell: Tell = silent,
    overwrite: bool = False,
) -> Run:
    """Answer the labelled rows of ``data`` and judge the answers. Raises DataError where they have no labels.

    The metric, the confidence and the language are those of the run from which the model comes, unless ``settings``
    name others.
    """
    home = _run_of(Path(model))
    rows, options = _options(home, settings)
    predictor = open_predictor(model)
    asked = predictor.model
    corpus = prepare_test(data, rows, asked.task, asked.schema, asked.columns)
    encoded = encode_on_disk(corpus.splits["test"], asked.task, asked.tokenizer, asked.limits, asked.schema)
    split, cut = encoded.split, encoded.account.sentence("test", asked.limits)
    unknown = unknown_shares(split, encoded.account, asked.tokenizer)
    notes = [*corpus.notes, *([cut] if cut else [])]
    for note in notes:
        tell(Said(note))
    out = out or RunDir((home.root if home else _beside(Path(model))) / "evaluations" / Path(data).stem)
    with Stop(), out.held():
        out.claim(overwrite)
        with standing.under_way(out):
            below = _measured(model, data, predictor, corpus, split, unknown, notes, options, out, tell)
        out.mark("finished", below_baseline=below)
    return Run(out.root)


def _run_of(model: Path) -> RunDir | None:
    """The run that a model is or lies in."""
    return next((RunDir(place) for place in (model, model.resolve().parent) if (place / "state.json").is_file()), None)


def _beside(model: Path) -> Path:
    """The directory in which a model lies; the working directory of one that has only a name."""
    return model.resolve().parent if model.exists() else Path()


def _options(home: RunDir | None, settings: Sequence[str]) -> tuple[DataOptions, EvaluateOptions]:
    """Raises UsageError for keys that belong to training."""
    given = apply({}, settings)
    others = set(given) - {"data", "evaluate"}
    others |= {f"evaluate.{key}" for key in BESIDE_TRAINING if key in given.get("evaluate", {})}
    if others:
        what = f"{', '.join(sorted(others))} cannot be set where nothing is trained"
        raise UsageError(what, "--set", "set keys of data or evaluate")
    values = read_values(home.recipe) if home and home.recipe.is_file() else {}
    kept = values.get("stages", [values])[-1].get("evaluate", {})
    stage = Recipe.of({**given, "evaluate": {**kept, **given.get("evaluate", {})}}, "--set").stages[-1]
    return stage.data, stage.evaluate


def _measured(
    model: str,
    data: str,
    predictor: Predictor,
    corpus: Corpus,
    split: Split,
    unknown: Sequence[float],
    notes: Sequence[str],
    options: EvaluateOptions,
    out: RunDir,
    tell: Tell,
) -> bool:
    """Write everything down; whether the model is below the trivial baseline."""
    asked = predictor.model
    pairs = predictor.pairs(split, tell)
    errors = papers.answer_rows(corpus.originals("test"), pairs)
    rundir.write_lines(out.predictions("test"), errors)
    originals = corpus.originals("test")
    held = HeldOut(pairs, split.features, originals, tuple(corpus.columns.values()), unknown)
    verdict = judge(asked.task, asked.schema, None, [], held, None, options, 0)
    verdict = with_reasons(verdict, Training(check=corpus.check), options.language)
    findings = verdict.as_findings()
    figures: dict[str, Any] = {
        "task": corpus.task_name,
        "model": model,
        **verdict.as_metrics(),
        "versions": papers.versions(),
        "data": {"sha256": dict(corpus.files), "rows": {"test": len(pairs)}},
    }
    rundir.write_json(out.metrics, figures)
    rundir.write_json(out.check, corpus.check)
    rundir.write_json(out.findings, findings)
    relabel = papers.write_relabel(out, {"test": originals}, verdict)
    facts = ReportFacts(
        title=f"{model} on {Path(data).name}",
        metrics=json.loads(json.dumps(rundir.plain(figures))),
        findings=findings,
        check=corpus.check,
        errors=errors,
        relabel=relabel,
        classes=verdict.classes,
        confusion=verdict.confusion,
        notes=notes,
        language=options.language,
        confidence=options.confidence,
    )
    rundir.write_text(out.report, render(facts))
    return verdict.below_baseline
