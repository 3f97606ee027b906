"""List the strategies of fine-tuning, or show the options of one.

An option is set by its key: `--set strategy.rank=16`.

Example:

    whet strategies
    whet strategies full
"""

from __future__ import annotations

from typing import Annotated

import typer

from whet.cli._options import Debug, Json, Plugin, load_plugins, new_app
from whet.cli._shelves import listed, options_of, shown
from whet.cli._show import document, say
from whet.strategies.contract import STRATEGIES, WIDTH

app = new_app()


@app.command()
def strategies(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The strategy to show.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    load_plugins(plugin)
    if name is None:
        listed(STRATEGIES, as_json)
        return
    found = STRATEGIES[name]
    own = {"learning_rate": found.learning_rate, "by_width": found.by_width, "schedule": found.schedule}
    if as_json:
        document({**options_of(STRATEGIES, name, "strategy"), **own})
        return
    shown(STRATEGIES, name, "strategy")
    scaled = f" x {WIDTH} / the model's width" if found.by_width else ""
    say(f"\nlearning rate {found.learning_rate:g}{scaled} and schedule {found.schedule}, where the recipe names none")
