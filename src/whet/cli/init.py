"""Write a recipe with every key, its default and the reason for it, to be edited and run.

Example:

    whet init
    whet init my-recipe.yaml
    whet init --schema
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whet.cli._options import Debug, Json, new_app
from whet.cli._show import document, note
from whet.core.errors import UsageError
from whet.core.rundir import write_text
from whet.recipe_forms import json_schema, template

app = new_app()


@app.command()
def init(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write the recipe.")] = "recipe.yaml",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the recipe's JSON schema, for editors, and write nothing.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    if schema:
        document(json_schema())
        return
    path = Path(file)
    if path.exists():
        raise UsageError("it exists already and is not overwritten", file, "name another: whet init other.yaml")
    write_text(path, template())
    if as_json:
        document({"recipe": str(path)})
    else:
        note(f"wrote {path}; fill in data.train, then: whet run {path}")
