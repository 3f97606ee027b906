"""``python -m bench.faults``: each call of a run that touches the disk fails once, and each fails from then on.

`make test-all` asserts the same; this one goes on behind what it finds, counts, and keeps the figures.
"""

from __future__ import annotations

import datetime
import errno
import json
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from reliability.harness import Nest, bits  # noqa: E402
from reliability.kills import Fault  # noqa: E402
from reliability.small import SETTINGS, tiny  # noqa: E402
from road.conftest import write_rows  # noqa: E402


def main() -> int:
    tried, failed, began = 0, [], time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        words = ("run", str(write_rows(root / "rows.csv", 40)), "--model", str(tiny(root / "model")), *SETTINGS)
        nest = Nest(root)
        nest.warm(*words, "--out", root / "warm")
        assert nest.run(*words, "--out", root / "whole").code == 0
        for number in (errno.ENOSPC, errno.EIO):
            for forever in (False, True):
                scratch = root / f"{number}-{forever}"
                scratch.mkdir()
                fault = Fault(nest, words, scratch, number, forever, bits(root / "whole"))
                for call in count(1):
                    try:
                        if not fault.at(call):
                            break
                    except AssertionError as error:
                        failed.append({"call": call, "errno": number, "from_then_on": forever, "said": str(error)})
                tried += call - 1
                print(f"{tried} calls, {len(failed)} failures", file=sys.stderr)
        nest.close()
    found = {
        "date": datetime.date.today().isoformat(),
        "calls": tried,
        "failures": failed,
        "seconds": time.monotonic() - began,
    }
    (ROOT / "bench" / "results" / "faults.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
