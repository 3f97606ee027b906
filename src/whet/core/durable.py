"""Files and folders that outlive a kill and a power cut: written beside their place, flushed, renamed, sealed.

Whoever reads sees the old or the new one, never half of it. What a kill leaves beside bears a name that no reader
takes for anything (``.NAME.part``, ``.NAME.old``), and ``recover`` clears it away.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from whet.core.errors import Fault, ModelError

MANIFEST = "manifest.json"
"""The file of a sealed folder that holds the SHA-256 of every other, and of itself."""
PART, OLD = ".part", ".old"


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """An open text file that takes the place of ``path`` at the end, and leaves the old one where anything fails."""
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def publish(folder: Path, write: Callable[[Path], object]) -> None:
    """Write a whole folder beside its place, seal it, then rename it there: ``write(path)`` fills it.

    No system replaces a folder that is not empty, so an old one steps aside first; a kill between the two renames is
    mended by ``recover``.
    """
    make_folder(folder.parent)
    recover(folder.parent)
    beside, aside = _beside(folder, PART), _beside(folder, OLD)
    try:
        beside.mkdir()
        write(beside)
        seal(beside)
        for path in (*sorted(beside.rglob("*")), beside, folder.parent):
            sync(path)
        if folder.exists():
            folder.replace(aside)
        beside.replace(folder)
    except BaseException:
        with suppress(OSError):
            recover(folder.parent)
        raise
    sync(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a folder at one stroke: it first loses its name, so that a kill leaves no half of it under that name."""
    gone = _beside(folder, PART)
    shutil.rmtree(gone, ignore_errors=True)
    folder.replace(gone)
    shutil.rmtree(gone)


def recover(parent: Path) -> None:
    """Clear away what a killed writer left in a folder; one that had stepped aside for nothing comes back."""
    for beside in [*parent.glob(f".*{PART}"), *parent.glob(f".*{OLD}")]:
        place = parent / beside.name[1:].removesuffix(OLD)
        if beside.name.endswith(OLD) and not place.exists():
            beside.replace(place)
        elif beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each known to the disk before anything is written into it."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in reversed(missing):
        sync(place.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk (Windows does that for folders by itself)."""
    folder = path.is_dir()
    if folder and os.name == "nt":
        return
    number = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(number)
    except OSError as error:
        if not folder or error.errno != errno.EINVAL:  # some network disks cannot do it for folders
            raise
    finally:
        os.close(number)


def seal(folder: Path) -> None:
    """Write the manifest: the SHA-256 of every file of the folder, and one over these lines."""
    hashes = {path.relative_to(folder).as_posix(): digest(path) for path in _files(folder)}
    (folder / MANIFEST).write_text(_manifest(hashes), "utf-8", newline="\n")


def verify(folder: Path, cure: str) -> None:
    """Raises ModelError, with every file that is missing or altered since the folder was sealed; others may be added.

    The manifest is compared byte for byte with what would be written today, so a flipped bit in it is found too.
    """
    try:
        text = (folder / MANIFEST).read_bytes().decode()
        known = json.loads(text)["files"]
        whole = text == _manifest(known)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        whole = False
    if not whole:
        raise ModelError(f"{MANIFEST} is missing or not what was written", str(folder), cure)
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    wrong = {name: "missing" for name in known if name not in files}
    wrong |= {name: "not what was written" for name in known if name in files and digest(files[name]) != known[name]}
    if wrong:
        raise ModelError([Fault(f"{name} is {what}", str(folder), cure) for name, what in sorted(wrong.items())])


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)


def _manifest(files: dict[str, Any]) -> str:
    """The manifest's text: its own hash is over the other lines."""
    lines = json.dumps(files, ensure_ascii=False, indent=2)
    own = hashlib.sha256(lines.encode()).hexdigest()
    return json.dumps({"files": files, "sha256": own}, ensure_ascii=False, indent=2) + "\n"


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f".{folder.name}{ending}")
