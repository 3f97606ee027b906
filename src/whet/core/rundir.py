"""The run directory: every file name of a run, and the only functions that write into it.

Writes are atomic: a file is written beside its place, flushed to the disk and renamed, so that a reader (or a run
that goes on after a kill) sees the old file or the new one, never half of it. Names are a contract with other
programs and are listed in docs/reference.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from whet.core.errors import UsageError

Status = Literal["planned", "running", "interrupted", "failed", "finished"]


@dataclass(frozen=True)
class RunDir:
    """The files of one run, under ``root``."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yaml"

    @property
    def plan(self) -> Path:
        return self.root / "plan.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def log(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def check(self) -> Path:
        return self.root / "check.json"

    @property
    def model(self) -> Path:
        return self.root / "model"

    def stage(self, number: int) -> Path:
        """The bundle of a stage that is not the last, from which the next one goes on."""
        return self.root / "stages" / str(number)

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"

    @property
    def findings(self) -> Path:
        return self.root / "findings.json"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def card(self) -> Path:
        return self.root / "README.md"

    def predictions(self, split: str) -> Path:
        """``predictions/<split>.jsonl``"""
        return self.root / "predictions" / f"{split}.jsonl"

    def status(self) -> Status | None:
        """What ``state.json`` says, or None where there is no run."""
        if not self.state.is_file():
            return None
        found: Status = read_json(self.state)["status"]
        return found

    def claim(self, overwrite: bool = False) -> None:
        """Make the directory ready for a new run. Raises UsageError where something stands in it already."""
        if self.root.is_dir() and any(self.root.iterdir()) and self.status() != "planned":
            if not overwrite:
                raise UsageError(
                    "the directory is not empty",
                    str(self.root),
                    "choose another with --out, or add --overwrite",
                )
            if self.status() is None:
                raise UsageError(
                    "the directory is not a whet run, so it is not removed",
                    str(self.root),
                    "choose another with --out",
                )
            shutil.rmtree(self.root)
        if self.root.exists() and not self.root.is_dir():
            raise UsageError("a file stands where the run should go", str(self.root), "choose another with --out")
        self.root.mkdir(parents=True, exist_ok=True)

    def mark(self, status: Status, **facts: Any) -> None:
        """Write ``state.json``; facts not named keep their last value, and one that is None is forgotten."""
        before = read_json(self.state) if self.state.is_file() else {}
        known = {name: fact for name, fact in {**before, **facts}.items() if fact is not None}
        write_json(self.state, {**known, "status": status})

    def record(self, event: dict[str, Any]) -> None:
        """Append one object to ``metrics.jsonl``, a whole line at a time."""
        line = json.dumps(plain(event), ensure_ascii=False, allow_nan=False) + "\n"
        with self.log.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()


def plain(value: Any) -> Any:
    """A JSON value without NaN or infinity (they become null: strict JSON has no word for them)."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value


def write_text(path: Path, text: str) -> None:
    """Write a file atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; numbers are never rounded."""
    write_text(path, json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines atomically, in constant memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_json(path: Path) -> Any:
    """Read a JSON file that whet wrote."""
    return json.loads(path.read_text("utf-8"))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read JSON lines that whet wrote; a last line that was cut off in the middle counts as not written."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(folder: Path, write: Callable[[Path], object]) -> None:
    """Write a whole folder beside its place, then rename it there: ``write(path)`` fills it."""
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    write(beside)
    if folder.exists():
        shutil.rmtree(folder)
    beside.replace(folder)
