"""Sentences with two marked entities and the relation between them, as SemEval-2010 task 8 has them.

A block is ``id<TAB>"sentence with <e1>..</e1> and <e2>..</e2>"``, a line with the relation, a line with a
comment and a blank line; an unlabelled test file has the sentences alone. No task of relations stands yet:
a classifier reads ``tagged``, where the marks show which two words are meant, and ``relation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from whet.core.errors import Fault
from whet.prepare.readers.contract import Line, Reader, Sample, peek

MARKS = ("<e1>", "</e1>", "<e2>", "</e2>")
_BEGINS = re.compile(r"(\d+)\t(.*)")
_MARK = re.compile(r"</?e[12]>")
Numbered = tuple[int, str]


class SemEval(Reader):
    """Two entities in a sentence and their relation, as SemEval-2010 task 8 writes them."""

    endings = (".txt",)
    telling = False
    made_for = "relation-extraction"

    def sniff(self, head: str) -> float:
        first = head.lstrip().partition("\n")[0]
        return 0.98 if _BEGINS.match(first) and all(mark in first for mark in MARKS) else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        head, lines = peek(lines)
        labelled = any(_is_relation(line) for line in head.splitlines())
        for block in _blocks(lines):
            yield _row(block, name, labelled)

    @classmethod
    def sample(cls) -> Sample:
        text = '7\t"The <e1>audit</e1> was about <e2>waste</e2>."\nMessage-Topic(e1,e2)\nComment: a document\n\n'
        row = {
            "id": "7",
            "text": "The audit was about waste.",
            "tagged": "The <e1>audit</e1> was about <e2>waste</e2>.",
            "e1": "audit",
            "e2": "waste",
            "e1_span": [4, 9],
            "e2_span": [20, 25],
            "relation": "Message-Topic(e1,e2)",
            "comment": "a document",
        }
        return Sample(text, (row,))


def _is_relation(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("Comment") and not _BEGINS.match(line)


def _blocks(lines: Iterator[str]) -> Iterator[list[Numbered]]:
    """The lines of each row: it ends at a blank line, or where the next one begins."""
    block: list[Numbered] = []
    for number, line in enumerate(lines, 1):
        text = line.strip("\r\n ")
        if block and (not text or _BEGINS.match(text)):
            yield block
            block = []
        if text:
            block.append((number, text))
    if block:
        yield block


def _row(block: list[Numbered], name: str, labelled: bool) -> Line:
    """One row, or the first thing that is wrong with it."""
    (number, first), *rest = block
    found = _BEGINS.fullmatch(first)
    if not found:
        what = f"found '{first[:40]}', expected a number, a tab and a sentence in quotes"
        cure = "separate rows by one blank line; a comment has one line"
        return Line(number, fault=Fault(what, f"{name}, line {number}", cure))
    where = f"{name}, line {number} (id {found[1]})"
    sentence = found[2].strip()
    if sentence.startswith('"') != sentence.endswith('"') or sentence == '"':
        what, cure = "the sentence has a quote on one side only", "write the whole sentence on one line, in quotes"
        return Line(number, fault=Fault(what, where, cure))
    tagged = sentence[1:-1] if sentence.startswith('"') else sentence
    relations = [(at, text) for at, text in rest if not text.startswith("Comment")]
    comments = [text.partition(":")[2].strip() for _, text in rest if text.startswith("Comment")]
    fault = _unmarked(tagged, where) or _unrelated(relations, len(comments), where, labelled)
    if fault:
        return Line(number, fault=fault)
    relation = relations[0][1] if relations else None
    return Line(number, _cells(found[1], tagged, relation, comments[0] if comments else ""))


def _cells(own: str, tagged: str, relation: str | None, comment: str) -> dict[str, Any]:
    cells: dict[str, Any] = {"id": own, "text": _MARK.sub("", tagged), "tagged": tagged}
    spans = {}
    for entity in ("e1", "e2"):
        before, _, after = tagged.partition(f"<{entity}>")
        start, words = len(_MARK.sub("", before)), after.partition(f"</{entity}>")[0]
        cells[entity], spans[f"{entity}_span"] = words, [start, start + len(words)]
    return {**cells, **spans, "relation": relation, "comment": comment}


def _unmarked(tagged: str, where: str) -> Fault | None:
    """What is wrong with the marks: each of the four once, a beginning before its end, with words between."""
    found = _MARK.findall(tagged)
    if sorted(found) != sorted(MARKS):
        what = f"found the marks {' '.join(found) or 'none'}, expected each of {' '.join(MARKS)} once"
        return Fault(what, where, "mark both entities, each once")
    if found not in ([*MARKS], [*MARKS[2:], *MARKS[:2]]):
        return Fault(f"the marks stand in the order {' '.join(found)}", where, "close an entity before the next begins")
    if re.search(r"<(e[12])>\s*</\1>", tagged):
        return Fault("an entity holds no word", where, "put the marks around a word")
    return None


def _unrelated(relations: list[Numbered], comments: int, where: str, labelled: bool) -> Fault | None:
    """What is wrong with the lines below the sentence."""
    if not relations and (labelled or comments):
        cure = "write it below the sentence, as Cause-Effect(e1,e2) or Other"
        return Fault("there is no line with the relation", where, cure)
    if len(relations) > 1 or comments > 1:
        what = f"found {len(relations)} lines with a relation and {comments} comments, expected one of each"
        return Fault(what, where, "separate rows by a blank line; a comment has one line")
    if relations and "(" in relations[0][1] and not re.fullmatch(r"[^()]+\((e1,e2|e2,e1)\)", relations[0][1]):
        what = f"found the relation '{relations[0][1]}', expected a name with (e1,e2) or (e2,e1)"
        return Fault(what, where, "say which entity comes first")
    return None
