"""Measure a model on other data, and write the report.

Example:

    whet evaluate runs/demo examples/reviews-en/test.csv
"""

from __future__ import annotations

from typing import Annotated

import typer

import whet
from whet.cli import _options as options
from whet.cli._outcome import told, warn
from whet.cli._progress import telling

app = options.new_app()

Rows = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A file, or a folder with a test file; the targets must be known."),
]
Where = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="DIR", help="Default: evaluations/ and the data's name, beside the model."),
]


@app.command()
def evaluate(
    model: options.ModelPath,
    data: Rows,
    out: Where = None,
    setting: options.Setting = None,
    plugin: options.Plugin = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    options.load_plugins(plugin)
    with telling() as tell:
        found = whet.evaluate(
            options.run_at(model), data, out=out, settings=setting or (), overwrite=overwrite, tell=tell
        )
    told(found, as_json)
    warn(found)
