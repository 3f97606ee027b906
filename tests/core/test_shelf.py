"""Shelves: entries by file, by plugin and by installed package."""

from __future__ import annotations

import importlib.metadata

import pytest

from whet.core import shelf as shelves
from whet.core.draws import derive, order
from whet.core.errors import UsageError
from whet.core.shelf import Shelf, load_plugin
from whet.strategies.contract import STRATEGIES, Strategy


@pytest.fixture(autouse=True)
def nothing_is_left_behind(monkeypatch):
    for shelf in shelves._SHELVES.values():
        monkeypatch.setattr(shelf, "_added", dict(shelf._added))
    shelves._installed_for.cache_clear()
    yield
    shelves._installed_for.cache_clear()


def plugin(path, name, base="Strategy"):
    path.write_text(f"from whet.strategies.contract import Strategy\nclass {name}({base}):\n    'Mine.'\n", "utf-8")
    return path


def test_a_plugin_puts_its_entries_on_their_shelf(tmp_path):
    path = plugin(tmp_path / "one_plugin.py", "MyOwn")
    assert load_plugin(path) == ["strategies/my-own"]
    assert load_plugin(path) == ["strategies/my-own"], "twice is no clash with itself"
    assert "my-own" in STRATEGIES.names()
    assert STRATEGIES.name_of(STRATEGIES["my-own"]) == "my-own"
    assert STRATEGIES.summary("my-own") == "Mine."


def test_what_is_no_plugin_is_refused(tmp_path):
    with pytest.raises(UsageError, match="exists already"):
        load_plugin(plugin(tmp_path / "clash_plugin.py", "Lora"))
    with pytest.raises(UsageError, match="holds no entry"):
        load_plugin(plugin(tmp_path / "empty_plugin.py", "Mine", "object"))
    with pytest.raises(UsageError, match="does not exist"):
        load_plugin(tmp_path / "missing.py")


def test_the_nearest_name_is_told():
    with pytest.raises(UsageError, match="did you mean 'lora'"):
        STRATEGIES["lorra"]


def test_installed_packages_bring_entries(monkeypatch):
    point = importlib.metadata.EntryPoint("theirs", "whet.strategies.full:Full", "whet.strategies")
    wrong = importlib.metadata.EntryPoint("wrong", "pathlib:Path", "whet.strategies")
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: (point, wrong) if group == "whet.strategies" else ()
    )
    assert {"theirs", "wrong"} <= set(STRATEGIES.names())
    assert issubclass(STRATEGIES["theirs"], Strategy)
    with pytest.raises(UsageError, match="does not derive from Strategy"):
        STRATEGIES["wrong"]
    assert isinstance(STRATEGIES, Shelf)


def test_what_is_installed_is_asked_once(monkeypatch):
    """Every look at a data file asks the shelf of readers a dozen times, and each answer cost milliseconds."""
    asked, entry_points = [], importlib.metadata.entry_points
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: asked.append(group) or entry_points(group=group)
    )
    for _ in range(3):
        STRATEGIES.names()
    assert asked == ["whet.strategies"]


def test_draws_are_functions_of_their_place():
    assert derive(0, "head") == derive(0, "head") != derive(1, "head")
    assert derive(1, 23) != derive(12, 3)
    assert sorted(order(50, 0, 0, 0)) == list(range(50))
    assert list(order(50, 0, 0, 0)) != list(order(50, 0, 0, 1))
