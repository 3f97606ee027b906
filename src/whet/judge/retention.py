"""What a model forgot: what two looks at the same texts, before training and after it, tell of the change.

Every probe is judged by its paired interval over sentences, stretches of text or rows; several probes share one error
rate (Bonferroni), so that a lucky one does not cry loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from whet.judge.figures import figure, share, signed
from whet.judge.looking import Look
from whet.judge.paired import FEWEST_ROWS, difference
from whet.judge.shipped import Asked
from whet.judge.words import Words
from whet.metrics.correlation import spearman, spearmans
from whet.metrics.likeness import linear_cka
from whet.metrics.probe import fit_probe
from whet.metrics.scores import LOWER_IS_BETTER, Interval, Scores
from whet.tasks.contract import Finding

STRETCH = 16
"""Tokens that are drawn together: neighbours are hard or easy together."""


@dataclass(frozen=True)
class Measured:
    """A probe before and after training, on the same rows; ``more`` are further plain values about it."""

    name: str
    metric: str
    before: Scores
    after: Scores
    more: Mapping[str, Any] = field(default_factory=dict)
    chance: float = math.inf
    """The loss of a model that knows nothing."""

    @property
    def blind(self) -> Mapping[str, Any] | None:
        """The probe as plain values where the untouched model did no better than chance: it had nothing to forget."""
        before = self.before.values()[self.metric]
        if before >= self.chance:
            return {"name": self.name, "before": before, "chance": self.chance, **self.more}
        return None

    def as_metrics(self, confidence: float, seed: int) -> dict[str, Any]:
        """``lost`` is whether the interval of the difference lies wholly on the worse side."""
        gap = difference(self.after, self.before, self.metric, confidence, seed)
        lower = self.metric in LOWER_IS_BETTER
        before, after = (one.values()[self.metric] for one in (self.before, self.after))
        gone = bool(np.isnan(after) and not np.isnan(before))
        worse = len(self.before) >= FEWEST_ROWS and (gap.low > 0 if lower else gap.high < 0)
        return {
            "name": self.name,
            "metric": self.metric,
            "better": "lower" if lower else "higher",
            "before": before,
            "after": after,
            "difference": asdict(gap),
            "rows": len(self.before),
            "lost": gone or worse,
            **self.more,
        }


@dataclass(frozen=True)
class Retention:
    """What was forgotten: ``metrics.json``'s ``retention``, and the sentence that says it.

    ``cka`` is of each block's states, ``below`` of those below the first block. ``left_out`` are languages that the
    tokenizer does not know, with the share of its unknown tokens; ``at_chance`` probes at which the untouched model
    could only guess, so that a change of them says nothing.
    """

    probes: tuple[Mapping[str, Any], ...]
    cka: tuple[float, ...]
    below: float | None
    unchanged: bool
    left_out: Mapping[str, float]
    at_chance: tuple[Mapping[str, Any], ...] = ()
    adapter_off_is_base: bool = False

    def as_metrics(self) -> dict[str, Any]:
        """Plain values; what does not hold is absent."""
        return {
            "probes": [dict(probe) for probe in self.probes],
            "cka": list(self.cka),
            **({} if self.below is None else {"cka_embeddings": self.below}),
            **({"unchanged": True} if self.unchanged else {}),
            **({"adapter_off_is_base": True} if self.adapter_off_is_base else {}),
            **({"left_out": dict(self.left_out)} if self.left_out else {}),
            **({"at_chance": [dict(probe) for probe in self.at_chance]} if self.at_chance else {}),
        }

    def finding(self, language: str) -> Finding:
        """What was forgotten, in words."""
        say = Words(language)
        lost = [probe for probe in self.probes if probe["lost"]]
        fill = {"parts": say("semicolon").join(_told(probe, say) for probe in lost or self.probes)}
        key = "unchanged" if self.unchanged else "lost" if lost else "kept" if self.probes else "unasked"
        text = say(f"retention_{key}", **fill)
        if self.unchanged and self.probes and (own := [probe for probe in self.probes if probe["name"] == "retain"]):
            text += say("between") + _told(own[0], say) + say("full_stop")
        known = [value for value in self.cka if not np.isnan(value)]
        if known and (least := min(known)) < 1:
            place = self.cka.index(least) + 1
            text += say("between") + say("retention_deepest", block=place, depth=len(self.cka), cka=_short_of_1(least))
        if self.adapter_off_is_base:
            text += say("between") + say("retention_off")
        for name, unknown in self.left_out.items():
            text += say("between") + say("retention_left", language=say(f"language_{name}"), share=share(unknown))
        if self.at_chance:
            parts = [say("retention_cost", what=say.probe(one), nats=figure(one["before"])) for one in self.at_chance]
            text += say("between") + say("retention_chance", parts=say("semicolon").join(parts))
        return Finding("retention", text, (), self.as_metrics())


def compare(
    asked: Sequence[Asked],
    before: Look | None,
    after: Look | None,
    own: Measured | None,
    left_out: Mapping[str, float],
    confidence: float,
    seed: int,
) -> Retention:
    """Judge two looks at the same texts, and the user's own earlier task where it was asked."""
    probes = [one for each in asked for one in _probes(each, before, after)] if before and after else []
    probes += [own] if own else []
    blind = tuple(one for probe in probes if (one := probe.blind))
    probes = [probe for probe in probes if probe.blind is None]
    level = 1 - (1 - confidence) / max(len(probes), 1)
    judged = tuple(probe.as_metrics(level, seed) for probe in probes)
    if not before or not after:
        return Retention(judged, (), None, False, left_out, blind)
    below, *blocks = (linear_cka(*pair) for pair in zip(before.layers, after.layers, strict=True))
    same = [np.array_equal(a, b) for a, b in zip(before.layers, after.layers, strict=True)]
    same += [np.array_equal(before.answers[name], after.answers[name]) for name in before.answers]
    return Retention(judged, tuple(blocks), below, all(same), left_out, blind)


def with_adapter_off(found: Retention, is_base: bool) -> Retention:
    """The same, with whether the adapter's switch brings the base back."""
    return replace(found, adapter_off_is_base=is_base)


def _short_of_1(cka: float) -> str:
    """Three decimals, or as many as tell it from 1."""
    digits = next((digits for digits in range(3, 16) if round(cka, digits) < 1), 16)
    return f"{cka:.{digits}f}"


def _told(probe: Mapping[str, Any], say: Words) -> str:
    gap = Interval(**probe["difference"])
    fill = {
        "what": say.probe(probe),
        "metric": say.metric(probe["metric"]),
        "before": figure(probe["before"]),
        "after": figure(probe["after"]),
        "gap": signed(gap.value),
        "low": signed(gap.low),
        "high": signed(gap.high),
    }
    return say("retention_probe", **fill)


def _probes(asked: Asked, before: Look, after: Look) -> list[Measured]:
    """A language's probes: the loss a token, or the likeness of sentences and their topics."""
    old, new = before.answers[asked.language], after.answers[asked.language]
    if not len(asked.grades):
        return [Measured(f"text_{asked.language}", "loss", loss_scores(old), loss_scores(new), chance=asked.chance)]
    cosines = [_cosines(one) for one in (old, new)]
    agreement = {"agreement": spearman(*cosines)}
    told, tells = (likeness_scores(asked.grades, one) for one in cosines)
    return [
        Measured(f"likeness_{asked.language}", "spearman", told, tells, agreement),
        Measured(f"topics_{asked.language}", "accuracy", *_topics(asked.topics, old, new)),
    ]


def loss_scores(nats: np.ndarray) -> Scores:
    """The mean of what tokens cost, by stretches of neighbours."""
    starts = np.arange(0, len(nats), STRETCH)
    columns = {"nats": np.add.reduceat(nats, starts), "tokens": np.diff(np.append(starts, len(nats)))}
    return Scores(columns, {"loss": lambda given: float(given["nats"].sum() / given["tokens"].sum())})


def right_scores(right: np.ndarray) -> Scores:
    """The share of right answers."""
    return Scores(
        {"right": right.astype(np.float64)},
        {"accuracy": lambda given: float(given["right"].mean())},
        at_once={"accuracy": lambda given, picks: given["right"][picks].mean(1)},
    )


def likeness_scores(grades: np.ndarray, cosines: np.ndarray) -> Scores:
    """How far the cosines stand in the grades' order."""
    return Scores(
        {"grade": grades, "cosine": cosines},
        {"spearman": lambda given: spearman(given["grade"], given["cosine"])},
        at_once={"spearman": lambda given, picks: spearmans(given["grade"], given["cosine"], picks)},
    )


def _cosines(vectors: np.ndarray) -> np.ndarray:
    """The cosine of every pair's two sentences, which stand side by side."""
    long = vectors.astype(np.float64)
    length = np.linalg.norm(long, axis=1, keepdims=True)
    unit = long / np.maximum(length, 1e-12)
    found: np.ndarray = (unit[::2] * unit[1::2]).sum(1)
    return found


def _topics(topics: np.ndarray, old: np.ndarray, new: np.ndarray) -> tuple[Scores, Scores]:
    """Fitted on the untouched states of every other pair, asked about the pairs between, before and after."""
    learnt = np.arange(len(topics)) // 2 % 2 == 0
    probe = fit_probe(old[learnt], topics[learnt], int(topics.max()) + 1)
    rights = [probe.probabilities(one[~learnt]).argmax(1) == topics[~learnt] for one in (old, new)]
    return right_scores(rights[0]), right_scores(rights[1])
