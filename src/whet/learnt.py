"""The rows that a run's model learnt from, read again as the run read them."""

from __future__ import annotations

from pathlib import Path

from whet import leg as legs
from whet.assemble.nearest import Learnt, drawn
from whet.core import rundir
from whet.core.draws import derive
from whet.core.errors import WhetError
from whet.core.events import Said, Tell, silent
from whet.core.rundir import RunDir
from whet.core.shelf import load_plugin
from whet.recipe import Recipe
from whet.recipe_settings import read_values

NEVER = "the nearest training rows are left out"


def read(model: Path, tell: Tell) -> Learnt | None:
    """The training rows of the run that ``model`` is or lies in; None, and said why, where they cannot be known."""
    place = next((one for one in (model, model.resolve().parent) if (one / "recipe.yaml").is_file()), None)
    if place is None:
        tell(Said(f"{model} is no run, so the rows that it learnt from are not known: {NEVER}"))
        return None
    out = RunDir(place)
    try:
        values = read_values(out.recipe)
        for plugin in values.get("plugins", ()):
            load_plugin(Path(plugin))
        recipe, corpora = legs.read(Recipe.of(values, str(out.recipe)), silent)
    except WhetError as error:
        tell(Said(f"the rows that {model} learnt from cannot be read ({error.faults[0].what}): {NEVER}"))
        return None
    if rundir.read_json(out.state).get("files", [])[-1:] != [corpora[-1].files]:
        tell(Said(f"the data of {model} has changed since it was trained: {NEVER}"))
        return None
    seed = derive(recipe.seed, "stage", len(corpora) - 1)
    found = drawn(corpora[-1].splits["train"].examples, corpora[-1].originals("train"), seed)
    if len(found.examples) < found.of:
        tell(Said(f"of {found.of:,} training rows {len(found.examples):,}, drawn by the run's seed, are looked at"))
    return found
