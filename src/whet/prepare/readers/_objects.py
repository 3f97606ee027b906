"""JSON objects one after the other, from lines with one each or from one array, read strictly.

A key twice, NaN and half a surrogate pair are faults. An array is cut at the commas between its items, so
that it never lies in memory whole, and a broken item does not hide those after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from whet.core.errors import DataError, Fault
from whet.prepare.readers._decode import LONGEST_LINE, lines_of

Found = tuple[int, str, dict[str, Any] | Fault]
"""The line on which an object begins, where it stands in words, and the object or what is wrong with it."""
_MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],"]', re.DOTALL)


def objects(texts: Iterator[str], name: str) -> Iterator[Found]:
    """Every object of a file, given as pieces of text."""
    start = ""
    for text in texts:
        start += text
        if start.strip():
            break
    whole = chain([start], texts)
    if not start.lstrip().startswith("["):
        for number, line in enumerate(lines_of(whole, name), 1):
            if line.strip():
                where = f"{name}, line {number}"
                yield number, where, parse(line, where, "write one JSON object a line")
        return
    for row, (number, item) in enumerate(_items(whole, name), 1):
        where = f"{name}, row {row} (line {number})"
        broken = replace(item, where=where) if isinstance(item, Fault) else None
        yield number, where, broken or parse(str(item), where, "mend the object")


def parse(text: str, where: str, cure: str) -> dict[str, Any] | Fault:
    """One object, or what is wrong with it."""
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
        if not isinstance(found, dict):
            raise ValueError(f"found a {type(found).__name__}, expected an object")
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        return Fault("the object is nested too deeply", where, "flatten it")
    except UnicodeEncodeError:
        return Fault("half a surrogate pair (\\ud800)", where, "write the whole character")
    except json.JSONDecodeError as error:
        return Fault(f"{error.msg}, at character {error.pos + 1} of the object", where, cure)
    except ValueError as error:
        return Fault(str(error), where, cure)
    return found


def _items(texts: Iterator[str], name: str) -> Iterator[tuple[int, str | Fault]]:
    """The text of each item of the array and the line on which it begins."""
    rest, begins, at, line, depth, items = "", 0, 0, 1, 0, 0
    for text in texts:
        rest, at, begins = rest[begins:] + text, at - begins, 0
        while mark := _MARK.search(rest, at):
            if mark[0] == '"':  # a text that goes on in the next piece
                at = mark.start()
                break
            at = mark.end()
            depth += (mark[0] in "{[") - (mark[0] in "}]")
            if depth == 0 or (depth == 1 and mark[0] == ","):
                item = rest[begins : at - 1]
                if item.strip() or items or depth:
                    items += 1
                    yield _begin(item, line), item if item.strip() else Fault("there is a comma and no object", name)
            if depth == 0:
                if any(more.strip() for more in chain([rest[at:]], texts)):
                    yield line, Fault("text stands after the end of the array", name, "keep one array a file")
                return
            if depth == 1 and mark[0] in "[,":
                line += rest.count("\n", begins, at)
                begins = at
        else:
            at = len(rest)
        if len(rest) - begins > LONGEST_LINE:
            what = f"an object has more than {LONGEST_LINE:,} characters, or its quotes and brackets do not close"
            raise DataError(what, f"{name}, line {_begin(rest[begins:], line)}", "mend or divide it")
    what = "the array is never closed: the file is cut off, or quotes or brackets of this object do not close"
    yield _begin(rest[begins:], line), Fault(what, name, "mend the object, or fetch the file again")


def _begin(item: str, line: int) -> int:
    return line + item[: len(item) - len(item.lstrip())].count("\n")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key '{next(key for key in keys if keys.count(key) > 1)}' comes twice")
    return cells


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
