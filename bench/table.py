"""``python -m bench.table``: write the table of docs/benchmarks.md anew from the newest run of every row.

What was tried on few rows is not shown, and a row of which no run exists says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.processes import ROOT

RESULTS, PAGE = ROOT / "bench" / "results", ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- table -->", "<!-- /table -->"
HEAD = ("what", "target", "measured", "least to most", "pairs", "verdict", "run")
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


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a line a row."""
    if not rows:
        return NONE
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for row in rows:
        bound = "at most" if row["at_most"] else "at least"
        spread = f"{_said(row['least'], row)} to {_said(row['most'], row)}"
        cells = (
            row["told"],
            f"{bound} {_said(row['target'], row)}",
            _said(row["median"], row),
            spread,
            str(len(row["values"])),
            verdict(row).replace("|", "/"),
            row["run"],
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _said(value: float, row: Mapping[str, Any]) -> str:
    return f"{value:.2f}{UNITS[row['unit']]}"


def written(page: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The page with its table anew. Raises ValueError where the two marks do not stand once each, in order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page needs {BEGIN} and then {END}, once each")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"


def main(results: Path = RESULTS, page: Path = PAGE) -> None:
    runs = [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]
    found = newest(run for run in runs if isinstance(run, Mapping))
    page.write_text(written(page.read_text("utf-8"), found), "utf-8")


if __name__ == "__main__":
    main()
