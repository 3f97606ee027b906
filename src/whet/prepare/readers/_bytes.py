"""Files as pieces of bytes: what can be opened at all, and what is packed in it."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from whet.core.errors import DataError

PIECE = 1 << 18
"""Bytes read at once."""
GZIP = b"\x1f\x8b"
ROOM, RATIO, MOST = 16 << 20, 100, 32 << 30
"""Text packs five to twenty times. What grows a hundredfold, beyond some room for small files that repeat
themselves, or to more than 32 GB, is a bomb or an accident."""

FOREIGN = {
    b"BZh": ("a bzip2 file", "unpack it: bunzip2"),
    b"\xfd7zXZ\x00": ("an xz file", "unpack it: unxz"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it: unzstd"),
    b"PK\x03\x04": ("a zip archive", "unpack it, and give the file inside"),
    b"Rar!": ("a rar archive", "unpack it, and give the file inside"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it, and give the file inside"),
    b"\xd0\xcf\x11\xe0": ("an old Excel (.xls) or Office file", "save it as .xlsx or as csv"),
    b"%PDF": ("a PDF", "take its text out first"),
    b"ARROW1": ("an Arrow file", "write it as parquet"),
    b"SQLite format 3": ("an SQLite database", "export the table as csv"),
    b"\x89HDF": ("an HDF5 file", "export the table as csv or parquet"),
    b"\x89PNG": ("an image", "give rows of text: csv, json lines or parquet"),
    b"\xff\xd8\xff": ("an image", "give rows of text: csv, json lines or parquet"),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file itself", "fetch the file: git lfs pull"),
    b"\x80\x02": ("a Python pickle, which whet never opens", "write the rows as csv, json lines or parquet"),
    b"\x80\x03": ("a Python pickle, which whet never opens", "write the rows as csv, json lines or parquet"),
    b"\x80\x04": ("a Python pickle, which whet never opens", "write the rows as csv, json lines or parquet"),
    b"\x80\x05": ("a Python pickle, which whet never opens", "write the rows as csv, json lines or parquet"),
}
"""What no reader reads, by its first bytes, and what to do with it. ``PK`` is Excel's too, whose reader goes first."""


def opened(path: Path, name: str) -> None:
    """Make sure that this is a file that can be opened. Raises DataError with the reason why it is none.

    A pipe or a device is refused, for it cannot be read twice, and may never end.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb"):
                return
    except (OSError, ValueError) as error:
        raise _refusal(error, path, name) from None
    if stat.S_ISDIR(mode):
        raise DataError("this is a folder, not a file", name, "give one file")
    what = "this is a pipe, a socket or a device, not a file"
    raise DataError(what, name, "save the rows in a file; `whet predict RUN -` reads standard input")


def pieces_of(path: Path, packed: str, name: str) -> Iterator[bytes]:
    """A file's bytes, unpacked, piece by piece. Raises DataError where it cannot be read to its end."""
    pieces = _stored(path, name)
    return unpacked(pieces, name) if packed else pieces


def unpacked(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """What gzip packed, several members too, never more than a piece at once. Raises DataError for broken data and
    for bombs."""
    taken = made = 0
    member = zlib.decompressobj(wbits=31)
    for piece in pieces:
        taken += len(piece)
        while piece:
            if member.eof:
                piece = piece.lstrip(b"\x00")  # what tapes and block devices leave behind
                if not piece:
                    break
                member = zlib.decompressobj(wbits=31)
            data = _inflated(member, piece, name)
            made += len(data)
            if (made > ROOM and made > RATIO * taken) or made > MOST:
                what = f"the gzip data grow to {made:,} bytes and more, out of {taken:,}"
                raise DataError(what, name, "if that is meant, unpack the file yourself: gunzip")
            yield data
            piece = member.unused_data if member.eof else member.unconsumed_tail
    while not member.eof:
        data = _inflated(member, b"", name)
        if not data:
            raise DataError("the gzip data end too early", name, "copy or download the file again")
        yield data


def _inflated(member: zlib._Decompress, piece: bytes, name: str) -> bytes:
    try:
        return member.decompress(piece, PIECE)
    except zlib.error as error:
        reason = str(error).rpartition(": ")[2]
        raise DataError(f"the gzip data are damaged: {reason}", name, "copy or download the file again") from None


def _stored(path: Path, name: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise _refusal(error, path, name) from None


def _refusal(error: OSError | ValueError, path: Path, name: str) -> DataError:
    """Why a file cannot be opened, in the user's words."""
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return DataError("the link leads to a file that does not exist", name, f"mend it: ls -l {path}")
        return DataError("the file does not exist", name, "check the path")
    if isinstance(error, PermissionError):
        return DataError("there is no permission to read the file", name, f"chmod u+r {path}, or ask its owner")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return DataError(f"the file cannot be read: {reason}", name, "check the path and the disk")
