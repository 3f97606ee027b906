"""``python -m bench.kills [--kills 300]``: chains of ten kills at calls that write and at any time."""

from __future__ import annotations

import argparse
import datetime
import json
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from reliability.harness import Nest, bits  # noqa: E402
from reliability.kills import Chain, after, at_call  # noqa: E402
from reliability.small import SETTINGS, tiny  # noqa: E402
from road.conftest import write_rows  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw, began = random.Random(asked.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        words = ("run", str(write_rows(root / "rows.csv", 40)), "--model", str(tiny(root / "model")), *SETTINGS)
        nest = Nest(root)
        nest.warm(*words, "--out", root / "warm")
        whole = nest.run(*words, "--out", root / "whole", under=str(root / "whole"))
        wanted, kills, again, chains, divergent = bits(root / "whole"), 0, 0, 0, 0
        while kills < asked.kills:
            out = root / f"run-{chains}"
            chain = Chain(nest, words, out)
            if chains % 2:
                chain.follow(after(nest, draw.uniform(0.05, 0.6) * whole.seconds) for _ in range(10))
            else:
                chain.follow(at_call(nest, draw.randrange(1, whole.calls // 3), out) for _ in range(10))
            kills, again, chains = kills + chain.kills, again + chain.again, chains + 1
            divergent += bits(out) != wanted
            print(f"{kills} kills in {chains} runs, {divergent} divergent", file=sys.stderr)
        nest.close()
    found = {
        "date": datetime.date.today().isoformat(),
        "kills": kills,
        "runs": chains,
        "unresumable": 0,  # a resume that fails ends this program
        "divergent": divergent,
        "steps_taken_again": again,
        "seconds": time.monotonic() - began,
    }
    (ROOT / "bench" / "results" / "kills.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))
    return 1 if divergent else 0


if __name__ == "__main__":
    sys.exit(main())
