"""Words in columns, one a line, sentences separated by blank lines, as the CoNLL shared tasks have them.

The first column is the word and the last its tag; what stands between (parts of speech, chunks) keeps its
place as ``column_2`` and so on. A file of one column has no tags.
"""

from __future__ import annotations

from collections.abc import Iterator

from whet.core.errors import Fault
from whet.prepare.readers.contract import Line, Reader, Sample, nameless, peek


class Conll(Reader):
    """CoNLL columns, separated by tabs or by spaces as the first line has it."""

    endings = (".conll", ".conll2002", ".conll2003", ".bio", ".iob", ".iob2", ".bio2")
    headed = False

    def sniff(self, head: str) -> float:
        lines = [line for line in head.split("\n")[:-1] if not line.startswith("-DOCSTART-")]
        words = [_split(line, "\t" in head) for line in lines if line.strip()]
        if not words or len({len(word) for word in words}) > 1 or len(words[0]) < 2:
            return 0.0
        tagged = any(word[-1] == "O" or word[-1][:2] in ("B-", "I-", "E-", "S-", "M-") for word in words)
        return 0.95 if tagged else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        head, lines = peek(lines)
        tabs = "\t" in head
        words: list[list[str]] = []
        begins, faults = 1, 0
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("-DOCSTART-"):
                if words:
                    yield Line(begins, _cells(words))
                words, faults = [], 0
                continue
            fields = _split(line, tabs)
            if tabs and len(fields) == 1 and line.startswith("# "):
                continue
            if words and len(fields) != len(words[0]):
                faults += 1
                if faults == 1:
                    what = f"{len(fields)} columns, expected {len(words[0])} as on line {begins}"
                    cure = "give every word of a sentence a tag, and separate sentences by blank lines"
                    yield Line(number, fault=Fault(what, f"{name}, line {number}", cure))
                continue
            begins = begins if words else number
            words.append(fields)
        if words:
            yield Line(begins, _cells(words))

    @classmethod
    def sample(cls) -> Sample:
        rows = ({"tokens": ["Ann", "ran"], "tags": ["B-per", "O"]}, {"tokens": ["#"], "tags": ["O"]})
        return Sample("-DOCSTART- -X- O\n\nAnn B-per\nran O\n\n# O\n", rows)


def _split(line: str, tabs: bool) -> list[str]:
    return [field.strip() for field in line.rstrip("\r\n").split("\t")] if tabs else line.split()


def _cells(words: list[list[str]]) -> dict[str, list[str]]:
    columns = [list(column) for column in zip(*words, strict=True)]
    cells = {"tokens": columns[0]}
    cells |= {nameless(place): column for place, column in enumerate(columns[1:-1], 2)}
    return cells | ({"tags": columns[-1]} if len(columns) > 1 else {})
