"""List the strategies of fine-tuning, or show the options of one.

An option is set by its key: `--set strategy.rank=16`.

Example:

    whet strategies
    whet strategies full
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whet.cli._options import Debug, Json, Plugin, load_plugins, new_app
from whet.cli._shelves import told
from whet.strategies.contract import STRATEGIES, WIDTH, Strategy

app = new_app()


@app.command()
def strategies(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The strategy to show.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    load_plugins(plugin)
    told(STRATEGIES, name, "strategy", as_json, _more)


def _more(strategy: type[Strategy]) -> tuple[dict[str, Any], str]:
    rate, schedule, by_width = strategy.learning_rate, strategy.schedule, strategy.by_width
    scaled = f" x {WIDTH} / the model's width" if by_width else ""
    words = f"learning rate {rate:g}{scaled} and schedule {schedule}, where the recipe names none"
    return {"learning_rate": rate, "by_width": by_width, "schedule": schedule}, words
