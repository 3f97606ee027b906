"""States below a cut on the disk: computed once for each feature of a split, memory-mapped, known by all they rest on.

They are computed in stretches of a fixed number of tokens and in batches of a fixed budget, whatever the run's own
batches: so two runs, and a run that goes on, compute the same bits. A product's last bits depend on how many rows it
has, so they are not those of the same text in another batch; the choice to use them is therefore kept in the recipe.

A stretch is a file of numbers, named by its place and its hash. One that is damaged, cut short or missing is computed
anew, and two processes that write the same one write the same.

Shape legend: T tokens, l tokens of one feature, D width.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import final, overload

import numpy as np
import torch
from torch import Tensor

from whet.core import cache
from whet.core.durable import digest
from whet.core.events import Said, Tell
from whet.nn.trunk import Trunk
from whet.prepare.batch import sweep
from whet.prepare.tokens import Tokens
from whet.tasks.contract import Features, Split

FORMAT = 1
STRETCH_TOKENS = 32_768
"""Tokens of one file: 25 MB for MiniLM in bfloat16, a second or two of work."""
BATCH_TOKENS = 4096
"""Tokens that go through the still blocks at once; without gradients that is little memory."""
WAIT_SECONDS = 20.0
"""Between two words on how far it is."""


@final
class Stated(Sequence[Features]):
    """A split's features, each with its states; ``bounds`` says where each example's features begin."""

    def __init__(self, features: Tokens, stretches: Sequence[Tensor]) -> None:
        """``stretches`` are the states ``[T, D]`` of neighbouring features, end to end."""
        self._features, self._stretches = features, stretches
        self.bounds = features.bounds
        self._firsts = np.array([one.start for one in divided(features.lengths)], np.int64)
        self._ends = np.cumsum(features.lengths)

    def __len__(self) -> int:
        return len(self._features)

    @overload
    def __getitem__(self, place: int) -> Features: ...
    @overload
    def __getitem__(self, place: slice) -> list[Features]: ...
    def __getitem__(self, place: int | slice) -> Features | list[Features]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        feature, at = self._features[place], range(len(self))[place]
        number = int(np.searchsorted(self._firsts, at, side="right")) - 1
        first = int(self._firsts[number])
        stop = int(self._ends[at]) - (int(self._ends[first - 1]) if first else 0)
        return dataclasses.replace(feature, states=self._stretches[number][stop - len(feature.ids) : stop])

    def __iter__(self) -> Iterator[Features]:
        return (self[place] for place in range(len(self)))


def divided(lengths: np.ndarray) -> list[range]:
    """Neighbouring features in stretches of at most ``STRETCH_TOKENS``; a longer feature stands alone."""
    found, start, tokens = [], 0, 0
    for place, length in enumerate(lengths.tolist()):
        if tokens and tokens + length > STRETCH_TOKENS:
            found.append(range(start, place))
            start, tokens = place, 0
        tokens += length
    return [*found, range(start, len(lengths))] if len(lengths) else []


def stated(trunk: Trunk, splits: Mapping[str, Split], most_bytes: int, tell: Tell) -> dict[str, Split]:
    """The splits with their features' states, computed as far as they do not lie on the disk; all in ``most_bytes``.

    Nothing, said aloud, where the disk does not take them.
    """
    try:
        kind = trunk.fingerprint()
        places = {name: _place(kind, features_of(split)) for name, split in splits.items()}
        _make_room(places, sum(bytes_of(trunk, split) for split in splits.values()), most_bytes)
        trunk.engine.network.eval()
        return {name: _filled(trunk, split, places[name], tell) for name, split in splits.items()}
    except OSError as error:
        tell(Said(f"states cannot be kept ({error}): the still blocks are computed in every epoch, other last bits"))
        return {}


def features_of(split: Split) -> Tokens:
    """The split's features as they lie on the disk."""
    assert isinstance(split.features, Tokens)
    return split.features


def bytes_of(trunk: Trunk, split: Split) -> int:
    """What the states of a split take."""
    return int(features_of(split).lengths.sum()) * trunk.width * trunk.kept.itemsize


def home() -> Path:
    """Where states lie, a folder a split."""
    return cache.folder("states")


def _place(kind: str, features: Tokens) -> Path:
    """The folder of one split's states, marked as used now."""
    facts = f"{FORMAT} {STRETCH_TOKENS} {BATCH_TOKENS} {kind} {features.seen()}"
    place = home() / hashlib.sha256(facts.encode()).hexdigest()[:40]
    place.mkdir(exist_ok=True)
    os.utime(place)
    return place


def _make_room(places: Mapping[str, Path], needed: int, most_bytes: int) -> None:
    """Remove what was not used for longest; what another run reads lives on for it, though it has lost its name."""
    there = sum(path.stat().st_size for place in set(places.values()) for path in place.iterdir())
    cache.trim(home(), most_bytes - max(0, needed - there), in_use_seconds=0)


def _filled(trunk: Trunk, split: Split, place: Path, tell: Tell) -> Split:
    features = features_of(split)
    ends, found, told = np.cumsum(features.lengths), [], time.monotonic()
    for number, stretch in enumerate(divided(features.lengths)):
        tokens = int(features.lengths[stretch.start : stretch.stop].sum())
        shape = (tokens, trunk.width)
        states_td = _load(place, number, shape, trunk.kept)
        if states_td is None:
            states_td = _store(place, number, _computed(trunk, features[stretch.start : stretch.stop], shape))
            if time.monotonic() - told > WAIT_SECONDS:
                share, told = float(ends[stretch.stop - 1] / ends[-1]), time.monotonic()
                tell(Said(f"{split.name}: states of {share:.0%} of the tokens are computed"))
        found.append(states_td)
    return dataclasses.replace(split, features=Stated(features, found))


def _computed(trunk: Trunk, features: Sequence[Features], shape: tuple[int, int]) -> Tensor:
    """The states ``[T, D]`` of some features, end to end."""
    whole_td = torch.empty(shape, dtype=trunk.kept)
    stops = np.cumsum([len(feature.ids) for feature in features]).tolist()
    at = {(feature.index, feature.part): stop for feature, stop in zip(features, stops, strict=True)}
    for batch in next(sweep(features, BATCH_TOKENS, window=len(features))):
        with torch.inference_mode():
            states_td = trunk.states(batch.flat).cpu()
        for feature, states_ld in zip(batch.features, states_td.split(batch.flat.lengths), strict=True):
            stop = at[feature.index, feature.part]
            whole_td[stop - len(feature.ids) : stop] = states_ld
    return whole_td


def _load(place: Path, number: int, shape: tuple[int, int], kind: torch.dtype) -> Tensor | None:
    """One stretch; None where it is not there, or is not what was written."""
    for path in place.glob(f"{number:06d}-*.states"):
        with suppress(FileNotFoundError):  # another process has found it damaged too
            if digest(path)[:32] == path.stem.partition("-")[2]:
                return _mapped(path, shape, kind)
            path.unlink()
    return None


def _store(place: Path, number: int, states_td: Tensor) -> Tensor:
    """Write a stretch beside its place and name it by its hash, which also tells whether it outlived a power cut."""
    beside = cache.scratch()
    try:
        beside.write_bytes(states_td.view(torch.uint8).numpy().data)
        path = place / f"{number:06d}-{digest(beside)[:32]}.states"
        place.mkdir(exist_ok=True)  # another process may have made room for its own
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return _mapped(path, (states_td.shape[0], states_td.shape[1]), states_td.dtype)


def _mapped(path: Path, shape: tuple[int, int], kind: torch.dtype) -> Tensor:
    """A file's numbers where they lie; what is written into them stays in this process. Raises OSError."""
    try:
        return torch.from_file(str(path), shared=False, size=shape[0] * shape[1], dtype=kind).view(shape)
    except RuntimeError as error:  # torch's word for a file that is gone
        raise OSError(str(error)) from error
