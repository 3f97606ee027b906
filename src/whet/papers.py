"""What a run writes down: its recipe, its log, the answers, the figures, the report and the card."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from whet import effort
from whet.assemble.answers import as_row
from whet.assemble.source import Source
from whet.core import memory, rundir
from whet.core.errors import UsageError
from whet.core.events import Looked, Stepped
from whet.core.rundir import RunDir
from whet.forecast import Forecast
from whet.judge.card import card
from whet.judge.facts import ReportFacts
from whet.judge.judge import Judgement
from whet.judge.labels_section import relabel_row
from whet.judge.reasons import Training
from whet.judge.report import render
from whet.leg import Leg
from whet.nn import machine
from whet.planning import summed
from whet.prepare.corpus import Corpus
from whet.prepare.encode import Account
from whet.prepare.kept import Lazy
from whet.recipe import Recipe
from whet.remember import Retained
from whet.standing import PACKAGES, beside, write_recipe
from whet.tasks.contract import Pair
from whet.train.state import Progress


def write_forecast(out: RunDir, forecasts: Sequence[Forecast]) -> None:
    """``plan.json``, as far as the stages are known."""
    rundir.write_json(out.plan, {**summed(forecasts), "stages": [one.as_dict() for one in forecasts]})


def forecasts_before(out: RunDir, stage: int) -> list[Forecast]:
    """What was predicted for the stages before one, where the run goes on there."""
    names = [field.name for field in fields(Forecast)]
    known = rundir.read_json(out.plan)["stages"][:stage] if stage else []
    return [Forecast(**{name: one[name] for name in names}) for one in known]


def accounts_before(out: RunDir, stage: int) -> list[Mapping[str, Account]]:
    """What the model saw of the rows of the stages before one, where the run goes on there."""
    names = [field.name for field in fields(Account)]
    known = rundir.read_json(out.check)["stages"][:stage] if stage else []
    return [
        {split: Account(**{name: part[name] for name in names}) for split, part in one["tokens"].items()}
        for one in known
    ]


def close_stage(out: RunDir, done: Sequence[Progress]) -> None:
    """Note in ``state.json`` what the finished stages took, for the sums of ``metrics.json``."""
    out.mark("running", done=[asdict(progress) for progress in done])


def stages_before(out: RunDir, stage: int) -> list[Progress]:
    """What the stages before one took."""
    return [Progress(**one) for one in rundir.read_json(out.state).get("done", [])[:stage]]


def write_plan(
    out: RunDir,
    recipe: Recipe,
    corpora: Sequence[Corpus],
    accounts: Sequence[Mapping[str, Account]],
    plan: dict[str, Any],
) -> None:
    """What ``whet plan --out`` leaves: the recipe, the check and the plan, with the status ``planned``."""
    out.mark("planned", files=[corpus.files for corpus in corpora], beside=beside(recipe))
    write_recipe(out, recipe)
    write_check(out, corpora, accounts)
    rundir.write_json(out.plan, plan)


def place_for(recipe: Recipe) -> RunDir:
    """The default directory: ``runs/<data>-<task>-<strategy>-<time>``."""
    last = recipe.stages[-1]
    path = Path((last.data.train or "data").removeprefix("hf:"))
    words = path.parent.name if path.stem in ("train", "training") and path.parent.name else path.stem
    name = f"{words}-{last.task_name}-{last.strategy_name}-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
    return RunDir(Path("runs") / re.sub(r"[^\w.-]+", "-", name))


def refuse_to_replace_own_sources(out: RunDir, corpora: Sequence[Corpus], source: Source) -> None:
    """Raises UsageError where the run would remove what it starts from."""
    root = out.root.resolve()
    needed = [Path(name) for corpus in corpora for name in corpus.files if not name.startswith("hf:")]
    needed += [place for place in (source.directory, source.adapter, source.papers) if place is not None]
    for place in needed:
        if place.resolve().is_relative_to(root):
            raise UsageError(f"{place} stands in it and would be replaced", str(out.root), "choose another with --out")


def log(out: RunDir, before: Progress, event: Stepped | Looked) -> None:
    """One line of ``metrics.jsonl``; a look at the validation rows is also written into ``state.json``."""
    stage = before.stage
    if isinstance(event, Looked):
        values = {f"validation_{name}": value for name, value in event.values.items()}
        line = {"stage": stage, "step": event.step, "epoch": event.epoch, **values, "best": event.best}
        out.record(line, durably=True)  # a checkpoint follows, and rests on every line so far
        facts: dict[str, Any] = {"stage": stage, "epoch": event.epoch, "step": event.step}
        if event.best:
            facts["best"] = {"step": event.step, **event.values}
        out.mark("running", **facts)
    else:
        out.record(
            {
                "stage": stage,
                "step": event.step,
                "epoch": event.epoch,
                "loss": event.loss,
                **({"spike": event.spike} if event.spike is not None else {}),
                "lr": event.learning_rate,
                "grad_norm": event.grad_norm,
                "examples": event.examples,
                "examples_per_second": event.examples / max(event.seconds - before.seconds, 1e-9),
                "tokens": event.tokens,
                "seconds": event.seconds,
            }
        )


def write_answers(out: RunDir, leg: Leg, split: str, pairs: Sequence[Pair]) -> Sequence[dict[str, Any]]:
    """``predictions/<split>.jsonl``; the rows are given back for the report."""
    rows = answer_rows(leg.corpus.originals(split), pairs)
    rundir.write_lines(out.predictions(split), rows)
    return rows


def answer_rows(originals: Sequence[Mapping[str, Any]], pairs: Sequence[Pair]) -> Sequence[dict[str, Any]]:
    """The lines of ``predictions/*.jsonl`` for answered rows, made when they are asked for."""

    def made(start: int, stop: int) -> list[dict[str, Any]]:
        both = zip(originals[start:stop], pairs[start:stop], strict=True)
        return [as_row(pair.example.row, original, pair) for original, pair in both]

    return Lazy(len(pairs), made)


def metrics(
    out: RunDir,
    recipe: Recipe,
    leg: Leg,
    judgement: Judgement,
    retained: Retained | None,
    done: Sequence[Progress],
    seconds: float,
    peak_bytes: int | None,
) -> dict[str, Any]:
    """``metrics.json``; times and counts are sums over all stages, the rest is the last one's.

    ``peak_bytes`` is known where a learning curve has raised the process's own, which then no longer tells the run's.
    """
    trained = sum(progress.seconds for progress in done)
    return {
        "task": leg.stage.task_name,
        "strategy": leg.stage.strategy_name,
        "model": recipe.stages[0].model.name,
        "seed": recipe.seed,
        **judgement.as_metrics(),
        **({"retention": retained.found.as_metrics()} if retained else {}),
        "parameters": leg.model.parameters(),
        "timing": {
            "train_seconds": trained,
            "total_seconds": seconds,
            **({"retention_seconds": retained.seconds} if retained else {}),
            "examples_per_second": sum(progress.examples for progress in done) / max(trained, 1e-9),
            "tokens_per_second": sum(progress.tokens for progress in done) / max(trained, 1e-9),
            **effort.timing(done),
        },
        "memory": {
            "peak_bytes": peak_bytes or memory.peak_bytes(),
            "predicted_bytes": rundir.read_json(out.plan)["peak_memory_bytes"],
        },
        "versions": versions(),
        "data": {
            "sha256": {name: known for files in rundir.read_json(out.state)["files"] for name, known in files.items()},
            "rows": {name: len(split.examples) for name, split in leg.splits.items()},
            "read": asdict(leg.corpus.ledger),
            "account": {name: asdict(account) for name, account in leg.accounts.items()},
            "tokens_trained": done[-1].tokens,
        },
    }


def versions() -> dict[str, str]:
    """What the run was made with."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found, "platform": platform.platform()}


def training(out: RunDir, leg: Leg) -> Training:
    """What the run has written of its last stage, for whoever asks why it went badly."""
    account, counts, stage = leg.accounts["train"], leg.model.parameters(), leg.stage
    return Training(
        [line for line in rundir.read_lines(out.log) if line["stage"] == leg.number] if out.log.is_file() else [],
        leg.corpus.check,
        stage.train.learning_rate or math.nan,
        stage.strategy.rate_for(machine.shape(leg.model.network.config)[0]),
        account.unknown_share,
        account.cut / max(account.rows, 1),
        counts["trainable"] / counts["total"],
        stage.model.extend_vocab,
    )


def write_report(
    out: RunDir,
    recipe: Recipe,
    leg: Leg,
    judgement: Judgement,
    figures: dict[str, Any],
    errors: Sequence[dict[str, Any]],
    explained: Sequence[dict[str, Any]] = (),
) -> None:
    """``metrics.json``, ``findings.json``, ``report.html`` and ``README.md``."""
    rundir.write_json(out.metrics, figures)
    findings = judgement.as_findings()
    rundir.write_json(out.findings, findings)
    originals = {name: leg.corpus.originals(name) for name in leg.splits}
    facts = ReportFacts(
        title=out.root.name,
        metrics=json.loads(json.dumps(rundir.plain(figures))),
        findings=findings,
        log=list(rundir.read_lines(out.log)) if out.log.is_file() else [],
        check=rundir.read_json(out.check) if out.check.is_file() else {},
        errors=errors,
        explained=json.loads(json.dumps(rundir.plain(explained))),
        relabel=write_relabel(out, originals, judgement),
        classes=judgement.classes,
        confusion=judgement.confusion,
        recipe=recipe.as_yaml(),
        notes=(*leg.corpus.notes, *leg.built.notes),
        bundle=rundir.read_json(out.model / "whet.json"),
        head=leg.model.task.head(leg.model.schema).kind,
        language=leg.stage.evaluate.language,
        confidence=leg.stage.evaluate.confidence,
    )
    rundir.write_text(out.report, render(facts))
    rundir.write_text(out.card, card(facts))


def write_relabel(
    out: RunDir, originals: Mapping[str, Sequence[Mapping[str, Any]]], judgement: Judgement
) -> list[dict[str, Any]]:
    """``relabel.jsonl``: labels to look at, the most doubtful first, each beside its row; none, no file."""
    out.relabel.unlink(missing_ok=True)
    doubts = judgement.doubts
    lines: list[dict[str, Any]] = [{}] * len(doubts)
    for k in sorted(range(len(doubts)), key=lambda k: (doubts[k].split, doubts[k].place)):  # as rows lie on the disk
        lines[k] = relabel_row(doubts[k], originals[doubts[k].split][doubts[k].place])
    if lines:
        rundir.write_lines(out.relabel, lines)
    return lines


def write_check(out: RunDir, corpora: Sequence[Corpus], accounts: Sequence[Mapping[str, Account]] = ()) -> None:
    """``check.json``: what the rows are like, and for the stages whose tokens are known what the model sees of them."""
    told = [dict(corpus.check) for corpus in corpora]
    for one, account in zip(told, accounts, strict=False):
        one["tokens"] = {name: {**asdict(part), "unknown_share": part.unknown_share} for name, part in account.items()}
    rundir.write_json(out.check, told[0] if len(told) == 1 else {"stages": told})
