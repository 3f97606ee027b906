"""``python -m bench.table``: write the tables of docs/benchmarks.md anew from the newest run of every row.

What was tried on few rows is not shown, and a row of which no run exists says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.processes import ROOT

RESULTS, PAGE = ROOT / "bench" / "results", ROOT / "docs" / "benchmarks.md"
MARKS = {name: (f"<!-- {name} -->", f"<!-- /{name} -->") for name in ("table", "kernels")}
HEAD = ("what", "target", "measured", "least to most", "pairs", "verdict", "run")
KERNELS = ("kernel, forward and backward", "times as fast as plain torch", "least to most", "takes", "run")
UNITS = {"x": " x", "s": " s", "share": ""}
NONE = "No run is kept yet: `make bench` makes one."


def rows_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one JSON, each with the run's day and commit; older benches have none."""
    said = f"{found.get('began', '')[:10]} {str(found.get('commit', ''))[:7]}".strip()
    benches = [one for one in found.values() if isinstance(one, Mapping) and "rows" in one]
    rows = [row for bench in benches for row in (bench["rows"] if isinstance(bench["rows"], list) else [])]
    return [{**row, "run": said} for row in rows]


def newest(runs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every row once, from the newest run that has it, in the order in which the rows were first seen."""
    found: dict[str, dict[str, Any]] = {}
    for run in sorted((run for run in runs if not run.get("few")), key=lambda run: str(run.get("began", ""))):
        for row in rows_of(run):
            found[row["name"]] = row
    return list(found.values())


def verdict(row: Mapping[str, Any]) -> str:
    """INVALID with the reasons before anything else; else whether the median reaches the target."""
    if row["faults"]:
        return f"INVALID: {'; '.join(row['faults'])}"
    reached = row["median"] <= row["target"] if row["at_most"] else row["median"] >= row["target"]
    said = "PASS" if reached else "below target"
    return f"{said} ({'; '.join(row['notes'])})" if row["notes"] else said


def blocks(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The tables by the names of their marks: kernels stand apart."""
    apart = [row for row in rows if row["name"].startswith("kernels/")]
    others = [row for row in rows if row not in apart]
    return {"table": table(HEAD, map(_cells, others)), "kernels": table(KERNELS, map(_kernel_cells, apart))}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, a line a row."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines) if len(lines) > 2 else NONE


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    bound = "at most" if row["at_most"] else "at least"
    said = verdict(row).replace("|", "/")
    target, pairs = f"{bound} {_said(row['target'], row)}", str(len(row["values"]))
    return row["told"], target, _said(row["median"], row), _spread(row), pairs, said, row["run"]


def _kernel_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["told"], _said(row["median"], row), _spread(row), row["notes"][0], row["run"]


def _spread(row: Mapping[str, Any]) -> str:
    return f"{_said(row['least'], row)} to {_said(row['most'], row)}"


def _said(value: float, row: Mapping[str, Any]) -> str:
    return f"{value:.2f}{UNITS[row['unit']]}"


def written(page: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The page with its tables anew. Raises ValueError where two marks do not stand once each, in order."""
    for name, block in blocks(rows).items():
        begin, end = MARKS[name]
        if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
            raise ValueError(f"the page needs {begin} and then {end}, once each")
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{block}\n{end}{rest.split(end)[1]}"
    return page


def main(results: Path = RESULTS, page: Path = PAGE) -> None:
    runs = [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]
    found = newest(run for run in runs if isinstance(run, Mapping))
    page.write_text(written(page.read_text("utf-8"), found), "utf-8")


if __name__ == "__main__":
    main()
