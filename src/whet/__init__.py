"""whet: efficient fine-tuning of language models, from a data file to a measured model.

The front door. Names are resolved when first used, so that ``import whet`` and ``whet --help`` wait for nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whet.assemble.predictor import Predictor
    from whet.core.errors import (
        DataError,
        Interrupted,
        ModelError,
        Preempted,
        ResourceError,
        TrainingError,
        UsageError,
        WhetError,
    )
    from whet.core.outcome import Run
    from whet.front import compare, evaluate, load, plan, resume, run
    from whet.recipe import Recipe

_PLACES = {
    "run": "front",
    "plan": "front",
    "resume": "front",
    "load": "front",
    "evaluate": "front",
    "compare": "front",
    "Recipe": "recipe",
    "Run": "core.outcome",
    "Predictor": "assemble.predictor",
    **dict.fromkeys(
        (
            "WhetError",
            "UsageError",
            "DataError",
            "ModelError",
            "TrainingError",
            "ResourceError",
            "Preempted",
            "Interrupted",
        ),
        "core.errors",
    ),
}
__all__ = [
    "DataError",
    "Interrupted",
    "ModelError",
    "Predictor",
    "Preempted",
    "Recipe",
    "ResourceError",
    "Run",
    "TrainingError",
    "UsageError",
    "WhetError",
    "compare",
    "evaluate",
    "load",
    "plan",
    "resume",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'whet' has no attribute '{name}'")
    return getattr(importlib.import_module(f"whet.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
