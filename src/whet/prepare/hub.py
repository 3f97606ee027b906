"""Data sets from the Hugging Face hub, by ``datasets``: ``hf:NAME`` or ``hf:NAME:CONFIGURATION``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.core.errors import DataError, Fault
from whet.core.waiting import within
from whet.prepare.locate import SPLITS, WORDS, split_of
from whet.prepare.readers._caps import DEEPEST
from whet.prepare.readers._json import deep_line
from whet.prepare.readers._plain import plain_line
from whet.prepare.readers.contract import Line, unpacked_name

SECONDS = 10.0
"""How long the hub may take to answer who a data set is; the download itself may take as long as it needs."""

JSON = (".json", ".jsonl", ".ndjson")
TOO_DEEP = f"JSON is nested too deeply: more than {DEEPEST} levels"
FLATTEN = "write such a value as a text, or take it out"


@dataclass(frozen=True)
class Found:
    """A data set's splits by their usual names, and what of it must be said aloud."""

    splits: dict[str, Any]
    notes: tuple[str, ...]


def load(name: str, needs: str | None = "train", own: Collection[str] = (), seconds: float = SECONDS) -> Found:
    """The splits of a data set but those for which the user has files of their ``own``.

    Raises DataError where no answer comes in time, and where the split that the caller ``needs`` is missing.
    """
    import datasets

    path, _, configuration = name.partition(":")
    _refuse_deep(Path(path))
    local = "give a local file or folder instead (csv, json lines, parquet)"
    try:
        builder = within(seconds, lambda: datasets.load_dataset_builder(path, configuration or None))
    except TimeoutError as error:
        raise DataError(f"the hub did not answer within {seconds:g} seconds", f"hf:{name}", local) from error
    except Exception as error:  # the hub's client raises many kinds
        raise _refusal(error, name, f"check the name, or {local}") from error
    try:
        builder.download_and_prepare()
        found = builder.as_dataset()
    except Exception as error:  # so do its readers
        raise _refusal(error, name, local) from error
    claims: dict[str, list[str]] = {split: [] for split in SPLITS}
    for key in found:
        if (split := split_of(key)) and split not in own:
            claims[split].append(key)
    if needs and needs not in own and not claims[needs]:
        raise DataError(f"there is no {needs} split among {', '.join(found)}", f"hf:{name}", local)
    chosen = {split: _plainest(keys, split) for split, keys in claims.items() if keys}
    notes = [f"hf:{name}: found {', '.join(chosen)}"]
    notes += [
        f"hf:{name}: {' and '.join(keys)} could be the {split} split: {chosen[split]} is taken; "
        f"data.{split}=FILE takes other rows"
        for split, keys in claims.items()
        if len(keys) > 1
    ]
    return Found({split: found[key] for split, key in chosen.items()}, tuple(notes))


def _refuse_deep(folder: Path) -> None:
    """Raise DataError for JSON in a local folder that is nested so deeply that the library's parser would end the
    process; no error of it could be caught."""
    files = [path for path in folder.rglob("*") if Path(unpacked_name(path.name)).suffix in JSON and path.is_file()]
    faults = [Fault(TOO_DEEP, f"{path}, line {line}", FLATTEN) for path in sorted(files) if (line := deep_line(path))]
    if faults:
        raise DataError(faults)


def _refusal(error: Exception, name: str, cure: str) -> DataError:
    """What went wrong in one sentence; the library's own error says little and its cause more."""
    reason = str(error.__cause__ or error).partition("\n")[0][:300]
    return DataError(f"the data set cannot be loaded: {reason}", f"hf:{name}", cure)


def _plainest(keys: list[str], split: str) -> str:
    """The one that is called as the split itself, else the first, as GLUE's MNLI has the usual one first."""
    return next((key for key in keys if key.lower() in WORDS[split]), keys[0])


def lines(part: Any, name: str) -> Iterator[Line]:
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
        yield plain_line(number, cells, name)


def _name(value: int | None, labels: list[str]) -> str | None:
    return None if value is None or value < 0 else labels[value]
