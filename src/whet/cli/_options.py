"""The options that several verbs share, each with its one sentence.

Names are completed from the shelves without importing an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.core.shelf import load_plugin
from whet.strategies.contract import STRATEGIES
from whet.tasks.contract import TASKS


def new_app(**options: Any) -> typer.Typer:
    """An empty command for a verb's file; its help is the file's docstring."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, **options)


def _tasks(incomplete: str) -> list[str]:
    return [name for name in TASKS if name.startswith(incomplete)]


def _strategies(incomplete: str) -> list[str]:
    return [name for name in STRATEGIES if name.startswith(incomplete)]


def _debug(ctx: typer.Context, wanted: bool) -> bool:
    if ctx.obj is not None and wanted:
        ctx.obj.debug = True
    return wanted


def _json(ctx: typer.Context, wanted: bool) -> bool:
    """Also true where the flag stands before a subcommand: ``whet runs --json show RUN``."""
    if ctx.obj is None:
        return wanted
    ctx.obj.as_json = ctx.obj.as_json or wanted
    return bool(ctx.obj.as_json)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.", callback=_json)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the trace of an error.", is_eager=True, callback=_debug)]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A file (csv, tsv, json lines), a folder with train, validation, test files, or a recipe.yaml.",
        show_default=False,
    ),
]
ModelPath = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A bundle, a run's directory or a transformers directory."),
]
Task = Annotated[
    str | None,
    typer.Option(
        "--task", metavar="NAME", help="What to learn (see `whet tasks`); seen from the data where left out.",
        autocompletion=_tasks,
    ),
]  # fmt: skip
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="A directory, a run, or a name on the hub; default: MiniLM."),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy", metavar="NAME", help="Which weights move (see `whet strategies`); default: full.",
        autocompletion=_strategies,
    ),
]  # fmt: skip
Out = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="DIR", help="The run's directory; default: runs/ and a telling name."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of the recipe: train.epochs=2. May be repeated."),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="The seed of every draw; default: 0.")]
Budget = Annotated[
    str | None, typer.Option("--budget", metavar="TIME", help="How long training may take: 10m, 2h, 90s.")
]
Pool = Annotated[
    str | None,
    typer.Option("--pool", metavar="FILE", help="Rows without labels: rank those that are most worth labelling."),
]
Plugin = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE", help="A Python file with tasks, strategies or metrics. May be repeated."),
]
Retain = Annotated[
    str | None,
    typer.Option("--retain", metavar="FILE", help="Labelled rows of an earlier task: see how much of it is forgotten."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an earlier run where its directory is not empty.")
]
Force = Annotated[bool, typer.Option("--force", help="Go on although data, versions or machine differ.")]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run's directory, or its name under runs/.")]


def load_plugins(paths: Sequence[str] | None) -> None:
    """Put the entries of users' files on the shelves, for the verbs whose call takes no plugins."""
    for path in paths or ():
        load_plugin(Path(path))


def run_at(name: str) -> str:
    """The directory that a run's name means: the path itself, or ``runs/NAME``."""
    beside = Path("runs") / name
    return str(beside) if not Path(name).exists() and beside.is_dir() else name
