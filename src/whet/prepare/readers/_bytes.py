"""Files as pieces of bytes: what can be opened at all, and what stands in it packed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from whet.core.errors import DataError

PIECE = 1 << 18
"""Bytes read at once."""


def pieces_of(path: Path, packed: str, name: str) -> Iterator[bytes]:
    """A file's bytes, piece by piece. Raises DataError where it cannot be opened."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
