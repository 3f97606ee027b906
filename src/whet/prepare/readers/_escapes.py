"""Encodings of seven bits, which pass as UTF-8: ISO-2022-JP and -KR, as mail has them, and HZ of early Chinese news.

They change between alphabets by escapes. Those of ISO-2022 stand in no other text (a terminal's colours begin
otherwise); HZ's are plain characters, so there the text between them must be Chinese.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from whet.core.errors import DataError
from whet.prepare.readers._languages import is_chinese

JAPANESE, KOREAN, CHINESE, HZ = "ISO-2022-JP", "ISO-2022-KR", "ISO-2022-CN", "HZ"
ESCAPED = {"iso2022_jp_2": JAPANESE, "iso2022_jp_ext": JAPANESE, "iso2022_kr": KOREAN, "hz": HZ}
"""Python's names of what is read, in the order in which they are tried, and everybody's."""
_ESCAPES = {
    KOREAN: re.compile(rb"\x1b\$\)C"),
    CHINESE: re.compile(rb"\x1b\$[)*+][AEGH]"),
    JAPANESE: re.compile(rb"\x1b(?:\$[@AB]|\$\([CDOPQ]|\([IJ])"),
}
_HZ = re.compile(rb"~\{((?:[\x21-\x77][\x21-\x7e])+)~\}")
JUDGED = 1 << 20
"""Bytes of a line, and of what stands between HZ's escapes, that are looked at together."""


def watched(pieces: Iterator[bytes], seen: set[bytes]) -> Iterator[bytes]:
    """The same pieces; what may begin an escape in them is noted."""
    before = b""
    for piece in pieces:
        seen.update(mark for mark in (b"\x1b", b"~{") if mark in piece or mark in before + piece[:1])
        before = piece[-1:]
        yield piece


def escaped(pieces: Iterator[bytes], again: Iterator[bytes], name: str) -> str:
    """Python's name of the encoding of UTF-8 in which something looks like an escape; mostly that is UTF-8 itself.

    Raises DataError where escapes are mixed with other characters, or lead nowhere.
    """
    found: dict[str, int] = {}
    other = 0
    between = bytearray()
    for number, line in enumerate(_lines(pieces), 1):
        for called, escape in _ESCAPES.items():
            if escape.search(line):
                found.setdefault(called, number)
        if len(between) < JUDGED:
            between += b"".join(_HZ.findall(line))
        other = other or (0 if line.isascii() else number)
    if not found and between and is_chinese(bytes(byte | 0x80 for byte in between).decode("gb2312", "ignore")):
        found[HZ] = 1
    if not found:
        return "utf-8"
    called = min(found, key=lambda one: found[one])
    if other:
        what = f"the line holds an escape of {called}, while others are UTF-8"
        raise DataError(what, f"{name}, line {found[called]}", "bring all lines into one encoding: UTF-8")
    tried = [codec for codec, known in ESCAPED.items() if known == called]
    cure = f"save it as UTF-8: iconv -f {called} -t utf-8 FILE > NEW"
    if not tried:
        what = f"the file holds escapes of {called}, which is not read"
        raise DataError(what, f"{name}, line {found[called]}", cure)
    broken = _broken(again, tried)
    if min(broken.values()) == 0:
        return next(codec for codec in tried if not broken[codec])
    what = f"the file holds escapes of {called}, and this line is not in it"
    raise DataError(what, f"{name}, line {max(broken.values())}", cure)


def _broken(pieces: Iterator[bytes], tried: list[str]) -> dict[str, int]:
    """The first line that each of some codecs cannot read, 0 where it reads all."""
    broken = dict.fromkeys(tried, 0)
    decoders = {codec: codecs.getincrementaldecoder(codec)() for codec in tried}
    for number, line in enumerate(_lines(pieces), 1):
        for codec, decoder in decoders.items():
            try:
                if not broken[codec]:
                    decoder.decode(line + b"\n")
            except UnicodeDecodeError:
                broken[codec] = number
    return broken


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > JUDGED:
            yield rest
            rest = b""
    if rest:
        yield rest
