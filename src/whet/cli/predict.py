"""Answer the rows of a file, of standard input (-), or one text.

One JSON object a row, in the order of the input, on standard output or in FILE; a single text on a terminal
gets readable text. Works through any number of rows in the same memory. In csv and tsv the probabilities are
one cell of JSON; tsv knows no quotes, so tabs and line breaks inside a cell become spaces.

Example:

    whet predict runs/demo 'Good coffee, slow service.'
    whet predict runs/demo 'Good coffee, slow service.' --explain
    whet predict runs/demo examples/reviews-en/test.csv -o answers.csv --top 2
    cat reviews.txt | whet predict runs/demo -
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

import whet
from whet.cli import _options as options
from whet.cli._explained import told
from whet.cli._progress import Lines as Plain
from whet.cli._progress import telling
from whet.cli._rows import Row, writer_for
from whet.cli._show import document, line_of, note, say, width
from whet.core.errors import DataError, UsageError
from whet.core.events import Answered, Tell
from whet.prepare.readers.contract import READERS

app = options.new_app()

Input = Annotated[str, typer.Argument(metavar="INPUT", help="A file, - for standard input, or the text itself.")]
File = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="FILE", help="Write into FILE: .jsonl, .csv or .tsv."),
]
Column = Annotated[
    str | None,
    typer.Option("--column", metavar="NAME", help="The column with the text, where it is not found by its name."),
]
Top = Annotated[
    int | None, typer.Option("--top", metavar="K", min=1, help="Keep the K most probable labels of each row.")
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Say what each answer rests on: words by weight, and the nearest training rows."),
]
Lines = Annotated[
    bool,
    typer.Option("--json", help="JSON lines on a terminal too; with -o, one document about the file."),
]

_BEAT = 100
"""Rows between two signs of life; the display itself decides how often it draws."""


@app.command()
def predict(
    model: options.ModelPath,
    source: Input,
    out: File = None,
    column: Column = None,
    top: Top = None,
    explain: Explain = False,
    plugin: options.Plugin = None,
    as_json: Lines = False,
    debug: options.Debug = False,
) -> None:
    given = _given(source)
    write = None if out is None else writer_for(Path(out))
    if out is not None and isinstance(given, Path) and Path(out).resolve() == given.resolve():
        raise UsageError("the answers would replace their own input", out, "give another file with -o")
    options.load_plugins(plugin)
    predictor = whet.load(options.run_at(model), tell=Plain())
    wanted = {"explained": True} if explain else {}
    if out is not None and write is not None:
        with telling() as tell:
            rows = predictor.stream(given, column=column, top=top, tell=tell, **wanted)
            count = write(_counted(rows, Path(source).name, tell))
        if as_json:
            document({"rows": count, "file": out})
        else:
            note(f"wrote {count:,} answers to {out}")
        return
    spell = readable if isinstance(given, list) and _on_terminal() and not as_json else line_of
    for row in predictor.stream(given, column=column, top=top, tell=Plain(), **wanted):
        say(spell(row))


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _given(source: str) -> Path | TextIO | list[str]:
    """What INPUT means. Raises DataError for a path with nothing there, lest it be answered as a text."""
    if source == "-":
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict")
        return sys.stdin
    try:
        found = Path(source).exists()
    except (OSError, ValueError):  # too long for a path, or with a null in it: a text
        found = False
    if found:
        return Path(source)
    endings = (".gz", *(ending for entry in READERS for ending in READERS[entry].endings))
    if source.lower().endswith(endings) and not any(mark.isspace() for mark in source.strip()):
        raise DataError("there is no such file", source, "check the path; a text of one's own may not look like one")
    if not source.strip():
        raise DataError("the text is empty", "INPUT", "give a text, a file, or - for standard input")
    return [source]


def _counted(rows: Iterable[Row], name: str, tell: Tell) -> Iterator[Row]:
    for count, row in enumerate(rows, 1):
        yield row
        if count % _BEAT == 0:
            tell(Answered(name, count))


def readable(row: Row) -> str:
    """One answer for the eye: the answer, and the probabilities as bars."""
    answer = row.get("prediction")
    lines = [answer if isinstance(answer, str) else line_of({"prediction": answer})]
    probabilities = row.get("probabilities")
    if isinstance(probabilities, dict) and probabilities:
        wide = max(width(label) for label in probabilities)
        for label, share in sorted(probabilities.items(), key=lambda pair: -pair[1]):
            bar = "█" * round(share * 24)
            lines.append(f"  {label}{' ' * (wide - width(label))}  {share:6.3f}  {bar}".rstrip())
    if isinstance(row.get("explanation"), dict):
        lines += told(row["explanation"])
    return "\n".join(lines)
