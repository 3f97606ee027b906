"""Train a model on your data, measure it, and write the report.

DATA is a file, a folder with train, validation and test files, a data set on the hub (hf:NAME), or a
recipe.yaml. What is not said is read off the data or has a default; all else is a key of the
recipe and goes with --set.

Example:

    whet run examples/reviews-en
    whet run examples/reviews-en --strategy lora --set train.epochs=2 --seed 1
"""

from __future__ import annotations

import whet
from whet.cli import _options as options
from whet.cli._outcome import code_of, told
from whet.cli._progress import telling

app = options.new_app()


@app.command()
def run(
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
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    with telling() as tell:
        found = whet.run(
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
            tell=tell,
        )
    told(found, as_json)
    return code_of(found)
