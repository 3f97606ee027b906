"""Show what `whet run` would do, with the memory and time that it would take; nothing is trained.

Takes the same arguments as run. Writes a directory only where --out is given; run and resume go on from it.

Example:

    whet plan examples/reviews-en
    whet plan examples/reviews-en --strategy lora --show 3
"""

from __future__ import annotations

from typing import Annotated

import typer

import whet
from whet.cli import _options as options
from whet.cli._progress import telling
from whet.cli._show import document, say
from whet.core.events import silent

app = options.new_app()

Show = Annotated[
    int,
    typer.Option("--show", metavar="N", min=0, help="Show N rows token by token, with what is supervised."),
]


@app.command()
def plan(
    data: options.Data,
    task: options.Task = None,
    model: options.Model = None,
    strategy: options.Strategy = None,
    out: options.Out = None,
    setting: options.Setting = None,
    budget: options.Budget = None,
    pool: options.Pool = None,
    seed: options.Seed = None,
    plugin: options.Plugin = None,
    retain: options.Retain = None,
    overwrite: options.Overwrite = False,
    show: Show = 0,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    with telling() as tell:  # the plan's text holds its notes; beside JSON they go to standard error
        found = whet.plan(
            data,
            task=task,
            model=model,
            strategy=strategy,
            out=out,
            seed=seed,
            settings=setting or (),
            plugins=plugin or (),
            retain=retain,
            overwrite=overwrite,
            budget=budget,
            pool=pool,
            show=show,
            tell=tell if as_json else silent,
        )
    if as_json:
        document(found.as_json())
    else:
        say(str(found))
