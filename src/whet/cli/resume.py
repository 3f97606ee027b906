"""Go on with a run that was interrupted, to the same weights as without the interruption.

Example:

    whet resume runs/demo
"""

from __future__ import annotations

from pathlib import Path

import whet
from whet.cli import _options as options
from whet.cli import compare
from whet.cli._outcome import code_of, told
from whet.cli._progress import telling
from whet.core.rundir import COMPARISON, RunDir

app = options.new_app()


@app.command()
def resume(
    run: options.RunPath,
    force: options.Force = False,
    plugin: options.Plugin = None,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> int:
    options.load_plugins(plugin)
    place = options.run_at(run)
    if (Path(place) / COMPARISON).is_file():
        with telling() as tell:
            return compare.told(whet.resume(place, force=force, tell=tell), as_json)
    finished = RunDir(Path(place)).status() == "finished"
    with telling() as tell:
        found = whet.resume(place, force=force, tell=tell)
    told(found, as_json)
    return 0 if finished else code_of(found)
