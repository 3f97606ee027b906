"""Long sequences in little memory: what does not fit lies in a file and is made anew when it is asked for."""

from __future__ import annotations

import json
import os
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Generic, TypeVar, final, overload

import numpy as np
import pyarrow as pa

from whet.core import cache

CHUNK = 1024
"""Items that are made, kept and forgotten together."""
HELD = 16
"""Chunks that stay in memory once they are made: data sets of up to 16,384 rows are made once."""
IN_MEMORY = 16 << 20
"""Bytes, as written, of which the objects stay in memory; Python's own take some six times as much."""

T = TypeVar("T")
_SCHEMA = pa.schema([("item", pa.large_binary())])


@final
class Lazy(Sequence[T], Generic[T]):
    """A sequence whose items are made when asked for, a chunk at a time; the last ``held`` chunks stay.

    ``make(start, stop)`` gives the items of one chunk.
    """

    def __init__(self, length: int, make: Callable[[int, int], list[T]], held: int = HELD) -> None:
        self._length, self._make, self._held = length, make, held
        self._chunks: OrderedDict[int, list[T]] = OrderedDict()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return self._stretch(range(*place.indices(self._length)))
        at = place + self._length if place < 0 else place
        if not 0 <= at < self._length:
            raise IndexError(place)
        return self._chunk(int(at) // CHUNK)[int(at) % CHUNK]

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of equal items, as lists and tuples are not to each other."""
        if not isinstance(other, Sequence) or len(other) != len(self):
            return False
        return all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[T]:
        for number in range(-(-self._length // CHUNK)):
            yield from self._chunk(number)

    def _stretch(self, places: range) -> list[T]:
        """Some of the items; those that stand side by side are taken a chunk at a time."""
        if places.step != 1 or not places:
            return [self[i] for i in places]
        found: list[T] = []
        for number in range(places.start // CHUNK, (places.stop - 1) // CHUNK + 1):
            start = number * CHUNK
            found += self._chunk(number)[max(places.start - start, 0) : places.stop - start]
        return found

    def _chunk(self, number: int) -> list[T]:
        found = self._chunks.get(number)
        if found is None:
            start = number * CHUNK
            found = self._chunks[number] = self._make(start, min(start + CHUNK, self._length))
            if len(self._chunks) > self._held:
                self._chunks.popitem(last=False)
        else:
            self._chunks.move_to_end(number)
        return found


def keep(
    items: Iterable[T],
    pack: Callable[[T], bytes],
    unpack: Callable[[bytes], T],
    size_of: Callable[[T], int],
    in_memory: int = IN_MEMORY,
) -> Sequence[T]:
    """A sequence of the items: a list while they are few, else they lie in a file that goes with the process.

    ``unpack(pack(item))`` must equal the item; ``size_of`` says about how long ``pack(item)`` is. The file is read and
    not mapped, for mapped pages stay in memory as long as there is room, and count as the process's own.
    """
    first: list[T] = []
    size = 0
    rest = iter(items)
    for item in rest:
        first.append(item)
        size += size_of(item)
        if size > in_memory:
            break
    else:
        return first
    reader = _written(pack(item) for item in chain(_drained(first), rest))
    full = reader.num_record_batches - 1

    def make(start: int, stop: int) -> list[T]:
        return [unpack(item) for item in reader.get_batch(start // CHUNK).column(0).to_pylist()]

    return Lazy(full * CHUNK + reader.get_batch(full).num_rows, make)


def _drained(items: list[T]) -> Iterator[T]:
    """The items of a list, which is empty at the end: none of them is kept twice."""
    items.reverse()
    while items:
        yield items.pop()


def _written(items: Iterator[bytes]) -> Any:
    """Everything in a file of its own, open for reading; the name is gone as soon as the system allows."""
    path = cache.scratch()
    try:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            held: list[bytes] = []
            for item in items:
                held.append(item)
                if len(held) == CHUNK:
                    writer.write_batch(_batch(held))
                    held = []
            if held:
                writer.write_batch(_batch(held))
        source = pa.OSFile(str(path), "rb")
        reader = pa.ipc.open_file(source)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    _forget(path, source)
    return reader


def _batch(items: list[bytes]) -> pa.RecordBatch:
    return pa.record_batch([as_column(items)], schema=_SCHEMA)


def as_column(items: Sequence[bytes]) -> pa.Array:
    """Items as a column, made of their bytes: of a list pyarrow asks pandas what it is, and imports it."""
    bounds = np.cumsum([0, *map(len, items)], dtype=np.int64)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(b"".join(items))]
    return pa.Array.from_buffers(pa.large_binary(), len(items), buffers)


def _forget(path: Path, source: Any) -> None:
    """Remove the name: at once on POSIX, where an open file lives on without one, else with the process."""
    if os.name == "posix":
        path.unlink(missing_ok=True)
    else:
        weakref.finalize(source, lambda: path.unlink(missing_ok=True))


def as_json(value: Any) -> bytes:
    """A plain value as bytes; half a surrogate pair, which some tokenizers' texts have, survives."""
    return json.dumps(value, ensure_ascii=False, default=_plain).encode("utf-8", "surrogatepass")


def of_json(packed: bytes) -> Any:
    """The value back, lists for tuples."""
    return json.loads(packed.decode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    """A numpy scalar or array as Python has it. Raises TypeError for anything else, as json does."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain value")
