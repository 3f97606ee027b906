"""Print the lowest version of every dependency that pyproject.toml admits, as a constraints file for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def floors(pyproject: str) -> list[str]:
    """``name==lowest`` for every requirement that states a lowest version; torch is installed before."""
    project = tomllib.loads(pyproject)["project"]
    stated = [re.match(r"([\w.-]+)>=([\w.]+)", requirement) for requirement in project["dependencies"]]
    return [f"{match[1]}=={match[2]}" for match in stated if match and match[1] != "torch"]


if __name__ == "__main__":
    print("\n".join(floors((ROOT / "pyproject.toml").read_text("utf-8"))))
