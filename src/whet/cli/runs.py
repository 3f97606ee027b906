"""Look at the runs under runs/: list them, show one, compare two, remove some.

Reads the files of the runs and loads no model.

Example:

    whet runs
    whet runs show runs/demo
    whet runs diff runs/demo runs/demo-2
    whet runs rm runs/demo-2 --yes
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.cli._metrics import in_full, in_short, main_metric, value_of
from whet.cli._options import Debug, Json, RunPath, new_app, run_at
from whet.cli._show import document, figure, note, say, table
from whet.cli._verbs import Verbs
from whet.core import yamlfile
from whet.core.errors import Fault, UsageError, nearest
from whet.core.rundir import COMPARISON, RunDir, read_json

app = new_app(cls=Verbs, invoke_without_command=True)

Under = Annotated[str, typer.Option("--under", metavar="DIR", help="Where the runs are.")]


@app.callback()
def runs(ctx: typer.Context, as_json: Json = False, debug: Debug = False) -> None:
    if ctx.invoked_subcommand is None:
        list_runs(as_json=as_json)


@app.command("list")
def list_runs(under: Under = "runs", as_json: Json = False, debug: Debug = False) -> None:
    """List the runs, the newest last."""
    found = [_facts(run) for run in _runs(Path(under))]
    if as_json:
        document([{key: value for key, value in one.items() if key != "metrics"} for one in found])
        return
    if compared := sorted(str(place.parent) for place in Path("comparisons").glob(f"*/{COMPARISON}")):
        note(f"comparisons (whet compare), each with its own runs: {', '.join(compared)}")
    if not found:
        note(f"no runs under {under}/ yet; `whet run DATA` makes one")
        return
    rows = [
        (
            one["run"],
            one["status"],
            one.get("strategy") or "-",
            f"{one['metric']} {figure(one['value'])}" if one.get("metric") else "-",
        )
        for one in found
    ]
    say(table(("run", "status", "strategy", "test"), rows))


@app.command()
def show(run: RunPath, as_json: Json = False, debug: Debug = False) -> None:
    """Show one run: where it stands, and every metric."""
    place = _known(run)
    facts = _facts(place)
    if as_json:
        document(facts)
        return
    say(f"{facts['run']}: {facts['status']}")
    metrics = facts.get("metrics")
    if metrics:
        named = (metrics.get("task"), metrics.get("strategy"), metrics.get("model"))
        say(", ".join(str(part) for part in named if part) + "\n")
        say(in_full(metrics))
        spent = in_short({**metrics, "test": {}, "metric": None})
        say(f"\n{spent}" if spent else "")
        if forgotten := _forgotten(place):
            say(f"kept and forgotten: {forgotten}")
        say(f"report: {place.report}")
    elif facts["status"] in ("interrupted", "running"):
        say(f"stands at step {facts['state'].get('step', 0)}; go on with: whet resume {place.root}")


@app.command()
def diff(
    run: RunPath,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The run to compare with.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what differs between two runs: keys of the recipe, and metrics."""
    pair = (_known(run), _known(other))
    recipes = [_flat(yamlfile.read(one.recipe.read_text("utf-8"), str(one.recipe))) for one in pair]
    facts = [_facts(one) for one in pair]
    keys = _different(recipes[0], recipes[1])
    metrics = [_tested(one.get("metrics") or {}) for one in facts]
    scores = _different(metrics[0], metrics[1])
    if as_json:
        document({"runs": [one["run"] for one in facts], "recipe": keys, "test": scores})
        return
    head = ("", facts[0]["run"], facts[1]["run"])
    if keys:
        say(table(("recipe", *head[1:]), [(key, *map(_written, two)) for key, two in keys.items()]))
    else:
        say("The recipes are equal.")
    if scores:
        say("\n" + table(("test", *head[1:]), [(key, *map(figure, two)) for key, two in scores.items()]))


@app.command()
def rm(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs to remove.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what says that it is still running.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove runs with all that is in them."""
    places = [_known(name) for name in runs]
    busy = [place for place in places if place.status() == "running"]
    if busy and not force:
        cure = "stop it first; add --force where no process works on it any more"
        raise UsageError([Fault("it says that it is still running", str(place.root), cure) for place in busy])
    listed = ", ".join(str(place.root) for place in places)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody can be asked without a terminal", listed, "add --yes")
        typer.confirm(f"Remove {listed}?", abort=True, err=True)
    for place in places:
        shutil.rmtree(place.root)
    if as_json:
        document({"removed": [str(place.root) for place in places]})
    else:
        note(f"removed {listed}")


def _runs(under: Path) -> list[RunDir]:
    found = [path.parent for path in under.glob("*/state.json")] if under.is_dir() else []
    return [RunDir(root) for root in sorted(found, key=lambda root: (root / "state.json").stat().st_mtime)]


def _known(name: str) -> RunDir:
    place = RunDir(Path(run_at(name)))
    if place.root.is_symlink() or not place.state.is_file():
        cure = nearest(Path(name).name, [one.root.name for one in _runs(Path("runs"))])
        raise UsageError("this is not a run's directory (it has no state.json)", name, cure)
    return place


def _facts(place: RunDir) -> dict[str, Any]:
    """What is known of a run; a damaged file counts as missing."""
    state, metrics = _read(place.state), _read(place.metrics)
    facts: dict[str, Any] = {"run": str(place.root), "status": state.get("status", "damaged"), "state": state}
    if metrics:
        metric = main_metric(metrics)
        facts.update(
            task=metrics.get("task"),
            strategy=metrics.get("strategy"),
            metric=metric,
            value=value_of(metrics.get("test"), metric),
            metrics=metrics,
        )
    return facts


def _read(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _forgotten(place: RunDir) -> str:
    """The run's sentence about what was forgotten; nothing where it has none."""
    try:
        found = read_json(place.findings)
    except (OSError, ValueError):
        return ""
    return next((str(one["text"]) for one in found if one.get("kind") == "retention"), "")


def _tested(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value_of(metrics.get("test"), name) for name in metrics.get("test") or {}}


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """A recipe's values by their dotted keys."""
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {key: value}
    return {
        place: found for name, part in value.items() for place, found in _flat(part, f"{key}.{name}".strip(".")).items()
    }


def _different(one: dict[str, Any], other: dict[str, Any]) -> dict[str, list[Any]]:
    keys = [*one, *(key for key in other if key not in one)]
    return {key: [one.get(key), other.get(key)] for key in keys if one.get(key) != other.get(key)}


def _written(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
