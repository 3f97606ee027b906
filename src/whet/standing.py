"""How a run stands: its status whatever happens, what it began with, and whether it may be gone on with."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import torch

from whet.core import rundir
from whet.core.errors import (
    DataError,
    Fault,
    Interrupted,
    Preempted,
    ResourceError,
    TrainingError,
    UsageError,
    of_the_disk,
)
from whet.core.rundir import RunDir
from whet.forecast import Forecast
from whet.leg import Leg
from whet.prepare.corpus import Corpus
from whet.prepare.readers.contract import files_of, look
from whet.prepare.tables import digest_of
from whet.recipe import Recipe
from whet.train.diverged import Diverged
from whet.train.state import Progress, newest

PACKAGES = ("whet", "torch", "transformers", "peft", "tokenizers", "safetensors", "numpy", "scikit-learn")
ANEW = "go on all the same by --force: the last bits may differ"
MOST_ROWS = 12
"""Row numbers in a sentence; more stand in a file."""


@contextmanager
def opened(out: RunDir, recipe: Recipe, corpora: Sequence[Corpus], done: Progress | None) -> Iterator[None]:
    """The run's directory while it is under way: its status is true whatever happens inside."""
    with under_way(out):
        out.recover()
        out.mark("running", files=[one.files for one in corpora], beside=beside(recipe), began=_surroundings())
        write_recipe(out, recipe)
        _cut_log(out, done or Progress())
        yield


@contextmanager
def under_way(out: RunDir) -> Iterator[None]:
    """A directory that is being filled: ``running`` inside, and afterwards what became of it unless all went well.

    A full or broken disk becomes a ResourceError, whichever library met it. Where even the status cannot be written
    any more the first error is the one that is told; a resume takes ``running`` for what it was.
    """
    try:
        out.mark("running", error=None, diverged=None)
        yield
    except (Interrupted, Preempted, KeyboardInterrupt):
        _mark_the_end(out, "interrupted")
        raise
    except BaseException as error:
        told = of_the_disk(error) or error
        _mark_the_end(out, "failed", error=str(told))
        if told is error:
            raise
        raise told from error


@contextmanager
def interruptible(out: RunDir) -> Iterator[None]:
    """What comes before a run is under way again: stopped, the run is an interrupted one; refused, what it was."""
    try:
        yield
    except (Interrupted, Preempted, KeyboardInterrupt):
        _mark_the_end(out, "interrupted")
        raise


def beside(recipe: Recipe) -> dict[str, str | None]:
    """The SHA-256 of the files that are asked after training and not learnt from: a pool, an earlier task's rows."""
    asked = recipe.stages[-1].evaluate
    return {name: _digest(Path(name)) for name in (asked.pool, asked.retain) if name}


def write_recipe(out: RunDir, recipe: Recipe) -> None:
    """``recipe.yaml``: as fully resolved as is known by now.

    Its hash is noted in ``state.json`` beforehand, beside that of the file which it replaces: after a kill between the
    two writes a resume knows either.
    """
    text = recipe.as_yaml()
    known = [hashlib.sha256(text.encode()).hexdigest()]
    known += [rundir.digest(out.recipe)] if out.recipe.is_file() else []
    out.mark(out.status() or "running", recipe=known)
    rundir.write_text(out.recipe, text)


def note_machine(out: RunDir, recipe: Recipe) -> None:
    """What the machine chose for each stage, or was told; None where a stage has not come to it yet."""
    names = ("device", "precision", "threads", "tokens_per_batch", "kernels", "cache_trunk")
    out.mark("running", machine=[{name: getattr(one.train, name) for name in names} for one in recipe.stages])


def refuse_changes(out: RunDir) -> None:
    """Raises UsageError with everything that is no longer what it was when the run began, before anything is read."""
    state, faults = rundir.read_json(out.state), []
    if out.status() != "planned" and rundir.digest(out.recipe) not in state.get("recipe", [rundir.digest(out.recipe)]):
        faults.append(Fault("it was edited since the run began", str(out.recipe), f"restore it, or {ANEW}"))
    files = [*state.get("files", []), state.get("beside", {})]
    for name, known in sorted({name: one for part in files for name, one in part.items()}.items()):
        path = Path(name)
        if not name.startswith("hf:") and _digest(path) != known:
            what = "has changed" if path.exists() else "is gone"
            faults.append(Fault(f"the data {what} since the run began", name, f"restore it, or {ANEW}"))
    now = _surroundings()
    for name, known in state.get("began", {}).items():
        if now.get(name) != known:
            what = f"{name} is {now.get(name)}, and was {known} when the run began"
            faults.append(Fault(what, str(out.root), f"go back to it, or {ANEW}"))
    if faults:
        raise UsageError(faults)


def refuse_other_data(out: RunDir, corpora: Sequence[Corpus]) -> None:
    """Raises UsageError where what was read is not that with which the run began; a hub's data is known only then."""
    before = rundir.read_json(out.state).get("files", [corpus.files for corpus in corpora])
    if before != [corpus.files for corpus in corpora]:
        what = "the data has changed since the run began"
        raise UsageError(what, str(out.root), f"restore it, or {ANEW}")


def refuse_small_disk(out: RunDir, forecasts: Sequence[Forecast], models_beside: int) -> None:
    """Raises ResourceError where the checkpoints and the models will not fit on the disk, before any training.

    ``models_beside`` are further ones that stand there until the end: those of folds, and of a learning curve's points.
    """
    needed = sum(one.disk_bytes + models_beside * one.bundle_bytes for one in forecasts)
    there = (out.checkpoints, out.model, out.root / "stages", out.root / "curve")
    own = (path for place in there for path in place.rglob("*.safetensors"))
    needed -= sum(path.stat().st_size for path in own)
    free = shutil.disk_usage(out.root).free
    if free < needed:
        kept = "train.keep_checkpoints=1 needs the least"
        raise ResourceError(
            f"the run needs about {needed / 1e6:,.1f} MB of disk, and {free / 1e6:,.1f} MB are free",
            str(out.root),
            f"free some space, or choose another place with --out ({kept})",
        )


def told_by_rows(out: RunDir, leg: Leg, error: Diverged) -> TrainingError:
    """The same error with the rows of the step, as their file counts them; all of them stand in ``state.json``."""
    examples = leg.splits["train"].examples
    rows, suspects = ([examples[place].row for place in places] for places in (error.examples, error.suspects))
    facts = {"stage": leg.number, "step": error.step, "loss": error.loss, "grad_norm": error.norm}
    out.mark("running", diverged={**facts, "rows": rows, "suspects": suspects})
    fault, file = error.faults[0], leg.stage.data.train
    named = suspects if 0 < len(suspects) < len(rows) else rows
    listed = ", ".join(map(str, named[:MOST_ROWS])) + (", ..." if len(named) > MOST_ROWS else "")
    where = f"{fault.where}, {'row' if len(named) == 1 else 'rows'} {listed} of {file}"
    cure = f"look at these rows (all stand in {out.state}), {fault.cure}"
    return TrainingError(fault.what, where, cure)


def _digest(path: Path) -> str | None:
    """The SHA-256 of a source of rows, which may be several files; None where it cannot be read."""
    try:
        return digest_of(files_of(path, look(path).entry))
    except (OSError, DataError):
        return None


def _surroundings() -> dict[str, str]:
    """What the bits of a run depend on beside its recipe and its rows, by name."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    gpu = {"the GPU": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {**packages, "the processor's kind": torch.backends.cpu.get_cpu_capability(), **gpu}


def _mark_the_end(out: RunDir, status: Literal["interrupted", "failed"], **facts: Any) -> None:
    """Write down how a run ended and where it would go on: at its newest checkpoint."""
    with suppress(OSError, ValueError):
        place = next(newest(out.checkpoints), None)
        kept = rundir.read_json(place / "progress.json") if place else {}
        stands = {name: kept[name] for name in ("stage", "epoch", "step") if name in kept}
        out.mark(status, **facts, **stands)


def _cut_log(out: RunDir, done: Progress) -> None:
    """Forget the lines behind the checkpoint from which the run goes on: they will be written again."""
    if out.log.is_file():
        place = (done.stage, done.step)
        rundir.write_lines(out.log, (row for row in rundir.read_lines(out.log) if (row["stage"], row["step"]) <= place))
