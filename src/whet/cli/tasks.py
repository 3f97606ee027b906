"""List the tasks, or show one: what a row holds, and the options.

An option is set by its key: `--set task.label_smoothing=0.1`.

Example:

    whet tasks
    whet tasks text-classification
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whet.cli._options import Debug, Json, Plugin, load_plugins, new_app
from whet.cli._shelves import told
from whet.cli._show import table
from whet.tasks.contract import TASKS, Task

app = new_app()


@app.command()
def tasks(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The task to show.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    load_plugins(plugin)
    told(TASKS, name, "task", as_json, _more)


def _more(task: type[Task]) -> tuple[dict[str, Any], str]:
    columns = task.columns
    facts = [{"role": c.role, "names": list(c.aliases), "required": c.required, "target": c.target} for c in columns]
    rows = [(c.role, _need(c.required, c.target), ", ".join(c.aliases)) for c in columns]
    return {"columns": facts}, table(("column", "", "found under the names"), rows)


def _need(required: bool, target: bool) -> str:
    return ("to be learnt" if target else "read") + ("" if required else ", may be missing")
