"""A finished model on other data: the same metrics and the same report, in a directory of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from whet import papers
from whet.assemble.bundle import open_predictor
from whet.core import rundir
from whet.core.events import Said, Tell, silent
from whet.core.outcome import Run
from whet.core.rundir import RunDir
from whet.judge.facts import ReportFacts
from whet.judge.judge import judge
from whet.judge.options import EvaluateOptions
from whet.judge.report import render
from whet.prepare.corpus import prepare_test
from whet.prepare.encode import encode
from whet.prepare.options import DataOptions


def evaluate(model: str, data: str, out: RunDir | None = None, tell: Tell = silent, overwrite: bool = False) -> Run:
    """Answer the labelled rows of ``data`` and judge the answers. Raises DataError where they have no labels."""
    predictor = open_predictor(model)
    asked = predictor.model
    corpus = prepare_test(data, DataOptions(), asked.task, asked.schema, asked.columns)
    for note in corpus.notes:
        tell(Said(note))
    home = Path(model) if Path(model).is_dir() else Path()
    out = out or RunDir(home / "evaluations" / Path(data).stem)
    out.claim(overwrite)
    out.mark("running")
    split = encode(corpus.splits["test"], asked.task, asked.tokenizer, asked.limits, asked.schema).split
    pairs = predictor.pairs(split, tell)
    errors = papers.answer_rows(corpus.originals("test"), pairs)
    rundir.write_lines(out.predictions("test"), errors)
    options = EvaluateOptions()
    verdict = judge(asked.task, asked.schema, None, [], pairs, None, options, 0, split.features)
    figures: dict[str, Any] = {
        "task": corpus.task_name,
        "model": model,
        **verdict.as_metrics(),
        "versions": papers.versions(),
        "data": {"sha256": dict(corpus.files), "rows": {"test": len(pairs)}},
    }
    rundir.write_json(out.metrics, figures)
    rundir.write_json(out.check, corpus.check)
    rundir.write_json(out.findings, verdict.as_findings())
    facts = ReportFacts(
        title=f"{model} on {Path(data).name}",
        metrics=json.loads(json.dumps(rundir.plain(figures))),
        findings=verdict.as_findings(),
        check=corpus.check,
        errors=errors,
        classes=verdict.classes,
        confusion=verdict.confusion,
        notes=corpus.notes,
    )
    rundir.write_text(out.report, render(facts))
    out.mark("finished", below_baseline=verdict.below_baseline)
    return Run(out.root)
