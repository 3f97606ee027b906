"""One cell: a strategy with one seed and rate, trained in a process of its own, so that its memory is its own and its
end is no other's."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.core import lock, rundir
from whet.core.errors import UsageError
from whet.core.events import Said, Tell, silent
from whet.core.rundir import RunDir
from whet.recipe import Recipe
from whet.search.asked import Entry
from whet.train.stop import Stop

LOOK = 0.1
"""Seconds between looks at a cell's process and at requests to stop."""


@dataclass(frozen=True)
class Cell:
    """Where a strategy is trained with one seed; ``rate`` is None where its own learning rate is taken."""

    entry: Entry
    seed: int
    rate: float | None
    place: Path

    @property
    def recipe(self) -> Recipe:
        recipe = dataclasses.replace(self.entry.recipe, seed=self.seed)
        if self.rate is None:
            return recipe
        return recipe.with_stage(0, recipe.stages[0].with_("train", learning_rate=self.rate))


@dataclass(frozen=True)
class Outcome:
    """What a cell came to: its run's ``metrics.json``, or the reason why there is none."""

    cell: Cell
    metrics: dict[str, Any] | None
    reason: str = ""
    rate: float | None = None
    bundle_bytes: int | None = None

    def value(self, split: str, metric: str, what: str = "value") -> float | None:
        """A metric on ``validation`` or ``test``, or an end of its interval (``low``, ``high``); None where it is not
        known or not defined."""
        found = ((self.metrics or {}).get(split) or {}).get(metric) or {}
        value = found.get(what)
        return None if value is None else float(value)

    @property
    def seconds(self) -> float:
        """How long the whole run took, start and judging included."""
        return float(((self.metrics or {}).get("timing") or {}).get("total_seconds") or 0.0)

    @property
    def lines(self) -> Path:
        """The answers to the test rows."""
        return RunDir(self.cell.place).predictions("test")


def cell_at(root: Path, entry: Entry, seed: int, rate: float | None) -> Cell:
    """The cell's place: ``<strategy>/seed-<n>``, with the rate where it is not the strategy's own."""
    own = "" if rate is None else f"-rate-{rate:.3g}"
    return Cell(entry, seed, rate, root / entry.folder / f"seed-{seed}{own}")


def is_done(cell: Cell) -> bool:
    """Whether the cell needs no more training: finished, or diverged, which it would do again."""
    files = RunDir(cell.place)
    if not _was_asked(cell) or files.status() is None:
        return False
    return files.status() == "finished" or "diverged" in rundir.read_json(files.state)


def trained(cell: Cell, budget: str | None, stop: Stop, tell: Tell = silent) -> Outcome:
    """Train the cell, or go on where it was interrupted; what stands finished is taken as it is.

    A comparison that was killed outright leaves the cell's process behind, which goes on: it is waited for. Such a one
    that has hardly begun may take the directory while ours begins, so it is asked for once more afterwards.
    """
    _await_other(cell, tell)
    if not is_done(cell):
        _train(cell, budget, stop)
        if lock.is_held(cell.place):
            _await_other(cell, tell)
            if not is_done(cell):
                _train(cell, budget, stop)
    if is_done(cell):
        shutil.rmtree(RunDir(cell.place).checkpoints, ignore_errors=True)  # of some dozens of cells they fill a disk
    return outcome(cell)


def _await_other(cell: Cell, tell: Tell) -> None:
    """Wait for as long as another process trains the cell."""
    if lock.is_held(cell.place):
        tell(Said(f"{cell.place}: a process of an earlier start still trains it; it is waited for"))
    while lock.is_held(cell.place):
        time.sleep(LOOK)


def _train(cell: Cell, budget: str | None, stop: Stop) -> None:
    rest = _command(cell, budget)
    if not _was_asked(cell):
        shutil.rmtree(cell.place, ignore_errors=True)
    rundir.write_text(_paper(cell), cell.recipe.as_yaml())
    with stop.between_steps():
        _waited(rest, cell.place.with_name(cell.place.name + ".log"), stop)


def outcome(cell: Cell) -> Outcome:
    """What lies in the cell's directory."""
    files = RunDir(cell.place)
    rate = Recipe.read(files.recipe).stages[-1].train.learning_rate if files.recipe.is_file() else cell.rate
    if files.status() != "finished":
        return Outcome(cell, None, _reason(cell), rate)
    names = rundir.read_json(files.model / "whet.json")["weights"]
    return Outcome(
        cell,
        rundir.read_json(files.metrics),
        "",
        rate,
        sum((files.model / name).stat().st_size for name in names),
    )


def _paper(cell: Cell) -> Path:
    return cell.place.with_name(cell.place.name + ".yaml")


def _was_asked(cell: Cell) -> bool:
    """Whether what lies there is of the same recipe, for instance with the rate that the search chose."""
    return _paper(cell).is_file() and Recipe.read(_paper(cell)) == cell.recipe


def _command(cell: Cell, budget: str | None) -> list[str]:
    """Begin, or go on from a checkpoint; a run without one loses nothing by beginning anew."""
    files, paper = RunDir(cell.place), _paper(cell)
    head = [sys.executable, "-m", "whet.cli"]
    if _was_asked(cell) and files.recipe.is_file() and files.checkpoints.is_dir() and any(files.checkpoints.iterdir()):
        return [*head, "resume", str(cell.place), "--json"]
    limit = ["--budget", budget] if budget else []
    return [*head, "run", str(paper), "--out", str(cell.place), "--overwrite", "--json", *limit]


def _waited(command: list[str], log: Path, stop: Stop) -> None:
    """Run a process to its end, in a session of its own: a request to stop reaches it once, through us."""
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, start_new_session=True
        )
        told = False
        try:
            while process.poll() is None:
                if stop.asked is not None and not told:
                    process.send_signal(stop.asked)
                    told = True
                try:
                    process.wait(LOOK)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode < 0:
            file.write(f"error: it was killed (signal {-process.returncode}); often the memory did not suffice\n")


def _reason(cell: Cell) -> str:
    """Why a cell has no figures, in one line: what the run said of itself, or its last error."""
    files = RunDir(cell.place)
    try:
        said = rundir.read_json(files.state).get("error") if files.state.is_file() else None
    except ValueError as error:
        raise UsageError("the state cannot be read", str(files.state), "remove the cell's directory") from error
    if not said:
        log = cell.place.with_name(cell.place.name + ".log")
        lines = log.read_text("utf-8", errors="replace").splitlines() if log.is_file() else []
        begins = [number for number, line in enumerate(lines) if line.startswith("error:")]
        said = "\n".join(lines[begins[-1] :]).removeprefix("error:").strip() if begins else "it did not finish"
    first, *rest = str(said).splitlines()
    cure = rest[0].strip() if rest and rest[0].strip().startswith("cure:") else ""
    return f"{first}; {cure}" if cure else first
