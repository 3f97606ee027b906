"""A table in several files, as ``train-00000-of-00002.parquet`` and its sisters: read in order, as one."""

from __future__ import annotations

import re
from pathlib import Path

from whet.core.errors import DataError

_SHARD = re.compile(r"(.*[-_.])(0+)(-of-)(\d+)(\D.*)?")
MOST = 10_000
"""Shards of one table."""


def shards_of(path: Path, name: str) -> list[Path]:
    """The files that the first of several shards stands for, or the file alone; a later shard is read alone.

    Raises DataError where some are missing.
    """
    found = _SHARD.fullmatch(path.name)
    count = int(found[4]) if found else 1
    if not found or not 1 < count <= MOST:
        return [path]
    before, first, between, last, after = found.groups(default="")
    names = [f"{before}{place:0{len(first)}}{between}{last}{after}" for place in range(count)]
    missing = [one for one in names if not path.with_name(one).is_file()]
    if missing:
        what = f"{len(missing)} of {count} shards are missing: {', '.join(missing[:3])}"
        raise DataError(what, name, "fetch them too, or give this one another name")
    return [path.with_name(one) for one in names]
