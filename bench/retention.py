"""``python -m bench.retention [STRATEGY ...] [--rows N]``: what it costs to see what was forgotten.

One run of one epoch on examples/reviews-en, or N of its training rows, for each strategy, in a process of its own whose
imports count too. It is told as a share of the processor's time, not of the clock's, so that a neighbour on the machine
changes little.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "examples" / "reviews-en"


def measure(strategy: str, rows: int, out: str) -> str:
    """Run in this process, and say what the two looks took of it."""
    import whet
    from whet import remember

    spent = 0.0

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def worked(*given: Any) -> Any:
            nonlocal spent
            began = time.process_time()
            found = work(*given)
            spent += time.process_time() - began
            return found

        return worked

    remember.before, remember.after = timed(remember.before), timed(remember.after)
    whet.run(DATA, strategy=strategy, out=out, settings=["train.epochs=1", f"data.max_rows={rows}"])
    whole = time.process_time()
    return f"{strategy}: {spent:.2f} of {whole:.1f} s, {spent / whole:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.retention", description=__doc__)
    parser.add_argument("strategies", nargs="*", default=["full", "lora", "head"])
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--one", help="run in this process and write there")
    asked = parser.parse_args()
    if asked.one:
        print(measure(asked.strategies[0], asked.rows, asked.one))
        return
    with tempfile.TemporaryDirectory() as place:
        for strategy in asked.strategies:
            words = ["-m", "bench.retention", strategy, "--rows", str(asked.rows), "--one", str(Path(place) / strategy)]
            subprocess.run([sys.executable, *words], check=True)


if __name__ == "__main__":
    main()
