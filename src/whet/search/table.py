"""``comparison.json``: the cells, a summary a strategy, every pair, the frontiers and the search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from whet.judge.paired import FEWEST_ROWS
from whet.metrics.crossed import Estimate, Spread, estimate, holm, spread_of_differences
from whet.metrics.scores import LOWER_IS_BETTER, RANGES, better
from whet.search.cells import Outcome

AXES = {"seconds": "lower", "peak_bytes": "lower", "bundle_bytes": "lower", "retention": "higher"}
"""What a score costs, and which way it is better."""


@dataclass(frozen=True)
class Measured:
    """A strategy's cells by seed, their values, and the values on resampled rows (where the answers were read)."""

    label: str
    cells: Mapping[int, Outcome]
    values: Mapping[int, float]
    drawn: Mapping[int, np.ndarray]


def retention_of(metrics: Mapping[str, Any]) -> float | None:
    """One number for what a model kept: the mean over blocks of the CKA between its states and the untouched ones.

    1 where nothing moved. None where the run does not say.
    """
    similar = [one for one in (metrics.get("retention") or {}).get("cka") or [] if isinstance(one, (int, float))]
    return sum(similar) / len(similar) if similar else None


def run_row(one: Outcome, metric: str, root: Path) -> dict[str, Any]:
    """A cell as a row of ``runs``; what is not known is absent, and a cell without figures has its ``reason``."""
    row = {
        "strategy": one.cell.entry.label,
        "seed": one.cell.seed,
        "learning_rate": one.rate,
        "run": one.cell.place.relative_to(root).as_posix(),
        "status": "failed" if one.metrics is None else "finished",
    }
    if one.metrics is None:
        return {**row, "reason": one.reason}
    return {
        **row,
        "score": one.value("test", metric),
        "seconds": one.metrics["timing"]["train_seconds"],
        "peak_bytes": one.metrics["memory"]["peak_bytes"],
        "moved": one.metrics["parameters"]["trainable"],
        "bundle_bytes": one.bundle_bytes,
        **_known("retention", retention_of(one.metrics)),
        **_known("probes", (one.metrics.get("retention") or {}).get("probes")),
    }


def _known(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def summary(
    all_of_them: Sequence[Measured], rows: int, runs: Sequence[Mapping[str, Any]], metric: str, confidence: float
) -> list[dict[str, Any]]:
    """One line a strategy: its mean score with an interval over rows and seeds, and the means of what it takes.

    An interval of few seeds is wide: it is cut where the metric ends, which takes nothing that could be true.
    """
    least, most = _range(metric)
    lines = []
    for one in all_of_them:
        mine = [row for row in runs if row["strategy"] == one.label]
        line: dict[str, Any] = {"strategy": one.label, "seeds": len(one.values)}
        failed = [row for row in mine if row.get("score") is None]
        if failed:
            line |= {"failed": len(failed), "reason": failed[0].get("reason", "the score is not defined")}
        if one.values:
            found = _estimate(list(one.values.values()), [one.drawn[seed] for seed in one.values], rows, None)
            half = found.half_width(confidence)
            line |= {
                "mean": found.value,
                "low": _cut(found.value - half, least, most),
                "high": _cut(found.value + half, least, most),
            }
        rates = {row["learning_rate"] for row in mine if row["learning_rate"] is not None}
        line |= {"learning_rate": rates.pop()} if len(rates) == 1 else {}
        for name in ("seconds", "peak_bytes", "moved", "bundle_bytes", "retention"):
            known = [row[name] for row in mine if row.get(name) is not None]
            line |= {name: sum(known) / len(known)} if known else {}
        lines.append(line)
    return lines


def pairs(all_of_them: Sequence[Measured], rows: int, metric: str, confidence: float) -> list[dict[str, Any]]:
    """Every two strategies on the seeds that both have; the verdict is on ``a``, after paying for all pairs (Holm)."""
    spread = _spread(all_of_them)
    least, most = _range(metric)
    found = []
    for a, b in combinations(all_of_them, 2):
        seeds = [seed for seed in a.values if seed in b.values]
        if not seeds:
            continue
        differences = [a.values[seed] - b.values[seed] for seed in seeds]
        found.append(
            (
                a.label,
                b.label,
                len(seeds),
                _estimate(differences, [a.drawn[s] - b.drawn[s] for s in seeds], rows, spread),
            )
        )
    adjusted = holm([one.p for *_, one in found])
    lines = []
    for (a_label, b_label, count, one), p in zip(found, adjusted, strict=True):
        half = one.half_width(confidence)
        decided = p <= 1 - confidence and rows >= FEWEST_ROWS
        ahead = (one.value < 0) == (metric in LOWER_IS_BETTER)
        lines.append(
            {
                "a": a_label,
                "b": b_label,
                "difference": one.value,
                "low": _cut(one.value - half, least - most, most - least),
                "high": _cut(one.value + half, least - most, most - least),
                "p": one.p,
                "p_adjusted": p,
                "seeds": count,
                "verdict": ("better" if ahead else "worse") if decided else "not distinguishable",
            }
        )
    return lines


def _estimate(values: Sequence[float], drawn: Sequence[np.ndarray], rows: int, spread: Spread | None) -> Estimate:
    return estimate(np.array(values), np.array(drawn), rows, spread)


def _range(metric: str) -> tuple[float, float]:
    return RANGES.get(metric, (-math.inf, math.inf))


def _cut(value: float, least: float, most: float) -> float:
    return float(np.clip(value, least, most))


def _spread(all_of_them: Sequence[Measured]) -> Spread | None:
    """Over the strategies with the most seeds, lest one whose cells failed takes the others' seeds away; over all where
    these are fewer than two."""
    most = max((len(one.values) for one in all_of_them), default=0)
    whole = [one for one in all_of_them if len(one.values) == most]
    there = whole if len(whole) > 1 else [one for one in all_of_them if one.values]
    shared = [seed for seed in (there[0].values if there else ()) if all(seed in one.values for one in there)]
    return spread_of_differences(np.array([[one.values[seed] for seed in shared] for one in there])) if shared else None


def frontiers(lines: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    """For each cost the strategies that no other beats in both score and cost, and for the others by whom (Pareto)."""
    found = {}
    for axis, way in AXES.items():
        there = [line for line in lines if _is_number(line.get("mean")) and line.get(axis) is not None]
        if len(there) < 2:
            continue
        beaten = {
            one["strategy"]: [two["strategy"] for two in there if _dominates(two, one, axis, way, metric)]
            for one in there
        }
        found[axis] = {
            "on": [label for label, by in beaten.items() if not by],
            "dominated": {label: by for label, by in beaten.items() if by},
        }
    return found


def _dominates(two: Mapping[str, Any], one: Mapping[str, Any], axis: str, way: str, metric: str) -> bool:
    """At least as good in both, and better in one."""
    cheaper = two[axis] < one[axis] if way == "lower" else two[axis] > one[axis]
    ahead = better(metric, two["mean"], one["mean"])
    return (ahead or two["mean"] == one["mean"]) and (cheaper or two[axis] == one[axis]) and (ahead or cheaper)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not math.isnan(value)


@dataclass(frozen=True)
class Standing:
    """Who leads: the best by its mean, all that are not distinguishable from it (it included), and the quickest of
    these to train and smallest to ship."""

    best: str
    leaders: tuple[str, ...]
    quickest: str
    smallest: str


def standing(
    lines: Sequence[Mapping[str, Any]], all_pairs: Sequence[Mapping[str, Any]], metric: str
) -> Standing | None:
    """None as long as no strategy has a score."""
    there = {line["strategy"]: line for line in lines if _is_number(line.get("mean"))}
    if not there:
        return None
    best = next(iter(there))
    for label, line in there.items():
        best = label if better(metric, line["mean"], there[best]["mean"]) else best
    apart = {
        pair["b"] if pair["a"] == best else pair["a"]
        for pair in all_pairs
        if best in (pair["a"], pair["b"]) and pair["verdict"] != "not distinguishable"
    }
    leaders = tuple(label for label in there if label not in apart)
    return Standing(
        best,
        leaders,
        min(leaders, key=lambda label: there[label].get("seconds", math.inf)),
        min(leaders, key=lambda label: tuple(there[label].get(key, math.inf) for key in ("bundle_bytes", "seconds"))),
    )
