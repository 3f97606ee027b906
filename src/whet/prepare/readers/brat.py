"""brat's standoff files: a folder of texts (``NAME.txt``), each with its marks beside it (``NAME.ann``).

A document is a row: ``id`` (its name), ``tokens`` and ``tags``, ``text``, ``spans`` and ``relations`` (the R
lines, by the spans' ids). A span in several pieces is tagged from its first to its last, since BIO has no
gaps. Events, attributes, notes and equivalences are not read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers import _spans
from whet.prepare.readers.contract import Line, Look, Reader, Sample, text_in
from whet.prepare.readers.contract import look as seen

_SPAN = re.compile(r"(T\d+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")
_RELATION = re.compile(r"(R\d+)\t(\S+) \S+:(\S+) \S+:(\S+)\s*")
LEFT = {"E": "events", "A": "attributes", "M": "attributes", "N": "normalisations", "#": "notes", "*": "equivalences"}
LEFT |= {"W": "web references"}


class Brat(Reader):
    """brat's folders of texts and standoff marks."""

    endings = (".ann",)

    def sniff(self, head: str) -> float:
        return 0.0

    def files(self, path: Path) -> list[Path]:
        """The texts of a folder that have marks beside them, and these; of one file of marks, the two."""
        if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises at a name that is too long)
            marks = [found for found in sorted(path.glob("*.ann")) if found.with_suffix(".txt").is_file()]
        else:
            marks = [path] if path.suffix == ".ann" else []
        return [file for found in marks for file in (found.with_suffix(".txt"), found)] or [path]

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        cure = "give the folder in which the texts stand beside their marks, or NAME.ann"
        raise DataError("marks alone have no text", name, cure)

    def open(self, path: Path, look: Look, name: str) -> Iterator[Line]:
        marks = sorted(path.glob("*.ann")) if path.is_dir() else [path]
        for number, found in enumerate(marks, 1):
            yield from _document(found, number)

    def remarks(self, path: Path, look: Look, name: str) -> tuple[str, ...]:
        """Texts without marks beside them are no rows: a README, or a document that nobody has marked."""
        bare = [found.name for found in sorted(path.glob("*.txt")) if not found.with_suffix(".ann").exists()]
        more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
        return (f"{name}: without marks and not read: {', '.join(bare[:5])}{more}",) if bare else ()

    @classmethod
    def sample(cls) -> Sample:
        marks = "T1\tPER 0 2\t李雷\nT2\tLOC 4 8\tKyiv\nR1\tin Arg1:T1 Arg2:T2\t\n"
        spans = [{"id": "T1", "start": 0, "end": 2, "label": "PER"}, {"id": "T2", "start": 4, "end": 8, "label": "LOC"}]
        row: dict[str, Any] = {
            "id": "x",
            "tokens": ["李", "雷", "在", "Kyiv"],
            "tags": ["B-PER", "I-PER", "O", "B-LOC"],
        }
        row |= {"text": "李雷在 Kyiv\n", "spans": spans, "relations": [{"type": "in", "from": "T1", "to": "T2"}]}
        return Sample("", (row,), {"x.ann": marks, "x.txt": "李雷在 Kyiv\n"})


def _document(marks: Path, number: int) -> Iterator[Line]:
    """A text and its marks as one row, or every fault of them."""
    name, path = str(marks), marks.with_suffix(".txt")
    if not path.is_file():
        yield Line(number, fault=Fault(f"there is no text {path.name} beside it", name, "put the text there"))
        return
    text = "".join(text_in(path, seen(path), str(path), lined=False))
    faults: list[Fault] = []
    spans: list[dict[str, Any]] = []
    relations: list[dict[str, str]] = []
    mended: list[str] = []
    left: Counter[str] = Counter()
    for line, mark in enumerate(text_in(marks, seen(marks), name), 1):
        mark = mark.rstrip("\r\n")
        where = f"{name}, line {line}"
        if found := _SPAN.fullmatch(mark):
            spans.append({**_span(text, found, mended), "where": where})
        elif found := _RELATION.fullmatch(mark):
            relations.append({"type": found[2], "from": found[3], "to": found[4], "where": where})
        elif mark[:1] in LEFT:
            left[LEFT[mark[0]]] += 1
        elif mark.strip():
            what = f"found '{mark[:40]}', expected an id, a tab and the mark, as T1<tab>PER 0 5<tab>Maria"
            faults.append(Fault(what, where, "mend the line, or delete it"))
    known = {span["id"] for span in spans}
    for relation in relations:
        where = relation.pop("where")
        lost = [end for end in (relation["from"], relation["to"]) if end[0] == "T" and end not in known]
        if lost:
            faults.append(Fault(f"the relation names {', '.join(lost)}, which is not there", where, "delete the line"))
    try:
        cells, said = _spans.row(text, spans, name)
    except DataError as error:
        faults.extend(error.faults)
    yield from (Line(number, fault=fault) for fault in faults)
    if not faults:
        said += [*mended, *(f"left out: {count} {kind}" for kind, count in left.items())]
        yield Line(number, {"id": marks.stem, **cells, "relations": relations}, mended="; ".join(said))


def _span(text: str, found: re.Match[str], mended: list[str]) -> dict[str, Any]:
    """A T line as a span; one in several pieces reaches from the first to the last."""
    pieces = [[int(border) for border in piece.split()] for piece in found[3].split(";")]
    whole = {"id": found[1], "start": pieces[0][0], "end": pieces[-1][1], "label": found[2]}
    if len(pieces) == 1:
        return {**whole, "piece": found[4]}
    if " ".join(text[start:end] for start, end in pieces).split() != found[4].split():
        return {**whole, "piece": found[4]}
    mended.append(f"{found[1]} has {len(pieces)} pieces and is tagged as one, {whole['start']} to {whole['end']}")
    return {**whole, "pieces": pieces}
