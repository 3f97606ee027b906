"""Where the rows are: DATA as a file, a folder with a file for each split, or a data set on the hub."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path

from whet.core.errors import DataError, Fault
from whet.prepare.options import DataOptions
from whet.prepare.readers._bytes import opened
from whet.prepare.readers._shards import shards_of
from whet.prepare.readers.contract import READERS, SURE, look, peek, text_in, unpacked_name

SPLITS = ("train", "validation", "test")
WORDS = {
    "train": {"train", "training", "trn"},
    "validation": {"validation", "valid", "val", "dev", "devel", "development"},
    "test": {"test", "testing", "tst"},
}
"""The words by which files say which split they hold."""

NOWHERE = Fault("there is no such file or folder", cure="check the path; a hub data set is hf:NAME")


@dataclass(frozen=True)
class Place:
    """The source of every split that was found; ``hub`` is set where the other splits come from there."""

    files: dict[str, Path]
    notes: tuple[str, ...] = ()
    hub: str | None = None


def locate(source: str | None, options: DataOptions) -> Place:
    """Find each split's file; files named in the options go before what stands in the folder or on the hub.

    Raises DataError where there is none, or where two files claim one split.
    """
    named = {split: Path(path) for split in SPLITS if (path := getattr(options, split))}
    faults = [fault for split, path in named.items() for fault in _closed(path, split)]
    if faults:
        raise DataError(faults)
    if source is not None and source.startswith("hf:"):
        return Place(_ordered(named), hub=source.removeprefix("hf:"))
    if source is not None and not os.path.lexists(source):
        raise DataError(NOWHERE.what, source, NOWHERE.cure)
    if source is None or not is_folder(source):
        if source is not None and "train" not in named:
            named = {"train": Path(source), **named}
        if "train" not in named:
            raise DataError("no training rows are named", "data.train", "give DATA, or set data.train")
        return Place(_ordered(named))
    folder = Path(source)
    found = _search(folder, skip=set(named))
    files = _ordered({**found, **named})
    if not files and _is_owned(folder):
        return Place({"train": folder})
    if "train" not in files:
        single = _single(folder) if not files else None
        if single is None:
            here = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
            cure = "name one file train, or set data.train"
            raise DataError(f"no file's name says that it holds the training rows; found {here}", source, cure)
        files = {"train": single}
    said = ", ".join(f"{split} from {path.name}" for split, path in files.items())
    return Place(files, (f"found in {folder}: {said}",))


def _closed(path: Path, split: str) -> tuple[Fault, ...]:
    """Why a file that the user named cannot be read, if it cannot; a folder can where a reader has its files there."""
    name = str(path) if split == "train" else f"data.{split}={path}"  # the first is what stands as DATA
    if split == "train" and not os.path.lexists(path):  # and may be more than a file
        return (dataclasses.replace(NOWHERE, where=name),)
    try:
        opened(path, name)
    except DataError as error:
        return () if _is_owned(path) else error.faults
    return ()


def is_folder(path: str | Path) -> bool:
    """Whether a folder is there; asked about a name that is too long for any, ``Path.is_dir`` itself raises."""
    return os.path.lexists(path) and Path(path).is_dir()


def split_of(name: str) -> str | None:
    """Which split a file's name speaks of, if it speaks of exactly one: ``wnut17train.conll`` is train."""
    words = set(re.findall(r"[a-z]+", name.lower()))
    said = [split for split, known in WORDS.items() if words & known]
    return said[0] if len(said) == 1 else None


def _ordered(files: dict[str, Path]) -> dict[str, Path]:
    return {split: files[split] for split in SPLITS if split in files}


def _search(folder: Path, skip: set[str]) -> dict[str, Path]:
    claims: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        split = split_of(path.name)
        if not split or split in skip or path.name.startswith("."):
            continue
        if any(path in _with_it(other) for other in claims.get(split, [])):
            continue
        if _is_owned(path) if path.is_dir() else path.is_file() and _readable(path):
            claims.setdefault(split, []).append(path)
    faults, found = [], {}
    for split, paths in claims.items():
        plain = [path for path in paths if path.name.partition(".")[0].lower() in WORDS[split]]
        best = plain if len(plain) == 1 else paths
        if len(best) > 1:
            names = ", ".join(path.name for path in best)
            faults.append(
                Fault(f"{len(best)} files claim the split {split}: {names}", str(folder), f"set data.{split}")
            )
        found[split] = best[0]
    if faults:
        raise DataError(faults)
    return found


def _with_it(path: Path) -> list[Path]:
    """The files that are read with this one: its shards, and its partner where two files are one table."""
    shards = shards_of(path, str(path))
    return shards + [file for entry in READERS for file in READERS[entry]().files(path)]


def _is_owned(path: Path) -> bool:
    """Whether a folder holds one table in many files."""
    return is_folder(path) and any(READERS[entry]().files(path) != [path] for entry in READERS)


def _readable(path: Path) -> bool:
    readers = [READERS[name]() for name in READERS]
    if _ending(path) in {ending for reader in readers for ending in reader.endings}:
        return True
    try:
        seen = look(path)
        if not seen.encoding or READERS[seen.entry]().files(path) != [path]:
            return True
        head, _ = peek(text_in(path, seen, str(path)))
    except DataError:
        return False
    return max(reader.sniff(head) for reader in readers) >= SURE


def _ending(path: Path) -> str:
    return Path(unpacked_name(path.name)).suffix.lower()


def _single(folder: Path) -> Path | None:
    """The only file of the folder that a reader knows by its ending, if it is the only one."""
    endings = {ending for name in READERS for ending in READERS[name].endings}
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and _ending(path) in endings]
    return files[0] if len(files) == 1 else None
