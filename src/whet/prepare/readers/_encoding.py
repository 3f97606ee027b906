"""Which encoding a text file has, judged by all of it; what cannot be decided is refused, never guessed.

What decodes as UTF-8 is UTF-8: hardly any text in another encoding does, but for those of seven bits, which show
themselves by their escapes (_escapes.py). For the rest two questions are asked of
the lines that are not. As GB18030: are these the characters of Chinese, a fifth of which come from two hundred? (A
Korean or Japanese file decodes as GB18030 just as well, into characters that nobody uses.) As Windows-1252: are
these accents inside Latin words, all in the alphabet of one western language?
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from whet.core.errors import DataError
from whet.prepare.readers._decode import cut_off, marked
from whet.prepare.readers._escapes import ESCAPED, escaped, watched
from whet.prepare.readers._languages import is_chinese, is_western

NAMES = {
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16, as its byte order mark says",
    "utf-16-le": "UTF-16 (little-endian), since it holds NUL bytes and reads as text so",
    "utf-16-be": "UTF-16 (big-endian), since it holds NUL bytes and reads as text so",
    "utf-32": "UTF-32, as its byte order mark says",
    "gb18030": "GB18030 (GBK), since it is not UTF-8 and reads as Chinese so",
    "cp1252": "Windows-1252 (Latin-1), since it is not UTF-8 and reads as a western language so",
    **{codec: f"{called}, since it holds the escapes of that encoding" for codec, called in ESCAPED.items()},
}
SEEN = 1 << 20
"""Bytes of lines that are not UTF-8 which are judged; the others must only decode."""
_ACCENT = re.compile("[a-zA-Z][à-ÿ]|[à-ÿ][a-zA-Z]")
ENOUGH = 1000
"""Lines after which the others are taken for what these are."""
_CURE = "save it as UTF-8: iconv -f ENCODING -t utf-8 FILE > NEW, with the encoding of the program that wrote it"


@dataclass
class _Lines:
    """What the lines of a file are that is not UTF-8 throughout: the first of each kind, and how many."""

    first: int = 0
    byte: tuple[int, int] = (0, 0)
    count: int = 0
    seen: bytearray = field(default_factory=bytearray)
    broken: dict[str, int] = field(default_factory=dict)
    utf8: dict[str, tuple[int, int]] = field(default_factory=dict)


def encoding_of(pieces: Callable[[], Iterator[bytes]], name: str) -> str:
    """Python's name of the encoding of all pieces, which are opened once or twice. Raises DataError where it cannot
    be decided."""
    first = next(pieces(), b"")
    if mark := marked(first):
        return mark
    if b"\x00" in first and (wide := _wide(first)):
        return wide
    seen: set[bytes] = set()
    if _is_utf8(watched(pieces(), seen), name):
        return escaped(pieces(), pieces(), name) if seen else "utf-8"
    lines = _sorted_out(pieces())
    gb = _reads_as("gb18030", lines, is_chinese)
    western = _reads_as("cp1252", lines, is_western)
    if gb == western:
        raise _undecided(lines, both=gb, name=name)
    encoding = "gb18030" if gb else "cp1252"
    if encoding in lines.broken:
        what = f"the file reads as {encoding.upper()} but for this line"
        raise DataError(what, f"{name}, line {lines.broken[encoding]}", f"mend the line, or {_CURE}")
    if encoding in lines.utf8:
        raise _mixed(lines, encoding, name)
    return encoding


def note_of(encoding: str, name: str) -> tuple[str, ...]:
    """What must be said aloud of an encoding: nothing of plain UTF-8."""
    return (f"{name}: read as {NAMES[encoding]}",) if encoding in NAMES else ()


def _is_utf8(pieces: Iterator[bytes], name: str) -> bool:
    """Whether all is UTF-8. Raises DataError where all is but a character at the end, which was cut."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, shown = 1, False
    try:
        for piece in pieces:
            shown = not decoder.decode(piece).isascii() or shown
            line += piece.count(b"\n")
    except UnicodeDecodeError:
        return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if shown:  # else this is the one mark in the file, and can be of any encoding
            raise cut_off("UTF-8", f"{name}, line {line}") from None
        return False
    return True


def _wide(first: bytes) -> str:
    """UTF-16 without its mark: NULs, and Chinese or mostly plain text without any when read so."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(first)
        except UnicodeDecodeError:
            continue
        plain = sum(text.count(chr(code)) for code in range(1, 127))
        if "\x00" not in text and (2 * plain > len(text) or is_chinese(text)):
            return encoding
    return ""


def _sorted_out(pieces: Iterator[bytes]) -> _Lines:
    lines, number = _Lines(), 0
    for line in _split(pieces):
        number += 1
        if line.isascii():
            continue
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            lines.count += 1
            if not lines.first:
                lines.first, lines.byte = number, (line[error.start], error.start + 1)
            if len(lines.seen) < SEEN:
                lines.seen += line
            for encoding in ("gb18030", "cp1252"):
                if encoding not in lines.broken and not _decodes(line, encoding):
                    lines.broken[encoding] = number
        else:
            lines.utf8["cp1252"] = _one_more(lines.utf8.get("cp1252"), number)
            if lines.utf8.get("gb18030", (0, 0))[1] > ENOUGH or _is_sure_utf8(line, text):
                lines.utf8["gb18030"] = _one_more(lines.utf8.get("gb18030"), number)
    return lines


def _one_more(found: tuple[int, int] | None, number: int) -> tuple[int, int]:
    return (found[0], found[1] + 1) if found else (number, 1)


def _is_sure_utf8(line: bytes, text: str) -> bool:
    """Whether a line is not UTF-8 by chance, as one with the single character 没 in GB18030 is."""
    if is_chinese(text):
        return True
    return _ACCENT.search(text) is not None and not is_chinese(line.decode("gb18030", "replace"))


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines; one that is longer than what is judged comes in parts, cut where no encoding has half a character."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > SEEN:
            cut = max(rest.rfind(b'"'), rest.rfind(b",")) + 1 or len(rest)
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _reads_as(encoding: str, lines: _Lines, is_one: Callable[[str], bool]) -> bool:
    text = bytes(lines.seen).decode(encoding, "replace")
    return 100 * text.count("\ufffd") <= len(text) and is_one(text.replace("\ufffd", ""))


def _mixed(lines: _Lines, encoding: str, name: str) -> DataError:
    """Two encodings in one file: the first line of the kind that is rarer."""
    first, count = lines.utf8[encoding]
    if count < lines.count:
        what = f"the line is UTF-8, while {lines.count:,} others are {encoding.upper()}"
        return DataError(what, f"{name}, line {first}", "bring all lines into one encoding: UTF-8")
    what = f"the line reads as {encoding.upper()}, while {count:,} others are UTF-8"
    return DataError(what, f"{name}, line {lines.first}", "bring all lines into one encoding: UTF-8")


def _undecided(lines: _Lines, both: bool, name: str) -> DataError:
    byte, position = lines.byte
    what = f"byte 0x{byte:02x} at position {position} is not UTF-8"
    if both:
        found = "; the file can be GB18030 as well as Windows-1252"
    else:
        others = [one for one in ("big5", "shift_jis", "euc_jp", "euc_kr") if _decodes(bytes(lines.seen), one)]
        found = ", and the file is neither Chinese in GB18030 nor a western language in Windows-1252"
        found += f" (it decodes as {', '.join(others)})" if others else ""
    if "cp1252" in lines.utf8:
        found = f", though {lines.utf8['cp1252'][1]:,} other lines with such characters are"
    return DataError(what + found, f"{name}, line {lines.first}", _CURE)
