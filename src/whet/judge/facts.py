"""What the report and the model card are made of: the run's files as plain values, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class ReportFacts:
    """A run's files as plain values; whatever is missing leaves its section out.

    ``metrics`` is ``metrics.json``, ``findings`` ``findings.json``, ``log`` the lines of ``metrics.jsonl``,
    ``check`` ``check.json``, ``errors`` all lines of ``predictions/test.jsonl`` (the wrong ones are picked
    here), ``explained`` some of them with their ``explanation``, ``relabel`` those of ``relabel.jsonl``, ``recipe`` the
    text of ``recipe.yaml``, ``bundle`` ``model/whet.json``; ``classes`` and ``confusion`` are the Judgement's,
    ``notes`` the sentences said aloud on the way, ``head`` the kind of the task's head.
    """

    title: str
    metrics: Mapping[str, Any]
    findings: Sequence[Mapping[str, Any]] = ()
    log: Sequence[Mapping[str, Any]] = ()
    check: Mapping[str, Any] | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    explained: Sequence[Mapping[str, Any]] = ()
    classes: Sequence[Mapping[str, Any]] = ()
    confusion: Mapping[str, Any] | None = None
    relabel: Sequence[Mapping[str, Any]] = ()
    recipe: str = ""
    notes: Sequence[str] = ()
    bundle: Mapping[str, Any] = field(default_factory=dict)
    head: str = ""
    language: Literal["en", "zh"] = "en"
    confidence: float = 0.95

    @property
    def is_run(self) -> bool:
        """Whether a training stands behind the figures, and not only a finished model on other rows."""
        return bool(self.recipe or self.log)

    @property
    def kind(self) -> str:
        """The task's own variant (``single``, ``regression``, ``bio``, ...), empty where it is not known."""
        return str((self.bundle.get("schema") or {}).get("kind") or "")

    @property
    def metric(self) -> str | None:
        """The metric that leads: the judgement's own, or the first on the test rows."""
        test = self.metrics.get("test") or {}
        named = self.metrics.get("metric")
        return named if named in test else next(iter(test), None)

    @property
    def test_rows(self) -> int | None:
        """How many rows were judged, where it is known."""
        rows = (self.metrics.get("data") or {}).get("rows") or {}
        return rows.get("test", len(self.errors) or None)

    @property
    def folds(self) -> int:
        """How many models answered the rows in a cross-validation, 0 where one model did."""
        return len(self.metrics.get("folds") or ())

    @property
    def load(self) -> Literal["transformers", "peft", "whet"]:
        """Who can load the bundle whole, read off its weight files: adapter, own head, or neither."""
        names = list(self.bundle.get("weights") or ())
        if any(name.startswith("adapter") for name in names):
            return "peft"
        return "transformers" if names and not any("head" in name for name in names) else "whet"
