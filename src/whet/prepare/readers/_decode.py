"""Pieces of bytes as pieces of text, and those as lines."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from whet.core.errors import DataError

LONGEST_LINE = 8_000_000
"""Characters in one line: eight rows of the longest, so that such rows are found one by one and a file without line
ends fills no memory."""

_CURE = "save the file as UTF-8 (iconv -f WHAT-IT-IS -t utf-8)"


def text_of(pieces: Iterable[bytes], encoding: str, name: str) -> Iterator[str]:
    """Text, decoded strictly. Raises DataError with the line that is something else, or that holds a NUL."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for piece in pieces:
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            found = error.object[error.start]
            line += bytes(error.object[: error.start]).count(b"\n")
            raise DataError(f"byte 0x{found:02x} is not {encoding.upper()}", f"{name}, line {line}", _CURE) from None
        if "\x00" in text:
            line += text[: text.index("\x00")].count("\n")
            what = "there is a NUL character: the file is binary, damaged, or UTF-16"
            raise DataError(what, f"{name}, line {line}", "save the file again as UTF-8 text")
        line += text.count("\n")
        yield text
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise DataError(f"the end is not {encoding.upper()}", f"{name}, line {line}", _CURE) from None


def lines_of(texts: Iterable[str], name: str) -> Iterator[str]:
    """Lines with their ends. Raises DataError at one that is too long to be held."""
    rest, number = "", 0
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            number += 1
            yield line + "\n"
        if len(rest) > LONGEST_LINE:
            what = f"the line has more than {LONGEST_LINE:,} characters"
            raise DataError(what, f"{name}, line {number + 1}", "end rows with line breaks, or divide the text")
    if rest:
        yield rest
