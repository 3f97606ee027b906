"""What ``whet plan`` says: what would be trained, from what, how long and how large, and what the model would see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from whet.forecast import Forecast
from whet.leg import Leg


@dataclass(frozen=True)
class Plan:
    """A run before its first step; ``str`` of it is for people, ``as_json`` for programs."""

    stages: tuple[dict[str, Any], ...]
    forecasts: tuple[Forecast, ...]
    notes: tuple[str, ...]
    shown: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """``plan.json``: sums over the stages, the largest peak, each stage by itself, and the rows that were shown."""
        return {
            **summed(self.forecasts),
            "stages": [{**stage, **one.as_dict()} for stage, one in zip(self.stages, self.forecasts, strict=True)],
            "notes": list(self.notes),
            **({"shown": list(self.shown)} if self.shown else {}),
        }

    def __str__(self) -> str:
        lines = list(self.notes)
        for stage, one in zip(self.stages, self.forecasts, strict=True):
            share = one.trainable_parameters / one.total_parameters
            rows = ", ".join(f"{name} {account['rows']}" for name, account in stage["rows"].items())
            lines += [
                f"{stage['task']} by {stage['strategy']}: {one.trainable_parameters:,} of {one.total_parameters:,} "
                f"weights move ({share:.1%})",
                f"rows: {rows}; {one.steps} steps over {one.tokens:,} tokens",
                f"predicted: {one.train_seconds:.0f} s of training, {one.peak_memory_bytes / 1e9:.1f} GB at the peak, "
                f"{one.disk_bytes / 1e6:,.0f} MB of disk",
            ]
        return "\n".join([*lines, *self.shown])


def summed(forecasts: Sequence[Forecast]) -> dict[str, Any]:
    """The keys of ``plan.json`` over all stages; parameters are the last stage's."""
    return {
        "trainable_parameters": forecasts[-1].trainable_parameters,
        "total_parameters": forecasts[-1].total_parameters,
        "peak_memory_bytes": max(one.peak_memory_bytes for one in forecasts),
        "train_seconds": sum(one.train_seconds for one in forecasts),
        "measure_seconds": sum(one.measure_seconds for one in forecasts),
        "checkpoint_bytes": max(one.checkpoint_bytes for one in forecasts),
        "disk_bytes": sum(one.disk_bytes for one in forecasts),
    }


def describe(leg: Leg) -> dict[str, Any]:
    """A stage in the words of ``plan.json``."""
    return {
        "task": leg.stage.task_name,
        "strategy": leg.stage.strategy_name,
        "rows": {name: asdict(account) for name, account in leg.accounts.items()},
        "machine": {**asdict(leg.built.compute), "kernels": leg.stage.train.kernels, **_figures(leg)},
    }


def _figures(leg: Leg) -> dict[str, Any]:
    """Why the machine chose so, and what the probe found for the threads that were chosen."""
    chosen = leg.built.chosen
    roof = chosen.probe.roof(chosen.threads)
    return {
        "reasons": list(chosen.reasons),
        "gflops": {kind: roof.products(kind) for kind in roof.gflops},
        "bandwidth": roof.bandwidth,
    }


def show(leg: Leg, count: int) -> list[str]:
    """The first rows as the model sees them, a token a word; supervised tokens stand in [brackets]."""
    lines = []
    split, tokenizer = leg.splits["train"], leg.model.tokenizer
    for feature in split.features:
        if feature.index >= count:
            break
        supervised = set(leg.model.task.describe(feature))
        words = tokenizer.convert_ids_to_tokens(list(feature.ids))
        marked = (f"[{word}]" if place in supervised else word for place, word in enumerate(words))
        row = split.examples[feature.index]
        lines += [f"row {row.row}, part {feature.part}: {' '.join(marked)}", f"  target: {row.target}"]
    return lines
