"""A front door that answers without a model, so that the command line is tested alone and in milliseconds."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import whet
from whet.cli import main
from whet.core.errors import DataError
from whet.core.events import Answered, Began, Looked, Said, Stepped
from whet.core.rundir import RunDir, write_json, write_text

METRICS = {
    "task": "text-classification",
    "strategy": "full",
    "model": "minilm",
    "seed": 0,
    "metric": "accuracy",
    "test": {
        "accuracy": {"value": 0.9, "low": 0.88, "high": 0.92},
        "f1_macro": {"value": 0.5, "low": 0.4, "high": 0.6},
    },
    "validation": {"accuracy": {"value": 0.91, "low": 0.9, "high": 0.93}},
    "baseline": {"accuracy": 0.5, "f1_macro": 0.3},
    "untuned": {"accuracy": 0.51, "f1_macro": 0.35},
    "timing": {"train_seconds": 83.0, "total_seconds": 90.0, "examples_per_second": 150.4},
    "memory": {"peak_bytes": 1_234_567_890},
}


def make_run(root: Path, status: str = "finished", recipe: str = "seed: 0\n", **changes: Any) -> Path:
    """A run's directory with the files that the command line reads."""
    files = RunDir(root)
    write_json(files.state, {"status": status, "step": 12, "below_baseline": False})
    write_text(files.recipe, recipe)
    if status == "finished":
        write_json(files.metrics, {**METRICS, **changes})
    return root


@dataclass
class FakeRun:
    path: Path
    below_baseline: bool = False
    metrics: dict[str, Any] = field(default_factory=lambda: dict(METRICS))
    reasons: tuple[str, ...] = ()

    @property
    def report(self) -> Path:
        return self.path / "report.html"


@dataclass
class FakeComparison:
    path: Path = Path("comparisons/demo")
    scored: bool = True

    @property
    def report(self) -> Path:
        return self.path / "comparison.html"

    @property
    def result(self) -> dict[str, Any]:
        line = {"mean": 0.9, "low": 0.8, "high": 1.0, "seconds": 70.0} if self.scored else {"reason": "it diverged"}
        return {"metric": "accuracy", "summary": [{"strategy": "full", **line}], "pairs": []}

    def __str__(self) -> str:
        return "full is best"


@dataclass
class FakePlan:
    show: int

    def as_json(self) -> dict[str, Any]:
        return {"train_seconds": 1.5, "show": self.show}

    def __str__(self) -> str:
        return "a plan for the eye"


class FakePredictor:
    def stream(
        self, rows: Any, column: str | None = None, top: int | None = None, tell: Any = None, explained: bool = False
    ) -> Any:
        """Says yes to every text; texts come from a list, an open file or a path, as with the real one."""
        if isinstance(rows, Path):
            with rows.open(encoding="utf-8", newline="") as file:
                texts = [row[column or "text"] for row in csv.DictReader(file)]
        else:
            texts = (line.rstrip("\n") for line in rows)
        for number, text in enumerate(texts, 1):
            if text == "broken":
                raise DataError("the row is broken", f"row {number}")
            shares = {"yes": 0.75, "no": 0.25}
            kept = dict(list(shares.items())[:top])
            yield {"row": number, "text": text, "prediction": "yes", "probabilities": kept}


@dataclass
class Door:
    """What was asked of the front door, and what it answers with."""

    below_baseline: bool = False
    reasons: tuple[str, ...] = ()
    raises: BaseException | None = None
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def answer(self, name: str, *args: Any, **options: Any) -> Any:
        self.calls.append((name, args, options))
        if self.raises is not None:
            raise self.raises
        tell = options.get("tell", print)
        if name in ("run", "resume"):
            tell(Said("two labels: yes, no"))
            tell(Began(0, 1, 4, 0, 2.0))
            for step in range(1, 5):
                tell(Stepped(step, step / 2, 0.7 / step, 1e-4, 1.0, 32, 640, float(step), step % 2 == 0))
            tell(Looked(4, 2.0, {"accuracy": 0.91}, True))
            tell(Answered("test", 100, 100))
        if name == "plan":
            return FakePlan(options["show"])
        if name == "compare":
            return FakeComparison()
        return (
            FakePredictor() if name == "load" else FakeRun(Path("runs/demo"), self.below_baseline, reasons=self.reasons)
        )


@pytest.fixture
def door(monkeypatch, tmp_path) -> Door:
    """The fake front door, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    made = Door()
    for name in ("run", "plan", "resume", "evaluate", "compare", "load"):
        monkeypatch.setattr(
            whet,
            name,
            lambda *args, _name=name, **options: made.answer(_name, *args, **options),
            raising=False,
        )
    return made


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as exactly one JSON document."""
        return json.loads(self.out)


@pytest.fixture
def whet_cli(capsys):
    """Call the command line: ``whet_cli("run", "x.csv")`` gives the code and both outputs."""

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        return Answer(code, *capsys.readouterr())

    return call
