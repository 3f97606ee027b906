"""``python -m bench.stops [--stops 12]``: seconds from a signal to the end of a real run that saves and stops.

MiniLM on SST-2's sentences by the default recipe, with a look and a save after every tenth step: SIGTERM and SIGINT in
turn, two of them before training, the others at moments spread over it. A run that ends with another code, or takes
more than the step under way, is wrong.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "sst2"
LIMIT_SECONDS = 5
CODES = {signal.SIGTERM: 75, signal.SIGINT: 130}


def started(rows: Path, out: Path) -> subprocess.Popen[bytes]:
    """A run of half a minute, with a look and a save after every tenth step."""
    settings = ["--out", str(out), "--set", "train.evaluate_every=10"]
    command = [sys.executable, "-m", "whet.cli", "run", str(rows), *settings]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def lines(out: Path) -> int:
    log = out / "metrics.jsonl"
    return log.read_bytes().count(b"\n") if log.is_file() else 0


def stopped(rows: Path, out: Path, number: signal.Signals, line: int, later: float) -> dict[str, Any]:
    """Send it ``later`` seconds after so many lines of the log (0: after the start), and measure to the end."""
    process = started(rows, out)
    while line and lines(out) < line and process.poll() is None:
        time.sleep(0.005)
    time.sleep(later)
    load = os.getloadavg()[0]
    before, at = lines(out), time.monotonic()
    process.send_signal(number)
    code = process.wait()
    seconds = time.monotonic() - at
    state = out / "state.json"
    return {
        "signal": number.name,
        "after_lines": before,
        "seconds": seconds,
        "code": code,
        "more_lines": lines(out) - before,
        "load": load,
        "status": json.loads(state.read_text("utf-8"))["status"] if state.is_file() else None,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=12)
    parser.add_argument("--rows", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw, found = random.Random(asked.seed), []
    with tempfile.TemporaryDirectory() as place:
        whole = (DATA / "train.tsv").read_text("utf-8").splitlines()[: asked.rows]
        rows = Path(place) / "rows.tsv"
        rows.write_text("\n".join(whole) + "\n", "utf-8")
        for stop in range(asked.stops):
            number = (signal.SIGTERM, signal.SIGINT)[stop % 2]
            line = 0 if stop < 2 else draw.randrange(1, 25)
            later = draw.uniform(3, 9) if stop < 2 else draw.uniform(0, 1)
            out = Path(place) / f"run-{stop}"
            found.append(stopped(rows, out, number, line, later))
            shutil.rmtree(out, ignore_errors=True)
            print(found[-1], file=sys.stderr)
    wrong = [one for one in found if one["code"] != CODES[signal.Signals[one["signal"]]] or one["more_lines"] > 2]
    seconds = sorted(one["seconds"] for one in found)
    result = {
        "date": datetime.date.today().isoformat(),
        "stops": len(found),
        "median_seconds": seconds[len(seconds) // 2],
        "most_seconds": seconds[-1],
        "limit_seconds": LIMIT_SECONDS,
        "wrong": len(wrong),
        "moments": found,
    }
    (ROOT / "bench" / "results" / "stops.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "moments"}, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
