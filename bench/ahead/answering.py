"""Answering with a tuned model: the first answer of a fresh process, and many rows beside transformers' pipeline."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from bench import gates
from bench.ahead import texts
from bench.ahead.row import Aim, Row, alternate
from bench.peers.trainer import read_tsv
from bench.processes import DATA, MODEL, script, timed, whet

ROWS, TRIED = 20_000, 1_000
SIZES = (1, 8, 16, 32, 64, 128)
"""The pipeline's batch sizes that are tried on the first TRIED rows; the fastest runs beside whet."""
TEXT = "a stirring , funny and finally transporting film"


def cold(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """Seconds of ``whet predict MODEL TEXT`` from nothing to the answer; a first one fills the disk's cache."""
    run = _tuned(place, few)
    command = [sys.executable, "-m", "whet.cli", "predict", str(run), TEXT]
    timed(command)
    runs = alternate({"whet": lambda pair: {"seconds": timed(command)}}, count)
    aim = Aim("cold", "`whet predict MODEL TEXT`, cold", 3.0, "s", at_most=True)
    return {"rows": [Row(aim, [one["seconds"] for one in runs["whet"]]).as_dict()], "runs": runs}


def predict(place: Path, count: int, few: int | None) -> dict[str, Any]:
    """20,000 rows of SST-2 in shuffled order, whole processes on both sides: loading, reading and writing count."""
    run = _tuned(place, few)
    sentences = [text for split in texts.SPLITS.values() for text, _ in read_tsv(DATA / "sst2" / split)]
    rows = few or ROWS
    chosen = [sentences[k % len(sentences)] for k in range(rows)]
    random.Random(0).shuffle(chosen)
    file = place / "rows.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in chosen), "utf-8")
    tried = script("bench.peers.pipeline", "try", str(run / "model"), str(file), str(TRIED), *map(str, SIZES))
    size = int(min(tried["seconds"], key=lambda size: float(tried["seconds"][size])))
    answers: dict[str, list[str]] = {}
    sides = {
        "whet": partial(_whet, run, file, answers),
        "pipeline": partial(_pipeline, run, file, size, answers),
    }
    runs = alternate(sides, count)
    aim = Aim("predict", "`whet predict` on 20,000 rows: rows/s against transformers' pipeline", 2.0)
    values = [their["seconds"] / our["seconds"] for our, their in zip(runs["whet"], runs["pipeline"], strict=True)]
    row = Row(aim, values, gates.answers(answers["whet"], answers["pipeline"]), [f"the pipeline in batches of {size}"])
    return {"rows": [row.as_dict()], "runs": runs, "tried": tried, "row_count": rows}


def _tuned(place: Path, few: int | None) -> Path:
    """A run whose model plain transformers loads, trained just enough to answer both ways."""
    data = texts.sentences(place, few or 960, few or 200)
    settings = {"model.name": MODEL, "model.pooling": "family", "train.epochs": 1, "data.on_leak": "allow"}
    whet(data, 0, settings, place / "run")
    return place / "run"


def _whet(run: Path, file: Path, answers: dict[str, list[str]], pair: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "answers.jsonl"
        seconds = timed([sys.executable, "-m", "whet.cli", "predict", str(run), str(file), "-o", str(out)])
        answers["whet"] = [str(json.loads(line)["prediction"]) for line in out.open(encoding="utf-8")]
    return {"seconds": seconds}


def _pipeline(run: Path, file: Path, size: int, answers: dict[str, list[str]], pair: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "answers.jsonl"
        words = ["run", str(run / "model"), str(file), str(out), str(size)]
        seconds = timed([sys.executable, "-m", "bench.peers.pipeline", *words])
        answers["pipeline"] = [str(json.loads(line)["label"]) for line in out.open(encoding="utf-8")]
    return {"seconds": seconds}
