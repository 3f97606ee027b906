"""Questions about a text whose answers are spans of it, as SQuAD 1.1 and 2.0 have them, and CMRC, DRCD, XQuAD.

A row is a question: ``id``, ``title``, ``context``, ``question``, ``answers`` (each with its ``text`` and
``start`` in characters) and, where the file has it, ``is_impossible``. The file is one JSON object, so it
lies in memory whole; SQuAD 2.0's plausible answers are not read. No task of answers in a text stands yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers._json import cause, loads
from whet.prepare.readers._shape import shape
from whet.prepare.readers._spans import place, shown, whereabouts
from whet.prepare.readers.contract import Line, Reader, Sample

FORM = '{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers"}]}]}]}'


class Squad(Reader):
    """Questions, their texts and their answers' places, as SQuAD writes them."""

    endings = (".json",)
    telling = False
    made_for = "question-answering"
    signs = (frozenset({"context", "question", "answers"}),)
    lined = False

    def sniff(self, head: str) -> float:
        return 0.98 if shape(head).get("data[].paragraphs") == {"array"} else 0.0

    def rows(self, lines: Iterator[str], name: str) -> Iterator[Line]:
        text = "".join(lines)
        try:
            whole = loads(text)
        except ValueError as error:
            raise DataError(cause(error).replace("of the row", "of the file"), name, f"write {FORM}") from None
        numbers = chain(_lines(text), repeat(1))
        for article_number, article in enumerate(_list(whole.get("data") if isinstance(whole, dict) else None), 1):
            paragraphs = _list(article.get("paragraphs")) if isinstance(article, dict) else []
            if not paragraphs:
                yield Line(1, fault=Fault(f"article {article_number} has no paragraphs", name, f"expected {FORM}"))
            for number, paragraph in enumerate(paragraphs, 1):
                where = f"{name}, article {article_number}, paragraph {number}"
                yield from _paragraph(paragraph, article.get("title", ""), name, where, numbers)

    @classmethod
    def sample(cls) -> Sample:
        answers = [{"text": "山下", "answer_start": 2}]
        qas = [{"id": "q1", "question": "猫在哪里？", "answers": answers, "is_impossible": False}]
        whole = {"version": "v2.0", "data": [{"title": "猫", "paragraphs": [{"context": "猫在山下。", "qas": qas}]}]}
        row = {
            "id": "q1",
            "title": "猫",
            "context": "猫在山下。",
            "question": "猫在哪里？",
            "answers": [{"text": "山下", "start": 2}],
            "is_impossible": False,
        }
        return Sample(json.dumps(whole, ensure_ascii=False), (row,))


def _lines(text: str) -> Iterator[int]:
    """The line of each question: no text can hold that key with its quotes, for there they are escaped."""
    line, before = 1, 0
    for found in re.finditer(r'"question"\s*:', text):
        line, before = line + text.count("\n", before, found.start()), found.start()
        yield line


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _paragraph(paragraph: Any, title: Any, name: str, where: str, numbers: Iterator[int]) -> Iterator[Line]:
    context = paragraph.get("context") if isinstance(paragraph, dict) else None
    questions = _list(paragraph.get("qas")) if isinstance(paragraph, dict) else []
    if not isinstance(context, str) or not context.strip() or not questions:
        found = ", ".join(paragraph) if isinstance(paragraph, dict) else type(paragraph).__name__
        missing = "no questions (qas)" if isinstance(context, str) and context.strip() else "no context"
        yield Line(1, fault=Fault(f"{missing}; found {found or 'nothing'}", where, f"expected {FORM}"))
        return
    for place_, asked in enumerate(questions, 1):
        if not isinstance(asked, dict) or not isinstance(asked.get("question"), str):
            cure = f"expected {FORM}"
            yield Line(1, fault=Fault("there is no question", f"{where}, question {place_}", cure))
            continue
        line = next(numbers)
        own = str(asked.get("id", ""))
        try:
            row, mended = _question(asked, context, f"{name}, line {line} (question {own or place_})")
        except DataError as error:
            yield Line(line, fault=error.faults[0])
        else:
            yield Line(line, {"id": own, "title": title, "context": context, **row}, mended="; ".join(mended))


def _question(asked: Mapping[str, Any], context: str, where: str) -> tuple[dict[str, Any], list[str]]:
    """The question's own columns and what was mended in them. Raises DataError with the first fault."""
    given = asked.get("answers", [])
    if not isinstance(given, list) or not all(isinstance(answer, dict) for answer in given):
        raise DataError("answers is no list of objects", where, 'write [{"text", "answer_start"}, ...]')
    mended: list[str] = []
    answers = [_answer(answer, k, context, where, mended) for k, answer in enumerate(given, 1)]
    row = {"question": asked["question"], "answers": answers}
    if "is_impossible" not in asked:
        return row, mended
    impossible = asked["is_impossible"]
    if not isinstance(impossible, bool):
        raise DataError(f"is_impossible is {impossible!r}, expected true or false", where, "write true or false")
    if impossible == bool(answers):
        what = f"is_impossible is {str(impossible).lower()}, and there are {len(answers)} answers"
        raise DataError(what, where, "an impossible question has none, any other at least one")
    return {**row, "is_impossible": impossible}, mended


def _answer(answer: Mapping[str, Any], number: int, context: str, where: str, mended: list[str]) -> dict[str, Any]:
    text, start = answer.get("text"), answer.get("answer_start")
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"answer {number} has no text", where, "fill it in, or delete the answer")
    if not isinstance(start, int) or isinstance(start, bool):
        what = f"answer {number} {shown(text)} has answer_start {start!r}, expected a whole number"
        raise DataError(what, where, "give its place in the context, or -1 where it has none")
    if start == -1:
        mended.append(f"answer {number} has no place (-1) and keeps its text alone")
        return {"text": text, "start": None}
    found = place(context, start, text)
    if found is None:
        there = shown(context[start : start + len(text)]) if 0 <= start < len(context) else "nothing"
        what = f"answer {number} {shown(text)} should stand at {start}, and {there} stands there"
        what += f"; {whereabouts(context, text)}"
        cure = "give its place in characters; likely cause: the context was changed after the answer was marked"
        raise DataError(what, where, cure)
    at, way = found
    if way:
        mended.append(f"the place of answer {number} counts {way}: {start} is {at} in characters")
    own = context[at : at + len(text)]
    if own != text:
        mended.append(f"answer {number} takes its white space from the context")
    return {"text": own, "start": at}
