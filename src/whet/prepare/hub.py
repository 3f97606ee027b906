"""Data sets from the Hugging Face hub, by ``datasets``: ``hf:NAME`` or ``hf:NAME:CONFIGURATION``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from whet.core.errors import DataError
from whet.prepare.locate import SPLITS, split_of
from whet.prepare.readers.contract import Line

SECONDS = 10.0
"""How long the hub may take to answer who a data set is; the download itself may take as long as it needs."""


def load(name: str, seconds: float = SECONDS) -> dict[str, Any]:
    """The splits of a data set by their usual names. Raises DataError where no answer comes in time."""
    import datasets

    path, _, configuration = name.partition(":")
    local = "give a local file or folder instead (csv, tsv, json lines)"
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(datasets.load_dataset_builder(path, configuration or None))
        except Exception as error:  # the hub's client raises many kinds; each becomes one sentence below
            answer.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if not answer:
        raise DataError(f"the hub did not answer within {seconds:g} seconds", f"hf:{name}", local)
    if isinstance(answer[0], Exception):
        reason = str(answer[0]).partition("\n")[0]
        raise DataError(f"the data set cannot be loaded: {reason}", f"hf:{name}", f"check the name, or {local}")
    answer[0].download_and_prepare()
    found = answer[0].as_dataset()
    splits = {split_of(key): part for key, part in found.items()}
    usual = {split: splits[split] for split in SPLITS if split in splits}
    if "train" not in usual:
        raise DataError(f"there is no train split among {', '.join(found)}", f"hf:{name}", local)
    return usual


def lines(part: Any) -> Iterator[Line]:
    """The rows of one split; numbers that stand for classes become their names (-1, unlabelled: None)."""
    names = {column: kind.names for column, kind in part.features.items() if hasattr(kind, "names")}
    inner = {
        column: kind.feature.names
        for column, kind in part.features.items()
        if hasattr(getattr(kind, "feature", None), "names")
    }
    for number, row in enumerate(part, 1):
        cells = dict(row)
        for column, labels in names.items():
            cells[column] = _name(cells[column], labels)
        for column, labels in inner.items():
            cells[column] = [_name(value, labels) for value in cells[column] or ()]
        yield Line(number, cells)


def _name(value: int | None, labels: list[str]) -> str | None:
    return None if value is None or value < 0 else labels[value]
