"""Train several strategies on the same rows with the same seeds, and say which differ by more than luck.

Each cell (a strategy with a seed) is a run in a process of its own. Learning rates are chosen on the validation rows.
Interrupted, the same command with the same --out goes on where it was, as does `whet resume` on its directory.

Example:

    whet compare examples/reviews-en --strategies full,lora,head --seeds 5
    whet compare examples/reviews-en --strategies lora:rank=4,lora:rank=16 --seeds 3 --rates 1
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

import whet
from whet.cli import _options as options
from whet.cli._metrics import with_interval
from whet.cli._progress import telling
from whet.cli._show import document, duration, figure, note, say, size, table
from whet.core.errors import TrainingError
from whet.strategies.contract import STRATEGIES

app = options.new_app()


def _names(incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in STRATEGIES if name.startswith(last)]


Strategies = Annotated[
    str | None,
    typer.Option(
        "--strategies", metavar="A,B,...", autocompletion=_names,
        help="Which to compare, with options as NAME:rank=4:train.epochs=2; default: all.",
    ),
]  # fmt: skip
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How many seeds for each strategy.")]
Rates = Annotated[
    int,
    typer.Option("--rates", metavar="N", min=1, help="Learning rates tried for each strategy; 1 takes its own."),
]
Budget = Annotated[
    str | None,
    typer.Option("--budget", metavar="TIME", help="How long each cell may train (10m, 90s) instead of equal epochs."),
]
Out = Annotated[
    str | None, typer.Option("--out", "-o", metavar="DIR", help="Default: comparisons/ and the data's name and time.")
]


@app.command()
def compare(
    data: options.Data,
    strategies: Strategies = None,
    seeds: Seeds = 3,
    rates: Rates = 3,
    task: options.Task = None,
    model: options.Model = None,
    out: Out = None,
    setting: options.Setting = None,
    budget: Budget = None,
    seed: options.Seed = None,
    plugin: options.Plugin = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    with telling() as tell:
        found = whet.compare(
            data,
            strategies=strategies,
            seeds=seeds,
            rates=rates,
            task=task,
            model=model,
            out=out,
            seed=seed,
            settings=setting or (),
            plugins=plugin or (),
            overwrite=overwrite,
            budget=budget,
            tell=tell,
        )
    return told(found, as_json)


def told(comparison: Any, as_json: bool) -> int:
    """Print a comparison and return its exit code: that of a failed training where no cell has a score."""
    result = comparison.result
    if as_json:
        document({**result, "comparison": str(comparison.path)})
    else:
        columns = {
            "seconds": duration,
            "peak_bytes": size,
            "moved": lambda n: f"{n:,.0f}",
            "bundle_bytes": size,
            "retention": figure,
        }
        kept = [name for name in columns if any(name in line for line in result["summary"])]
        rows = [
            (line["strategy"], _score(line), *(columns[name](line[name]) if name in line else "-" for name in kept))
            for line in result["summary"]
        ]
        say(table(("strategy", result["metric"], *(_HEADS[name] for name in kept)), rows))
        say()
        say(str(comparison))
        say(f"report: {comparison.report}")
    if any("mean" in line for line in result["summary"]):
        return 0
    note("error: no cell has a score\n  cure: look at the reasons in comparison.json")
    return TrainingError.exit_code


_HEADS = {
    "seconds": "training",
    "peak_bytes": "memory",
    "moved": "moved",
    "bundle_bytes": "to ship",
    "retention": "kept",
}


def _score(line: dict[str, Any]) -> str:
    if "mean" not in line:
        return f"failed: {line['reason']}"
    return with_interval({"it": {"value": line["mean"], "low": line["low"], "high": line["high"]}}, "it")
