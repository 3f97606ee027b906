"""Shelves: a folder whose files are its entries.

Put a file into the folder and its entry exists: listed, configurable, documented and tested by the contract suite;
nothing else is edited. A file holds one class that derives from the shelf's contract; the entry's name is the file's
name with hyphens. Further entries come from installed packages (entry points in the group ``whet.<shelf>``) and from
``--plugin my.py``: every class there that derives from a contract is put on that contract's shelf.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from whet.core.errors import UsageError, nearest

Entry = TypeVar("Entry")


class Shelf(Generic[Entry]):
    """The entries of one folder, found by file name and imported only when asked for.

    ``package`` is the folder's dotted name, ``contract`` the class from which every entry derives, ``noun`` what an
    entry is called in messages.
    """

    def __init__(self, package: str, contract: type[Entry], noun: str) -> None:
        self.package, self.contract, self.noun = package, contract, noun
        self._added: dict[str, type[Entry]] = {}
        _SHELVES[package.rpartition(".")[2]] = self

    def names(self) -> list[str]:
        """Every entry's name, in alphabetical order; nothing is imported."""
        files = (path.stem for path in self._folder().glob("*.py"))
        own = {stem.replace("_", "-") for stem in files if stem not in _NOT_ENTRIES and not stem.startswith("_")}
        return sorted(own | set(self._added) | set(self._installed()))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> type[Entry]:
        """The entry's class. Raises UsageError with the nearest name where there is none."""
        if name in self._added:
            return self._added[name]
        if (self._folder() / f"{name.replace('-', '_')}.py").is_file() and name not in _NOT_ENTRIES:
            return self._only(importlib.import_module(f"{self.package}.{name.replace('-', '_')}"))
        if name in (installed := self._installed()):
            return self._checked(installed[name].load(), name)
        raise UsageError(f"there is no {self.noun} '{name}'", cure=nearest(name, self.names()))

    def name_of(self, entry: type[Entry]) -> str:
        """The name under which an entry's class stands here."""
        for name, added in self._added.items():
            if added is entry:
                return name
        if entry.__module__.startswith(self.package + "."):
            return entry.__module__.rpartition(".")[2].replace("_", "-")
        return next(name for name in self._installed() if self[name] is entry)

    def summary(self, name: str) -> str:
        """The first line of an entry's docstring, read from its file without importing it where it is our own."""
        path = self._folder() / f"{name.replace('-', '_')}.py"
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) if path.is_file() else self[name].__doc__
        return (text or "").strip().partition("\n")[0]

    def add(self, name: str, entry: type[Entry]) -> None:
        """Put a plugin's entry here. Raises UsageError where the name is taken."""
        if name in self.names() and self._added.get(name) is not entry:
            raise UsageError(f"the {self.noun} '{name}' exists already", cure="give the plugin's class another name")
        self._added[name] = self._checked(entry, name)

    def _folder(self) -> Path:
        return _folder_of(self.package)

    def _installed(self) -> dict[str, importlib.metadata.EntryPoint]:
        return _installed_for(f"whet.{self.package.rpartition('.')[2]}")

    def _checked(self, entry: Any, name: str) -> type[Entry]:
        if not (inspect.isclass(entry) and issubclass(entry, self.contract)):
            raise UsageError(f"'{name}' is no {self.noun}: it does not derive from {self.contract.__name__}")
        return entry

    def _only(self, module: Any) -> type[Entry]:
        found = [
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, self.contract) and value.__module__ == module.__name__
        ]
        if len(found) != 1:
            raise TypeError(f"{module.__name__} must hold exactly one {self.contract.__name__}, found {len(found)}")
        return found[0]


@cache
def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(spec.submodule_search_locations[0])


@cache
def _installed_for(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """What installed packages bring, read once a process: it asks every package's files, and each look at a data file
    asks the shelf of readers a dozen times."""
    return {point.name: point for point in importlib.metadata.entry_points(group=group)}


_SHELVES: dict[str, Shelf[Any]] = {}
_NOT_ENTRIES = ("__init__", "contract")


def load_plugin(path: Path) -> list[str]:
    """Run a user's Python file and put its entries on their shelves; returns ``shelf/name`` for each.

    It runs that file. ``--plugin`` and a recipe's ``plugins`` lead here, so a stranger's recipe is to be read before it
    is run, as any program. Raises UsageError where the file is missing or holds no entry.
    """
    if not path.is_file():
        raise UsageError("the plugin does not exist", str(path), "give the path of a Python file")
    own = hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()  # two files may share a name
    spec = importlib.util.spec_from_file_location(f"whet_plugin_{path.stem}_{own}", path)
    if spec is None or spec.loader is None:
        raise UsageError("the plugin is not a Python file", str(path), "its name must end in .py")
    module = sys.modules.get(spec.name) or importlib.util.module_from_spec(spec)
    if spec.name not in sys.modules:
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    added = []
    for value in list(vars(module).values()):
        if not (inspect.isclass(value) and value.__module__ == spec.name):
            continue
        for shelf_name, shelf in _SHELVES.items():
            if issubclass(value, shelf.contract):
                name = _hyphenated(value.__name__)
                shelf.add(name, value)
                added.append(f"{shelf_name}/{name}")
    if not added:
        known = ", ".join(shelf.contract.__name__ for shelf in _SHELVES.values())
        raise UsageError("the plugin holds no entry", str(path), f"derive a class from one of: {known}")
    return added


def _hyphenated(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
