"""Tokenised examples on the disk: memory-mapped Arrow, known by what they were made of, written as they are made.

A preparation that was killed goes on behind its last whole file, a second run on the same rows finds them all, and a
file that was altered is made anew.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache as once
from pathlib import Path
from typing import Any, final, overload

import numpy as np
import pyarrow as pa

from whet.core import cache
from whet.core.fields import changed
from whet.core.rundir import digest
from whet.prepare.kept import as_column, as_json, of_json
from whet.tasks.contract import Features, Limits, Schema, Task

FORMAT = 2
SHARD = 8192
"""Examples in one file: some megabytes, a second's work."""
_SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("part", pa.int32()),
        ("ids", pa.large_list(pa.int32())),
        ("kinds", pa.large_list(pa.int8())),
        ("target", pa.large_binary()),
        ("supervised", pa.float64()),
        ("start", pa.int64()),
        ("stop", pa.int64()),
        ("weight", pa.float64()),
        ("cut", pa.int32()),
    ]
)


@final
class Tokens(Sequence[Features]):
    """Features that lie in memory-mapped batches; each is made when it is asked for.

    ``owners`` are the examples' numbers (``Features.index``), ``bounds`` says where each example's features begin,
    and where the last one's end: int64 [examples + 1].
    """

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self._stored = [_Stored(batch) for batch in batches]
        self._starts = np.cumsum([0, *(batch.num_rows for batch in batches)]).tolist()
        self.owners = np.concatenate([one.index for one in self._stored]) if batches else np.zeros(0, np.int64)
        self.bounds = np.append(np.flatnonzero(np.diff(self.owners, prepend=-1)), len(self.owners))

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, place: int) -> Features: ...
    @overload
    def __getitem__(self, place: slice) -> list[Features]: ...
    def __getitem__(self, place: int | slice) -> Features | list[Features]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        at = int(place) + len(self) if place < 0 else int(place)
        if not 0 <= at < len(self):
            raise IndexError(place)
        number = bisect_right(self._starts, at) - 1
        return self._stored[number].feature(at - self._starts[number])

    def __iter__(self) -> Iterator[Features]:
        for stored in self._stored:
            for row in range(len(stored.index)):
                yield stored.feature(row)

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of equal features."""
        if not isinstance(other, Sequence) or len(other) != len(self):
            return False
        return all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @property
    def lengths(self) -> np.ndarray:
        """The tokens of each feature."""
        return np.concatenate([np.diff(one.id_bounds) for one in self._stored] or [np.zeros(0, np.int64)])

    @property
    def cut(self) -> np.ndarray:
        """The tokens that the length limit removed, for each feature."""
        return np.concatenate([one.cut for one in self._stored]) if self._stored else np.zeros(0, np.int32)

    def ids(self) -> Iterator[np.ndarray]:
        """All token ids, a stretch of int32 at a time."""
        for stored in self._stored:
            yield stored.ids

    def seen(self) -> str:
        """A hash of all that a model sees: ids, their kinds, and where each feature ends."""
        found = hashlib.sha256()
        for stored in self._stored:
            for column in (stored.id_bounds, stored.ids, stored.kind_bounds, stored.kinds):
                found.update(np.ascontiguousarray(column).data)
        return found.hexdigest()


@final
class _Stored:
    """The columns of one batch as numpy arrays that share its memory."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        def plain(name: str, kind: type) -> np.ndarray:
            return _view(batch.column(name), kind)

        self.index, self.part, self.cut = plain("index", np.int64), plain("part", np.int32), plain("cut", np.int32)
        self.supervised, self.weight = plain("supervised", np.float64), plain("weight", np.float64)
        self.start, self.stop = plain("start", np.int64), plain("stop", np.int64)
        ids, kinds = batch.column("ids"), batch.column("kinds")
        self.ids, self.id_bounds = _view(ids.values, np.int32), _view(ids, np.int64, 1)
        self.kinds, self.kind_bounds = _view(kinds.values, np.int8), _view(kinds, np.int64, 1)
        known = kinds.buffers()[0]  # a bit a row; none where every row has kinds
        bits = np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little") if known else np.ones(len(kinds))
        self.typed = bits[: len(kinds)].astype(bool)
        self.target = batch.column("target")

    def feature(self, row: int) -> Features:
        kinds = self.kinds[self.kind_bounds[row] : self.kind_bounds[row + 1]].tolist() if self.typed[row] else None
        return Features(
            int(self.index[row]),
            self.ids[self.id_bounds[row] : self.id_bounds[row + 1]].tolist(),
            of_json(self.target[row].as_py()),
            supervised=float(self.supervised[row]),
            part=int(self.part[row]),
            kinds=kinds,
            span=(int(self.start[row]), int(self.stop[row])),
            weight=float(self.weight[row]),
            cut=int(self.cut[row]),
        )


def _view(column: pa.Array, kind: type, more: int = 0) -> np.ndarray:
    """A column's numbers (of lists: their bounds, one ``more``) where they lie; pyarrow's own way imports pandas."""
    assert column.offset == 0
    buffer = column.buffers()[1]
    return np.frombuffer(buffer, kind, len(column) + more) if buffer is not None else np.zeros(more, kind)


def key(content: str, task: Task, tokenizer: Any, limits: Limits, schema: Schema) -> str:
    """The name under which tokens are kept: a hash of the rows, the tokenizer, the settings and the encoding code."""
    assert content, "rows without a name of their own would get those of others"
    parts = [
        FORMAT,
        content,
        type(task).__qualname__,
        changed(task),
        asdict(limits),
        asdict(schema),
        _of_tokenizer(tokenizer),
        _of_code(type(task)),
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def place_of(name: str) -> Path:
    """The folder of the tokens of one key, marked as used now; older ones go where there are too many."""
    home = cache.folder("tokens")
    place = home / name
    if not place.is_dir():
        cache.trim(home)
        place.mkdir(parents=True, exist_ok=True)
    os.utime(place)
    return place


def load(place: Path, number: int) -> pa.RecordBatch | None:
    """One file's features; None where it is not there, or is not what was written."""
    for path in place.glob(f"{number:06d}-*.arrow"):
        if digest(path)[:32] == path.stem.partition("-")[2]:
            return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
        path.unlink(missing_ok=True)
    return None


def store(place: Path, number: int, features: Sequence[Features]) -> pa.RecordBatch:
    """Write one file: beside its place, flushed, named by its hash."""
    beside = place / f".{number:06d}.{os.getpid()}.part"
    try:
        with beside.open("wb") as file:
            with pa.ipc.new_file(file, _SCHEMA) as writer:
                writer.write_batch(_batch(features))
            file.flush()
            os.fsync(file.fileno())
        path = place / f"{number:06d}-{digest(beside)[:32]}.arrow"
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)


def _batch(features: Sequence[Features]) -> pa.RecordBatch:
    """The features as columns, made of their buffers: of all else pyarrow asks pandas what it is, and imports it."""
    kinds = [one.kinds for one in features]
    targets = [as_json(one.target) for one in features]
    columns = [
        _numbers(np.array([one.index for one in features], np.int64)),
        _numbers(np.array([one.part for one in features], np.int32)),
        _lists([one.ids for one in features], np.int32),
        _lists(kinds, np.int8),
        as_column(targets),
        _numbers(np.array([one.supervised for one in features], np.float64)),
        _numbers(np.array([one.span[0] for one in features], np.int64)),
        _numbers(np.array([one.span[1] for one in features], np.int64)),
        _numbers(np.array([one.weight for one in features], np.float64)),
        _numbers(np.array([one.cut for one in features], np.int32)),
    ]
    return pa.record_batch(columns, schema=_SCHEMA)


def _numbers(values: np.ndarray) -> pa.Array:
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _lists(values: Sequence[Sequence[int] | None], kind: type) -> pa.Array:
    """Lists of numbers as one array; None stays None."""
    bounds = np.cumsum([0, *(len(one or ()) for one in values)], dtype=np.int64)
    flat = np.concatenate([np.zeros(0, kind), *(np.asarray(one, kind) for one in values if one)])
    known = np.packbits(np.array([one is not None for one in values], bool), bitorder="little")
    buffers = [pa.py_buffer(known), pa.py_buffer(bounds)]
    inner = _numbers(flat)
    return pa.Array.from_buffers(pa.large_list(inner.type), len(values), buffers, children=[inner])


def _of_tokenizer(tokenizer: Any) -> str:
    """Everything in it that decides which tokens a text has; cutting and filling up are not the tokenizer's to do."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    whole = backend.to_str() if backend is not None else repr(tokenizer)
    special = sorted(map(str, tokenizer.special_tokens_map.items()))
    return hashlib.sha256(f"{whole} {special}".encode("utf-8", "surrogatepass")).hexdigest()


@once
def _of_code(task: type) -> str:
    """The sources of the tasks, a plugin's own among them: who changes how a row is encoded must not get old tokens."""
    own = Path(inspect.getfile(task))
    files = sorted({*(Path(inspect.getfile(Task)).parent.glob("*.py")), own})
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
