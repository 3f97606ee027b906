"""Why a model is no better than the trivial baseline: every reason that the run's own facts support, with its cure.

The order is that in which to look: what says that nothing was learnt at all stands before what says that little was
learnt, and that before what may be luck.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whet.judge.figures import figure, share
from whet.judge.judge import Judgement
from whet.judge.paired import FEWEST_ROWS
from whet.judge.words import Words
from whet.metrics.scores import better
from whet.tasks.contract import Finding

FALLEN = 0.98
"""The last tenth's mean loss over the first tenth's from which on the loss has not fallen."""
LEARNT = 0.8
"""That below which the training rows were learnt."""
FEW_STEPS, FEW_ROWS = 100, 200
UNKNOWN, CUT, COPIES, CONTRADICTING, SHIFTED = 0.1, 0.2, 0.3, 0.01, 0.2
"""Shares from which on a fact is a reason: of unknown tokens, cut rows, copies, contradicting texts, and of labels that
are others in the test rows than in training, beyond what chance does."""
ALL = 0.99
"""The share of answers from which on all are one."""
LITTLE = 0.01
"""The share of the weights below which the model's body stood still."""


@dataclass(frozen=True)
class Training:
    """What a run knows of its training; whatever is not known stays as it is.

    ``log`` are the last stage's lines of ``metrics.jsonl``, ``check`` its ``check.json``, ``rate`` the learning rate
    and ``usual_rate`` the strategy's own, ``unknown`` and ``cut`` shares of training tokens and rows, ``moved`` the
    share of weights that moved, ``extended`` whether the vocabulary was extended.
    """

    log: Sequence[Mapping[str, Any]] = ()
    check: Mapping[str, Any] = field(default_factory=dict)
    rate: float = math.nan
    usual_rate: float = math.nan
    unknown: float = 0.0
    cut: float = 0.0
    moved: float = 1.0
    extended: bool = False


@dataclass(frozen=True)
class Reason:
    """One reason by its name, with the numbers that support it."""

    name: str
    facts: Mapping[str, Any]


def with_reasons(judgement: Judgement, training: Training, language: str) -> Judgement:
    """The same judgement with the likely reasons before all other findings, where it is below the baseline, or where
    enough test rows cannot tell it from the baseline."""
    verdict = _against_baseline(judgement)
    told_apart = verdict.get("verdict") == "better" or verdict.get("rows", 0) < FEWEST_ROWS
    if told_apart and not judgement.below_baseline:
        return judgement
    say = Words(language)
    told = [_told(reason, say) for reason in reasons(judgement, training)]
    return dataclasses.replace(judgement, findings=(*told, *judgement.findings))


def reasons(judgement: Judgement, training: Training) -> list[Reason]:
    """Every reason that the facts support, in the order in which to look; one that always holds where none does."""
    found = [
        *_of_steps(judgement, training),
        *_of_texts(training),
        *_of_answers(judgement, training),
        *_of_size(training),
    ]
    verdict = _against_baseline(judgement)
    if verdict.get("verdict") == "undecided":
        found.append(Reason("luck", {"rows": verdict["rows"]}))
    return found or [Reason("unclear", {"metric": judgement.metric})]


def _against_baseline(judgement: Judgement) -> Mapping[str, Any]:
    return next((f.evidence for f in judgement.findings if f.evidence.get("against") == "baseline"), {})


def _told(reason: Reason, say: Words) -> Finding:
    fill = {name: _said(name, value) for name, value in reason.facts.items()}
    text = say("reason", what=say(f"reason_{reason.name}", **fill))
    return Finding("weakness", text, evidence={"reason": reason.name, **reason.facts})


def _said(name: str, value: Any) -> str:
    if name in ("rate", "try_rate"):
        return f"{value:.2g}"
    if isinstance(value, (int, float)):
        return share(value) if name == "share" else figure(value)
    return str(value)


def _of_steps(judgement: Judgement, training: Training) -> Iterator[Reason]:
    """How the loss went, how many steps there were, and what the learning rate did meanwhile."""
    steps = [line for line in training.log if "loss" in line and "lr" in line]
    if not steps:
        return
    tenth = max(1, len(steps) // 10)
    first, last = (float(np.mean([line["loss"] for line in part])) for part in (steps[:tenth], steps[-tenth:]))
    loss = {"first": first, "last": last, "steps": len(steps)}
    rates = [line["lr"] for line in steps]
    if all(line.get("grad_norm") == 0 for line in steps[-tenth:]):
        yield Reason("no_gradient", {"steps": len(steps)})
    elif last > FALLEN * first:
        yield _not_fallen(training, loss)
    if len(steps) > 1 and rates[-1] == max(rates) > rates[-2]:
        yield Reason("warming_up", {"steps": len(steps)})
    if len(steps) < FEW_STEPS and last > LEARNT * _untaught(first, judgement):
        yield Reason("few_steps", {"steps": len(steps), "times": math.ceil(FEW_STEPS / len(steps))})


def _not_fallen(training: Training, loss: dict[str, Any]) -> Reason:
    """The rate is too high where the loss rose or the rate is far above the strategy's own, too low far below."""
    rate, usual = training.rate, training.usual_rate
    if loss["last"] > loss["first"] / FALLEN or rate > 3 * usual:
        return Reason("rate_high", {**loss, "rate": rate, "try_rate": min(rate / 5, usual if usual < rate else rate)})
    if rate < usual / 3:
        return Reason("rate_low", {**loss, "rate": rate, "try_rate": usual})
    return Reason("loss_flat", {**loss, "rate": rate})


def _of_texts(training: Training) -> Iterator[Reason]:
    """What the model saw of the training rows, and what their labels say."""
    train = (training.check.get("splits") or {}).get("train") or {}
    rows = max(train.get("rows") or 0, 1)
    if training.unknown > UNKNOWN:
        yield Reason("still_unknown" if training.extended else "unknown", {"share": training.unknown})
    if (train.get("contradictions") or 0) >= CONTRADICTING * rows:
        yield Reason("contradictions", {"texts": train["contradictions"], "rows": rows})
    if training.cut > CUT:
        yield Reason("cut", {"share": training.cut})
    copies = (train.get("copies") or 0) + (train.get("near_copies") or 0)
    if copies >= COPIES * rows:
        yield Reason("copies", {"copies": copies, "rows": rows})


def _of_answers(judgement: Judgement, training: Training) -> Iterator[Reason]:
    """Where training and held-out rows part, and labels that are never answered."""
    yield from _parted(judgement, training)
    splits = training.check.get("splits") or {}
    classes = [(splits.get(name) or {}).get("classes") or {} for name in ("train", "test")]
    if all(classes):
        apart, by_chance = _apart(*classes)
        if apart > SHIFTED + by_chance:
            yield Reason("labels_differ", {"share": apart})
    if judgement.confusion is not None:
        given = np.sum(judgement.confusion["counts"], axis=0)
        share_of_one = float(given.max() / given.sum())
        if len(given) > 1 and share_of_one >= ALL:
            label = judgement.confusion["labels"][int(given.argmax())]
            yield Reason("one_answer", {"label": label, "share": share_of_one})
            return
    never = [one["label"] for one in judgement.classes if one["support"] and not one["predicted"]]
    if never:
        yield Reason("never_answered", {"count": len(never), "labels": ", ".join(map(str, never[:5]))})


def _apart(first: Mapping[str, int], second: Mapping[str, int]) -> tuple[float, float]:
    """The share of labels that are others in two splits (total variation), and about how much of it draws of so many
    rows from one source have on average."""
    counts = np.array([[one.get(label, 0) for label in {**first, **second}] for one in (first, second)], np.float64)
    rows = counts.sum(1, keepdims=True)
    pooled = counts.sum(0) / rows.sum()
    by_chance = np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / rows).sum()).sum() / 2
    return float(np.abs(np.diff(counts / rows, axis=0)).sum() / 2), float(by_chance)


def _parted(judgement: Judgement, training: Training) -> Iterator[Reason]:
    """Learnt by heart where the loss fell and validation is no better than nothing; else the test rows are others."""
    losses = [line["loss"] for line in training.log if "loss" in line and "lr" in line]
    tenth = max(1, len(losses) // 10)
    seen = judgement.validation.get(judgement.metric)
    trivial = judgement.baseline[judgement.metric]
    if seen is None or math.isnan(seen.value) or math.isnan(trivial):
        return
    facts = {"metric": judgement.metric, "validation": seen.value, "baseline": trivial}
    ours = judgement.test[judgement.metric]
    learnt = not seen.low <= trivial <= seen.high and better(judgement.metric, seen.value, trivial)
    if learnt and (seen.low > ours.high or seen.high < ours.low):
        yield Reason("test_differs", {**facts, "test": ours.value})
    elif not learnt and losses and np.mean(losses[-tenth:]) < LEARNT * _untaught(np.mean(losses[:tenth]), judgement):
        facts |= {"first": float(np.mean(losses[:tenth])), "last": float(np.mean(losses[-tenth:]))}
        yield Reason("by_heart", facts)


def _untaught(first: float, judgement: Judgement) -> float:
    """The loss of who has learnt nothing: the first steps', or the trivial predictor's where these were worse still."""
    trivial = judgement.baseline.get("loss", math.nan)
    return first if math.isnan(trivial) else min(first, trivial)


def _of_size(training: Training) -> Iterator[Reason]:
    """How much there was to learn from, what could move, and whether it was still getting better."""
    rows = ((training.check.get("splits") or {}).get("train") or {}).get("rows")
    if rows is not None and rows < FEW_ROWS:
        yield Reason("few_rows", {"rows": rows})
    if training.moved < LITTLE:
        yield Reason("frozen", {"share": training.moved})
    looks = [line for line in training.log if "best" in line]
    if len(looks) > 1 and looks[-1]["best"]:
        yield Reason("best_last", {"looks": len(looks)})
