"""Files that others wrote: JSON and safetensors, checked by code of our own before any library sees them.

Python's reader of JSON takes any length and keeps the last of two equal names; safetensors' own checks are good, but
come after a header of up to 100 MB was read. Here both are bounded: what is refused costs less than 200 MB. A link
that leads out of its folder is refused too, save inside one repository of the hub's cache, which consists of links.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.core.errors import Fault, ModelError

LARGEST = 10_000_000
"""Bytes of a JSON file or header: a hundred thousand tensors fit; a value takes at most twelve times its text."""
_CROWDED, _DEEPEST = 100_000, 100
_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "BOOL": 8, "C64": 64}
_BITS |= {"U64": 64, "U32": 32, "U16": 16, "U8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4}
_BITS |= {"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F6_E2M3": 6, "F6_E3M2": 6}
_AGAIN = "get the file again from where it came, or save the model again with transformers"


@dataclass(frozen=True)
class Held:
    """What safetensors files hold: how many tensors, and numbers in them."""

    tensors: int
    numbers: int


def regular(path: Path, largest: int | None = None) -> int:
    """The size of a file. Raises ModelError where it is no file, lies outside its folder or is larger than allowed."""
    folder = path.parent.resolve()
    kept = folder.parents[1] if len(folder.parts) > 3 and folder.parent.name == "snapshots" else folder
    root = kept if kept.name.startswith("models--") else folder
    try:
        within = path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        within = False
    if not within:
        raise ModelError("it is a link that leads out of its folder", str(path), "put a copy of the file there")
    if not path.is_file():
        raise ModelError("it is missing, or no ordinary file", str(path), _AGAIN)
    size = path.stat().st_size
    if largest is not None and size > largest:
        raise ModelError(f"it has {size:,} bytes, {largest:,} are allowed", str(path), _AGAIN)
    return size


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file. Raises ModelError where it is none, too large, or nested too deep."""
    regular(path, LARGEST)
    return _parsed(path.read_bytes(), path)


def check_weights(*paths: Path) -> Held:
    """What the files hold, from their headers alone. Raises ModelError with the first fault of each file.

    A header must say of every byte behind it to which tensor it belongs: no byte twice and none left over.
    """
    faults: list[Fault] = []
    tensors = numbers = 0
    for path in paths:
        try:
            shapes = _shapes(path)
            tensors, numbers = tensors + len(shapes), numbers + sum(map(math.prod, shapes.values()))
        except ModelError as error:
            faults += error.faults
    if faults:
        raise ModelError(faults)
    return Held(tensors, numbers)


def _parsed(raw: bytes, path: Path, once: bool = False) -> dict[str, Any]:
    if raw.count(b"[") + raw.count(b"{") > max(_CROWDED, len(raw) // 16):
        raise ModelError("its JSON consists of brackets", str(path), _AGAIN)
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique if once else None)
    except RecursionError as error:
        raise ModelError("its JSON is nested too deep", str(path), _AGAIN) from error
    except ValueError as error:  # no JSON, no UTF-8, or an integer of thousands of digits
        raise ModelError(f"its JSON cannot be read ({str(error)[:200]})", str(path), _AGAIN) from error
    if not once and _deeper(found, _DEEPEST):
        raise ModelError("its JSON is nested too deep", str(path), _AGAIN)
    if not isinstance(found, dict):
        raise ModelError(f"its JSON is a {type(found).__name__}, an object is needed", str(path), _AGAIN)
    return found


def _deeper(value: Any, most: int) -> bool:
    """Whether values are nested deeper than so many levels, so that those who walk through them need not ask."""
    level = [value]
    for _ in range(most):
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))]
        level = [part for one in inner for part in one]
    return bool(level)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice[:100]!r} stands there twice")
    return found


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a file whose header was found to be true."""
    size = regular(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little") if size >= 8 else -1
        if length < 0 or length > size - 8:
            said = (
                f"the header should have {length:,} bytes, the file has {size:,}" if length >= 0 else "it is too short"
            )
            raise ModelError(f"it is no whole safetensors file: {said}", str(path), _AGAIN)
        if length > LARGEST:
            raise ModelError(f"its header has {length:,} bytes, {LARGEST:,} are allowed", str(path), _AGAIN)
        header = _parsed(file.read(length), path, once=True)
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise ModelError("the header's __metadata__ is not text by text", str(path), _AGAIN)
    shapes, spans = {}, []
    for name, entry in header.items():
        shapes[name], span = _entry(name, entry, path)
        spans.append((*span, name))
    end = 0
    for begin, stop, name in sorted(spans):
        if begin != end:
            what = "overlaps another" if begin < end else f"leaves a hole of {begin - end:,} bytes before it"
            raise ModelError(f"the tensor {name[:100]!r} {what}", str(path), _AGAIN)
        end = stop
    if end != size - 8 - length:
        said = f"the header speaks of {end:,} bytes of weights, the file has {size - 8 - length:,}"
        raise ModelError(said, str(path), _AGAIN)
    return shapes


def _entry(name: str, entry: Any, path: Path) -> tuple[tuple[int, ...], tuple[int, int]]:
    """A tensor's shape, and where it begins and ends."""
    wrong = f"the tensor {name[:100]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ModelError(f"{wrong} has not exactly a dtype, a shape and data_offsets", str(path), _AGAIN)
    bits = _BITS.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if bits is None:
        raise ModelError(f"{wrong} has the unknown dtype {str(entry['dtype'])[:40]!r}", str(path), _AGAIN)
    shape, span = entry["shape"], entry["data_offsets"]
    if not _sizes(shape) or not _sizes(span) or len(span) != 2 or span[0] > span[1]:
        raise ModelError(f"{wrong} has a shape or offsets that are not sizes in order", str(path), _AGAIN)
    if math.prod(shape) * bits != (span[1] - span[0]) * 8:
        said = f"{wrong} of shape {str(shape)[:100]} in {entry['dtype']} does not fill its {span[1] - span[0]:,} bytes"
        raise ModelError(said, str(path), _AGAIN)
    return tuple(shape), (span[0], span[1])


def _sizes(values: Any) -> bool:
    """Whether it is a short list of numbers that a file can have, so that no product of them grows without bound."""
    return (
        isinstance(values, list)
        and len(values) <= 16
        and all(type(value) is int and 0 <= value < 2**63 for value in values)
    )


def inside(name: Any) -> bool:
    """Whether a file's name, as another file gives it, is a plain name: no folder, no way up, no drive."""
    return isinstance(name, str) and bool(name) and name not in (".", "..") and not set(name) & set("/\\:\0" + os.sep)
