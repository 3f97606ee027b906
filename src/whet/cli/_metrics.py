"""What a run's ``metrics.json`` says, as a few lines for the eye."""

from __future__ import annotations

from typing import Any

from whet.cli._show import duration, figure, size, table


def main_metric(metrics: dict[str, Any]) -> str | None:
    """The metric that chose the best weights; the first of the test metrics where the document names none."""
    named = metrics.get("metric")
    return str(named) if named else next(iter(metrics.get("test") or {}), None)


def value_of(scores: Any, metric: str | None) -> float | None:
    """A metric's value, whether it stands alone or with its interval."""
    found = (scores or {}).get(metric) if metric else None
    return found.get("value") if isinstance(found, dict) else found


def with_interval(scores: Any, metric: str | None) -> str:
    """A metric with its interval: ``0.9012 [0.8810, 0.9200]``."""
    found = (scores or {}).get(metric) if metric else None
    if isinstance(found, dict) and found.get("low") is not None:
        return f"{figure(found['value'])} [{figure(found['low'])}, {figure(found['high'])}]"
    return figure(value_of(scores, metric))


def in_short(metrics: dict[str, Any]) -> str:
    """The main metric beside the trivial baseline and the model before training, then time and memory."""
    metric = main_metric(metrics)
    lines = []
    if metric is not None:
        folds = len(metrics.get("folds") or ())
        name = f"test ({folds} folds)" if folds else "test"
        rows = [(name, with_interval(metrics.get("test"), metric))]
        if metrics.get("baseline"):
            known = value_of(metrics["baseline"], metric) is not None
            rows.append(("trivial baseline", with_interval(metrics["baseline"], metric) if known else "not defined"))
        if value_of(metrics.get("untuned"), metric) is not None:
            rows.append(("before training", with_interval(metrics["untuned"], metric)))
        lines.append(table(("", metric), rows))
    spent = _spent(metrics)
    return "\n".join([*lines, *([spent] if spent else [])])


def in_full(metrics: dict[str, Any]) -> str:
    """Every metric of the test rows with its interval, beside the baseline and the untuned score."""
    test = metrics.get("test") or {}
    rows = [
        (
            name,
            with_interval(test, name),
            figure(value_of(metrics.get("validation"), name)),
            figure(value_of(metrics.get("baseline"), name)),
            figure(value_of(metrics.get("untuned"), name)),
        )
        for name in test
    ]
    return table(("metric", "test [interval]", "validation", "baseline", "untuned"), rows)


def _spent(metrics: dict[str, Any]) -> str:
    timing, memory = metrics.get("timing") or {}, metrics.get("memory") or {}
    parts = []
    if timing.get("train_seconds") is not None:
        rate = timing.get("examples_per_second")
        speed = f" ({rate:.0f} rows/s)" if rate else ""
        parts.append(f"trained in {duration(timing['train_seconds'])}{speed}")
    if memory.get("peak_bytes"):
        parts.append(f"at most {size(memory['peak_bytes'])} of memory")
    return ", ".join(parts)
