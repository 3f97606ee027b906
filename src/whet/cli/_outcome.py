"""What is said once a run is over: the figures, the report's path and the exit code."""

from __future__ import annotations

from typing import Any

from whet.cli._metrics import in_short
from whet.cli._show import document, note, say
from whet.core.errors import TrainingError


def told(run: Any, as_json: bool) -> None:
    """Print a run's figures: ``metrics.json`` and the run's path as JSON, or a few lines."""
    if as_json:
        document({**run.metrics, "run": str(run.path)})
        return
    short = in_short(run.metrics)
    if short:
        say(short)
    say(f"report: {run.report}")


def code_of(run: Any) -> int:
    """0, or that of a failed training where the model ended below the trivial baseline."""
    if run.below_baseline:
        note(f"error: the model is below the trivial baseline{_because(run)}")
        return TrainingError.exit_code
    warn(run)
    return 0


def warn(run: Any) -> None:
    """Say why a model is no better than the trivial baseline, where it is not."""
    if run.below_baseline:
        note(f"warning: on these rows the model is below the trivial baseline{_because(run)}")
    elif run.reasons:
        note(f"warning: the model cannot be told from the trivial baseline{_because(run)}")


def _because(run: Any) -> str:
    return "".join(f"\n  {text}" for text in run.reasons)
