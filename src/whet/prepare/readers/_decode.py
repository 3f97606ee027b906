"""Pieces of bytes as pieces of text, and those as lines."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from whet.core.errors import DataError

LONGEST_LINE = 8_000_000
"""Characters in one line: eight times the longest row, so that most of such rows are found one by one, while a file
without line ends fills no memory."""


def text_of(pieces: Iterable[bytes], encoding: str, name: str) -> Iterator[str]:
    """Text, decoded strictly. Raises DataError with the line that is something else, or that holds a NUL."""
    decoder = codecs.getincrementaldecoder(encoding)()
    called = encoding.upper().removesuffix("-SIG")
    line = 1
    for piece in pieces:
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            column = error.start - error.object.rfind(b"\n", 0, error.start)
            what = f"byte 0x{error.object[error.start]:02x} at position {column} is not {called}"
            raise DataError(what, f"{name}, line {line}", "save it as UTF-8: iconv -f ENCODING -t utf-8") from None
        if "\x00" in text:
            line += text.count("\n", 0, text.index("\x00"))
            what = "there is a NUL character: the file is binary, damaged, or UTF-16"
            raise DataError(what, f"{name}, line {line}", "save the file again as UTF-8 text")
        line += text.count("\n")
        yield text
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise cut_off(called, f"{name}, line {line}") from None


def cut_off(encoding: str, where: str) -> DataError:
    """The error of a file whose last character is not whole."""
    return DataError(f"the file ends inside a character of {encoding}", where, "copy or download the file again")


def lines_of(texts: Iterable[str], name: str) -> Iterator[str]:
    """Lines with their ends. Raises DataError at one that is too long to be held."""
    rest, number = "", 0
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line + "\n"
        number += len(whole)
        if len(rest) > LONGEST_LINE:
            what = f"the line has more than {LONGEST_LINE:,} characters"
            raise DataError(what, f"{name}, line {number + 1}", "end rows with line breaks, and divide long texts")
    if rest:
        yield rest


def marked(first: bytes) -> str:
    """The encoding that a byte order mark at the beginning tells, or nothing."""
    if first.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if first.startswith(codecs.BOM_UTF8) else ""
