"""The run directory: every file name of a run, and the only functions that write into it.

Writes are atomic and durable (``core/durable.py``), and one process at a time writes (``core/lock.py``). Names are a
contract with other programs and are listed in docs/reference.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from whet.core import lock
from whet.core.durable import PART, digest, make_folder, publish, recover, replacing
from whet.core.errors import CANNOT, UsageError

__all__ = ["RunDir", "digest", "plain", "publish", "read_json", "read_lines", "write_json", "write_lines", "write_text"]

Status = Literal["planned", "running", "interrupted", "failed", "finished"]
ELSEWHERE = "choose another with --out"
COMPARISON = "comparison.json"
"""The file that makes a directory one of ``whet compare``."""
ROOM = 200
"""Bytes that the names of files below a run's directory may take, those of half-written ones among them."""


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

    def fold(self, number: int) -> RunDir:
        """The run that measures one fold of a cross-validation."""
        return RunDir(self.root / "folds" / str(number))

    def point(self, percent: int) -> RunDir:
        """The run on so much of the training rows, for a learning curve."""
        return RunDir(self.root / "curve" / str(percent))

    def inside(self) -> list[RunDir]:
        """Every run inside this one, as far as it has begun: folds, and points of a learning curve."""
        return self.folds() + [RunDir(path.parent) for path in sorted((self.root / "curve").glob("*/recipe.yaml"))]

    def folds(self) -> list[RunDir]:
        """The runs that measure folds, as far as they have begun."""
        return [RunDir(path.parent) for path in sorted((self.root / "folds").glob("*/recipe.yaml"))]

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"

    @property
    def findings(self) -> Path:
        return self.root / "findings.json"

    @property
    def pool(self) -> Path:
        return self.root / "pool.jsonl"

    @property
    def relabel(self) -> Path:
        return self.root / "relabel.jsonl"

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
        """What ``state.json`` says, or None where there is no run. Raises UsageError where it cannot be read."""
        if not self.state.is_file():
            return None
        try:
            found: Status = read_json(self.state)["status"]
        except (ValueError, TypeError, KeyError) as error:
            cure = "restore it, or remove the directory and run anew"
            raise UsageError("the state cannot be read", str(self.state), cure) from error
        return found

    def has_begun(self) -> bool:
        """Whether there is something to lose or to go on with: a run that ended before its recipe left nothing."""
        if self.status() == "running":
            return self.recipe.is_file()
        if self.status() in ("interrupted", "failed"):
            return any(path.exists() for path in (self.recipe, self.checkpoints, self.model))
        kept = (path.name for path in self.root.iterdir() if path.name != lock.NAME)
        return any(not (name.startswith(".") and name.endswith(PART)) for name in kept)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The directory, made where it is missing, for this process alone. Raises UsageError where it cannot be."""
        with ExitStack() as stack:
            try:
                self._refuse_place()
                if not self.root.exists():
                    stack.callback(self._forget_if_empty)
                make_folder(self.root)
                stack.enter_context(lock.only_writer(self.root))
            except OSError as error:
                if error.errno not in CANNOT:
                    raise
                raise UsageError(
                    f"nothing can be written there ({error.strerror})", str(self.root), ELSEWHERE
                ) from error
            yield

    def refuse_second_writer(self) -> None:
        """Raises UsageError where no run can stand, or another process writes here now; makes nothing."""
        try:
            self._refuse_place()
            lock.refuse_second_writer(self.root)
        except OSError as error:  # what cannot even be looked at is refused by ``held``
            if error.errno not in CANNOT:
                raise

    def claim(self, overwrite: bool = False) -> None:
        """Make the directory ready for a new run. Raises UsageError where something stands in it already."""
        self._refuse_place()
        make_folder(self.root)
        status = self.status()
        if status == "planned":
            return
        if self.has_begun():
            if not overwrite:
                raise UsageError("the directory is not empty", str(self.root), f"{ELSEWHERE}, or add --overwrite")
            if status is None:
                raise UsageError("the directory is not a whet run, so it is not removed", str(self.root), ELSEWHERE)
        self._empty()

    def _refuse_place(self) -> None:
        """Raises UsageError where a file or a broken link stands, or where the path leaves no room for names in it."""
        most = os.pathconf("/", "PC_PATH_MAX") if hasattr(os, "pathconf") else None
        if self.root.exists() and not self.root.is_dir():
            raise UsageError("a file stands where the directory should go", str(self.root), ELSEWHERE)
        if self.root.is_symlink() and not self.root.exists():
            raise UsageError("a link stands there that leads nowhere", str(self.root), ELSEWHERE)
        if most and len(os.fsencode(self.root)) + ROOM > most:
            raise UsageError(f"the path leaves less than {ROOM} bytes for names in it", str(self.root), ELSEWHERE)

    def _forget_if_empty(self) -> None:
        with suppress(OSError):
            self.root.rmdir()

    def _empty(self) -> None:
        """Remove what is in it, the state last: a kill in between leaves a run that has not begun."""
        if self.state.is_file():
            write_json(self.state, {"status": "running"})
            self.recipe.unlink(missing_ok=True)
        kept = (lock.NAME, self.state.name)
        for path in (path for path in self.root.iterdir() if path.name not in kept):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self.state.unlink(missing_ok=True)

    def mark(self, status: Status, **facts: Any) -> None:
        """Write ``state.json``; facts not named keep their last value, and one that is None is forgotten."""
        before = read_json(self.state) if self.state.is_file() else {}
        known = {name: fact for name, fact in {**before, **facts}.items() if fact is not None}
        write_json(self.state, {**known, "status": status})

    def record(self, event: dict[str, Any], durably: bool = False) -> None:
        """Append one object to ``metrics.jsonl``, a whole line at a time; ``durably`` outlives a power cut."""
        line = json.dumps(plain(event), ensure_ascii=False, allow_nan=False) + "\n"
        with self.log.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            if durably:
                os.fsync(file.fileno())

    def recover(self) -> None:
        """Clear away what a killed process left half written."""
        for folder in (self.root, self.checkpoints, self.root / "stages", self.root / "predictions"):
            recover(folder)


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
    with replacing(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; numbers are never rounded."""
    write_text(path, json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines atomically, in constant memory."""
    with replacing(path) as file:
        for row in rows:
            file.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that whet wrote."""
    return json.loads(path.read_text("utf-8"))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read JSON lines that whet wrote; a last line that was cut off in the middle counts as not written."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
