"""A run to look at: its figures, its report, its model. Reads files only, so it needs no torch."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from whet.core import rundir
from whet.core.errors import UsageError
from whet.core.rundir import RunDir, Status


@dataclass(frozen=True)
class Run:
    """A run's directory, from Python. In a notebook it shows its figures."""

    path: Path

    @classmethod
    def at(cls, path: str | Path) -> Run:
        """The run at ``path``. Raises UsageError where there is none."""
        run = cls(Path(path))
        if run.status is None:
            raise UsageError("there is no run here", str(path), "see `whet runs`")
        return run

    @property
    def files(self) -> RunDir:
        return RunDir(self.path)

    @property
    def status(self) -> Status | None:
        return self.files.status()

    @property
    def report(self) -> Path:
        return self.files.report

    @property
    def model(self) -> Path:
        return self.files.model

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """``metrics.json`` as it stands; empty before the run is finished."""
        found: dict[str, Any] = rundir.read_json(self.files.metrics) if self.files.metrics.is_file() else {}
        return found

    @property
    def reasons(self) -> list[str]:
        """Why the model is likely no better than the baseline, each with its cure, in the order in which to look."""
        found = rundir.read_json(self.files.findings) if self.files.findings.is_file() else []
        return [one["text"] for one in found if "reason" in one["evidence"]]

    @property
    def below_baseline(self) -> bool:
        """Whether the main metric's value on the test rows does not reach the trivial baseline's."""
        return bool(rundir.read_json(self.files.state).get("below_baseline", False))

    def __str__(self) -> str:
        rows = [f"{name:<14} {_spell(value)}" for name, value in self._figures().items()]
        return "\n".join([f"{self.path} ({self.status})", *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(_spell(value))}</td></tr>"
            for name, value in self._figures().items()
        )
        place = html.escape(str(self.path))
        return f"<b>{place}</b> ({self.status})<table>{rows}</table><a href='{place}/report.html'>report</a>"

    def _figures(self) -> dict[str, Any]:
        return dict(self.metrics.get("test", {}))


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        middle, low, high = (_spell(value[part]) for part in ("value", "low", "high"))
        return f"{middle} [{low}, {high}]"
    return "not defined" if value is None else f"{value:.4g}"
