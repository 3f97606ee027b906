"""List the metrics that can be asked for beside a task's own, or show the options of one.

They are named in the recipe: `--set 'evaluate.metrics=[roc_auc, {name: cohen_kappa, weights: quadratic}]'`; hyphens and
underscores are one. `--set evaluate.metric=roc_auc` lets one choose the best weights too.

Example:

    whet metrics
    whet metrics cohen-kappa
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whet.cli._options import Debug, Json, Plugin, load_plugins, new_app
from whet.cli._shelves import told
from whet.measures.contract import KINDS, METRICS, Metric, name_of_key

app = new_app()


@app.command()
def metrics(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The metric to show.")] = None,
    plugin: Plugin = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    load_plugins(plugin)
    told(METRICS, None if name is None else name_of_key(name), "evaluate.metrics", as_json, _more)


def _more(metric: type[Metric]) -> tuple[dict[str, Any], str]:
    direction = "lower" if metric.lower_is_better else "higher"
    words = f"for {' or '.join(KINDS[kind] for kind in metric.answers)}; {direction} is better"
    return {"answers": list(metric.answers), "lower_is_better": metric.lower_is_better}, words
