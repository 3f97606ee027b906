"""JSON, read strictly and in pieces: one row at a time, whatever the size of the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.core.errors import DataError
from whet.prepare.readers._bytes import GZIP, pieces_of
from whet.prepare.readers._caps import DEEPEST, LONGEST_ROW

SPACE = " \t\r\n"
_MARK = re.compile(r'["{}\[\],]')
_QUOTE = re.compile(r'["\\]')


def loads(text: str) -> Any:
    """The value of a text. Raises ValueError with what is wrong: a key twice, NaN, half a surrogate pair, too deep."""
    if text.count("{") + text.count("[") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"the value is nested too deeply: more than {DEEPEST} levels")
    value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair (\\ud800) stands for no character") from None
    except ValueError:
        raise ValueError("a number is too large to be held") from None
    return value


def row(text: str) -> dict[str, Any]:
    """The object of a text. Raises ValueError where it is none."""
    value = loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"found {kind(value)}, expected an object")
    return value


def kind(value: Any) -> str:
    """What a value is called in JSON."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    known: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}
    return known.get(type(value), "a number")


def cause(error: ValueError) -> str:
    """What is wrong with a text, without the parser's own places, which count from the row's beginning."""
    if isinstance(error, json.JSONDecodeError):
        said = error.msg.removesuffix(" at")  # some of the parser's sentences end so
        printed = re.match(r"'|None\b|True\b|False\b", error.doc[error.pos :])
        likely = "; likely cause: it was written with Python's print, not with json.dumps" if printed else ""
        return f"not JSON: {said[0].lower()}{said[1:]} at character {error.pos + 1} of the row{likely}"
    return str(error)


def _depth(text: str) -> int:
    """How deep lists and objects stand in one another, texts left out."""
    deepest = depth = 0
    for mark in re.sub(r'"[^"\\]*(?:\\.[^"\\]*)*"', "", text, flags=re.DOTALL):
        if mark in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "}]":
            depth -= 1
    return deepest


def deep_line(path: Path) -> int:
    """The line of the first row of a file that is nested too deeply, 0 where none is: objects in an array, or a line
    each. Raises DataError where the file breaks off."""
    name = str(path)
    packed = "gzip" if next(pieces_of(path, "", name), b"").startswith(GZIP) else ""
    texts = (piece.decode("latin-1") for piece in pieces_of(path, packed, name))  # the marks are ASCII
    document = Document(texts, name)
    if document.next() == "[":
        document.pass_over("[")
    while mark := document.next():
        if mark in ",]":
            document.pass_over(mark)
            continue
        line = document.line
        document.value(keep=False)
        if document.deepest > DEEPEST:
            return line
    return 0


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key '{next(key for key in keys if keys.count(key) > 1)}' comes twice")
    return cells


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


@dataclass
class Document:
    """A JSON text that is read value by value, out of pieces cut anywhere."""

    texts: Iterator[str]
    name: str
    line: int = 1
    deepest: int = 0
    """Levels of lists and objects in the values so far."""
    _held: str = ""
    _at: int = 0

    def next(self) -> str:
        """The next mark that is no white space, which stays; nothing at the end."""
        while True:
            held, at = self._held, self._at
            while at < len(held) and held[at] in SPACE:
                at += 1
            self.line += held.count("\n", self._at, at)
            self._at = at
            if at < len(held):
                return held[at]
            if not self._more():
                return ""

    def pass_over(self, mark: str) -> None:
        """Go past a mark. Raises DataError where another stands there."""
        found = self.next()
        if found != mark:
            raise self.broken(f"found {found or 'the end of the file'}, expected {mark}")
        self._at += 1

    def value(self, keep: bool = True) -> str | None:
        """The text of the next value; None where it is longer than a row may be, or is not kept.

        Brackets are counted and not matched: what is between them is for the parser.
        """
        if self.next() in ("", ",", "]", "}", ":"):
            raise self.broken(f"found {self.next() or 'the end of the file'}, expected a value")
        parts: list[str] = []
        size = depth = 0
        quoted = False
        while True:
            end, depth, quoted, whole = self._advance(depth, quoted)
            part = self._held[self._at : end]
            self.line += part.count("\n")
            size += len(part)
            if keep and size <= LONGEST_ROW:
                parts.append(part)
            self._at = end
            if whole:
                return "".join(parts) if keep and size <= LONGEST_ROW else None
            if not self._more():
                raise self.broken("the file ends inside a value: it was cut off, or a quote or bracket is missing")

    def holds_objects(self) -> bool:
        """Whether the next value is a list whose first value is an object."""
        if self.next() != "[":
            return False
        ahead = 1
        while True:
            while self._held[self._at + ahead : self._at + ahead + 1] in (" ", "\t", "\r", "\n"):
                ahead += 1
            if self._at + ahead < len(self._held):
                return self._held[self._at + ahead] == "{"
            if not self._more(keep=True):
                return False

    def broken(self, what: str) -> DataError:
        """An error after which nothing of the file can be read."""
        return DataError(what, f"{self.name}, line {self.line}", "mend the file: python -m json.tool FILE")

    def _advance(self, depth: int, quoted: bool) -> tuple[int, int, bool, bool]:
        """How far the value goes in what is held, with the state there, and whether that is its end."""
        held, at = self._held, self._at
        while True:
            found = (_QUOTE if quoted else _MARK).search(held, at)
            if found is None:
                return len(held), depth, quoted, False
            mark, at = found[0], found.end()
            if mark == "\\":
                if at == len(held):
                    at -= self._at
                    if not self._more(keep=True):
                        return len(held), depth, quoted, False
                    held = self._held
                at += 1
            elif mark == '"':
                quoted = not quoted
                if not quoted and not depth:
                    return at, depth, quoted, True
            elif mark in "{[":
                depth += 1
                self.deepest = max(self.deepest, depth)
            elif not depth:
                return at - 1, depth, quoted, True
            elif mark in "}]":
                depth -= 1
                if not depth:
                    return at, depth, quoted, True

    def _more(self, keep: bool = False) -> bool:
        for text in self.texts:
            if text:
                self._held = self._held[self._at :] + text if keep else text
                self._at = 0
                return True
        return False
