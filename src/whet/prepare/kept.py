"""Long sequences in little memory: what does not fit lies in a memory-mapped file and is made anew when asked for."""

from __future__ import annotations

import json
import os
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    """A sequence of the items: a list while they are few, else the later ones in a file that goes with the process.

    ``unpack(pack(item))`` must equal the item; ``size_of`` says about how long ``pack(item)`` is.
    """
    first: list[T] = []
    size = 0
    rest = iter(items)
    for item in rest:
        first.append(item)
        size += size_of(item)
        if size > in_memory and len(first) % CHUNK == 0:
            break
    else:
        return first
    batches = _written(pack(item) for item in rest)
    length = len(first) + sum(batch.num_rows for batch in batches)

    def make(start: int, stop: int) -> list[T]:
        if start < len(first):
            return first[start:stop]
        batch = batches[(start - len(first)) // CHUNK]
        return [unpack(item) for item in batch.column(0).to_pylist()]

    return Lazy(length, make)


def _written(items: Iterator[bytes]) -> list[pa.RecordBatch]:
    """Everything in a file of its own, mapped into memory; the name is gone as soon as the system allows."""
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
        mapped = pa.memory_map(str(path))
        reader = pa.ipc.open_file(mapped)
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    _forget(path, mapped)
    return batches


def _batch(items: list[bytes]) -> pa.RecordBatch:
    """Items as one column, from their bytes: of a list pyarrow asks pandas what it is, and imports it."""
    bounds = np.cumsum([0, *map(len, items)], dtype=np.int64)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(b"".join(items))]
    return pa.record_batch([pa.Array.from_buffers(pa.large_binary(), len(items), buffers)], schema=_SCHEMA)


def _forget(path: Path, mapped: Any) -> None:
    """Remove the name: at once on POSIX, where a mapped file lives on without one, else with the process."""
    if os.name == "posix":
        path.unlink(missing_ok=True)
    else:
        weakref.finalize(mapped, lambda: path.unlink(missing_ok=True))


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
