"""List the tasks, or show one: what a row holds, and the options.

An option is set by its key: `--set task.label_smoothing=0.1`.

Example:

    whet tasks
    whet tasks text-classification
"""

from __future__ import annotations

from typing import Annotated

import typer

from whet.cli._options import Debug, Json, Plugin, load_plugins, new_app
from whet.cli._shelves import listed, options_of, shown
from whet.cli._show import document, say, table
from whet.tasks.contract import TASKS

app = new_app()


@app.command()
def tasks(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The task to show.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    load_plugins(plugin)
    if name is None:
        listed(TASKS, as_json)
        return
    columns = TASKS[name].columns
    if as_json:
        facts = [
            {"role": c.role, "names": list(c.aliases), "required": c.required, "target": c.target} for c in columns
        ]
        document({**options_of(TASKS, name, "task"), "columns": facts})
        return
    shown(TASKS, name, "task")
    rows = [(c.role, _need(c.required, c.target), ", ".join(c.aliases)) for c in columns]
    say("\n" + table(("column", "", "found under the names"), rows))


def _need(required: bool, target: bool) -> str:
    return ("to be learnt" if target else "read") + ("" if required else ", may be missing")
