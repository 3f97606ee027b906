"""List the metrics that can be asked for beside a task's own, or show the options of one.

They are named in the recipe: `--set 'evaluate.metrics=[roc_auc, {name: cohen_kappa, weights: quadratic}]'`; hyphens and
underscores are one. `--set evaluate.metric=roc_auc` lets one choose the best weights too.

Example:

    whet metrics
    whet metrics cohen-kappa
"""

from __future__ import annotations

from typing import Annotated

import typer

from whet.cli._options import Debug, Json, Plugin, load_plugins, new_app
from whet.cli._shelves import listed, options_of, shown
from whet.cli._show import document, say
from whet.measures.contract import KINDS, METRICS, name_of_key

app = new_app()


@app.command()
def metrics(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The metric to show.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    load_plugins(plugin)
    if name is None:
        listed(METRICS, as_json)
        return
    name = name_of_key(name)
    found = METRICS[name]
    if as_json:
        own = {"answers": list(found.answers), "lower_is_better": found.lower_is_better}
        document({**options_of(METRICS, name, "evaluate.metrics"), **own})
        return
    shown(METRICS, name, "evaluate.metrics")
    direction = "lower" if found.lower_is_better else "higher"
    say(f"\nfor {' or '.join(KINDS[kind] for kind in found.answers)}; {direction} is better")
