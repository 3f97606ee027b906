"""Write docs/reference and the recipe's JSON schema from the code; ``--check`` only says whether they are current."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args, get_type_hints

from whet.cli import _verbs
from whet.core import errors
from whet.core.fields import fields_of
from whet.core.rundir import RunDir
from whet.core.shelf import Shelf
from whet.measures.contract import METRICS
from whet.recipe import ENTRIES, SECTIONS
from whet.recipe_forms import json_schema
from whet.tasks.contract import Finding

KINDS = get_args(get_type_hints(Finding)["kind"])
DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Made by tools/reference.py from the code; change the docstrings, then run `make reference`. -->\n\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def options(of: type) -> str:
    """The fields of a section or an entry."""
    rows = [(f"`{field.name}`", field.choices, f"`{shown(field.default)}`", field.sentence) for field in fields_of(of)]
    return table(("option", "what it takes", "default", "what it is"), rows) if rows else "No options."


def shown(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def paragraphs(docstring: str | None) -> str:
    lines = (docstring or "").strip().split("\n")
    return "\n".join(line.strip() for line in lines)


def recipe() -> str:
    parts = ["# The recipe", "Central fields; an entry's own options stand beside its name (see tasks and strategies)."]
    parts.append(
        table(
            ("key", "what it is"),
            [
                ("`seed`", "Every draw is a function of this number; 0 by default."),
                ("`task.name`", f"One of {', '.join(ENTRIES['task'].names())}; null reads it off the data."),
                ("`strategy.name`", f"One of {', '.join(ENTRIES['strategy'].names())}; `full` by default."),
                ("`stages`", "A list of stages, each with these sections; sections outside are the defaults of all."),
                ("`plugins`", "Python files whose classes join the shelves, as with `--plugin`."),
            ],
        )
    )
    for section, of in SECTIONS.items():
        parts += [f"## `{section}`", paragraphs(of.__doc__), options(of)]
    return "\n\n".join(parts)


def shelf(title: str, of: Shelf[Any]) -> str:
    parts = [f"# {title}"]
    for name in of.names():
        parts += [f"## `{name}`", paragraphs(of[name].__doc__), options(of[name])]
    return "\n\n".join(parts)


def commands() -> str:
    return "\n\n".join(["# Commands", *(command(f"whet {name}", _verbs.command(name)) for name in _verbs.names())])


def command(call: str, one: Any) -> str:
    """A command's help and options, and below it those of the commands in it (``whet runs list``)."""
    words = (one.help or "").replace("\b\n", "").strip()
    rows = [(", ".join(f"`{name}`" for name in each.opts), getattr(each, "help", "") or "") for each in one.params]
    inner = [command(f"{call} {name}", below) for name, below in getattr(one, "commands", {}).items()]
    return "\n\n".join([f"## `{call}`", f"```text\n{words}\n```", table(("option", "what it is"), rows), *inner])


def exit_codes() -> str:
    known = [errors.WhetError, *errors.WhetError.__subclasses__()]
    rows = [(str(one.exit_code), f"`{one.__name__}`", paragraphs(one.__doc__).partition("\n")[0]) for one in known]
    done = [("0", "", "Done."), *sorted(rows, key=lambda row: int(row[0]))]
    return "# Exit codes and errors\n\n" + table(("code", "error in Python", "what it means"), done)


FILES = {
    "recipe": "the whole recipe, nothing left open; running it again gives the same weights on this machine",
    "plan": "what was predicted: `trainable_parameters` and `total_parameters` (the last stage's), "
    "`peak_memory_bytes` (the largest), `train_seconds` (the sum), `checkpoint_bytes` (the largest), "
    "`disk_bytes` (the sum: checkpoints that are kept, one more while it is saved, and the model, of one "
    "training), `measure_seconds` (answering validation and test rows) and `stages` with the same of each "
    "stage, its `steps`, its `tokens` and the `bundle_bytes` of its model (every fold and every point of a "
    "learning curve leaves one until the end), and of its peak the `fixed_bytes` beside batches, the `light_bytes` of "
    "a strategy that moves few weights, the `heaviest_tokens` at once; `whet plan` adds to each stage its `task`, its "
    "`strategy`, "
    "`rows` (an account of every split), the `machine`'s choices with their `reasons`, its `gflops` and its "
    "`bandwidth`, then `notes` and, with --show, `shown`",
    "state": "the `status` (planned, running, interrupted, failed, finished), stage, epoch, step, best score, the data"
    " `files` with their SHA-256 (those of a pool and of an earlier task are `beside`), what the run `began` "
    "with (versions, processor), what the `machine` chose for each stage, the hash of its `recipe`; `error` of a "
    "failed run, `diverged` with the rows "
    "of a step that was no number, `below_baseline` of a finished one",
    "log": "one object a step (`stage`, `step`, `epoch`, `loss`, `lr`, `grad_norm`, `examples`, `examples_per_second`, "
    "`tokens`, `seconds`, and `spike` where the loss is far above all before it), and one a look at the validation "
    "rows (`stage`, `step`, `epoch`, `validation_METRIC` for every metric, `best`)",
    "checkpoints": "states to go on from: safetensors and JSON with a SHA-256 manifest, published by rename",
    "check": "what the data check found: rows, classes, lengths and copies, labels that look alike, what splits share",
    "model": "the best weights as transformers or PEFT load them, a head that they have no class for in "
    "`head.safetensors`, the tokenizer, and whet.json",
    "fold": "the run that measures one fold of a cross-validation (`evaluate.folds`), without its weights",
    "point": "the training on N % of the rows for a learning curve (`evaluate.curve`), without its weights",
    "stage": "the model of a stage that is not the last (N counts from 0)",
    "predictions": "one answer a row of the split, in the order of the file",
    "metrics": "scores with intervals (after a cross-validation those of each fold too), how the `interval` was made, "
    "baseline, calibration, the `slices` that were asked, parameters, timing, memory, versions, data; `curve` "
    "(`share`, `rows`, `value`, `low`, `high`, `seconds`) where a learning curve was trained. `timing` of the steps "
    "alone, "
    "without looks and saves: `useful_tokens_per_second`, `padding` (share of the tokens computed that only fill up), "
    "`roof_share` (useful operations by what products alone reach here in the chosen type and threads: all else, also "
    "attention's softmax, data and the optimizer, counts as lost), `step_seconds` of `data`, `forward`, `backward` and "
    "`optimizer` (a GPU is not waited for: there backward pays for what forward has queued)",
    "findings": "what the report says, as data: `kind`, `text`, `rows` (`split`, `row`), `evidence`; at most 1,000 "
    "rows a finding, `row_count` then tells all; kinds: " + ", ".join(f"`{kind}`" for kind in KINDS),
    "pool": "the rows of `evaluate.pool` most worth labelling, in this order: `row`, `rank`, `score`, `doubt`, "
    "`why`, `copies` where it came several times, its columns and its answer",
    "relabel": "labels of held-out rows to look at, the most doubtful first (`split`, `row`, `given`, `suggested`, "
    "`confidence` and `margin`, or `z` of a number, `word` of a tagged one), each with its own columns; absent where "
    "there is none",
    "report": "the report, one self-contained file",
    "card": "the model card",
}
"""Each place of a run's directory, by its name in RunDir, in a sentence."""


def files() -> str:
    """The run's directory, by the names that RunDir gives its places."""
    run, rows = RunDir(Path()), []
    places = {name for name, value in vars(RunDir).items() if isinstance(value, property)} | {
        "fold",
        "point",
        "stage",
        "predictions",
    }
    if places != set(FILES):
        raise SystemExit(f"tools/reference.py does not describe: {', '.join(sorted(places ^ set(FILES)))}")
    calls = {"fold": "N", "point": "N", "stage": "N", "predictions": "SPLIT"}
    for name, sentence in FILES.items():
        path = getattr(run, name)
        path = path(calls[name]) if name in calls else path
        path = path.root if isinstance(path, RunDir) else path
        rows.append((f"`{path.as_posix()}`", sentence))
    note = (
        "A run's directory is `runs/<data>-<task>-<strategy>-<time>/`, or `--out`. `whet evaluate` writes the state, "
        "the check, the predictions, metrics, findings, labels to look at and the report under the same names "
        "into `evaluations/<data>/`, or `--out`."
    )
    return f"# Files of a run\n\n{note}\n\n" + table(("file", "what is in it"), rows)


def pages() -> dict[Path, str]:
    """Every generated file with its text."""
    made = {
        "recipe": recipe(),
        "tasks": shelf("Tasks", ENTRIES["task"]),
        "strategies": shelf("Strategies", ENTRIES["strategy"]),
        "metrics": shelf("Metrics", METRICS),
        "commands": commands(),
        "files": files(),
        "errors": exit_codes(),
    }
    found = {DOCS / "reference" / f"{name}.md": NOTE + text.strip() + "\n" for name, text in made.items()}
    found[DOCS / "recipe.schema.json"] = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return found


def stale(found: dict[Path, str]) -> list[Path]:
    """The files that are not what the code says."""
    return [path for path, text in found.items() if not path.is_file() or path.read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    found = pages()
    old = stale(found)
    if "--check" in arguments:
        for path in old:
            print(f"{path.relative_to(DOCS.parent)} is not current: run `make reference`", file=sys.stderr)
        return 1 if old else 0
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found[path], "utf-8")
        print(path.relative_to(DOCS.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
