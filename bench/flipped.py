"""``python -m bench.flipped [sst2 reviews] [--share 0.05] [--seed 0] [--out DIR]``: how many wrong labels are found.

A share of all labels, training rows included, is given another value; whet trains on them as on any data, and its
``relabel.jsonl`` is compared with what was changed. Printed for each data set, and for the same data unchanged what is
listed there: precision and recall of the list, and the precision of its first half.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from whet.core import draws

ROOT = Path(__file__).parent.parent
SST2 = ROOT.parent / "shared" / "data" / "sst2"
ENGLISH = ROOT / "examples" / "reviews-en"
SETS: dict[str, tuple[Path, tuple[str, ...], list[str]]] = {
    "sst2": (SST2, ("train.tsv", "dev.tsv", "test.tsv"), ["train.epochs=2"]),
    "reviews": (ENGLISH, ("train.csv",), ["evaluate.folds=5"]),
}
"""Each with its files, and what is set: with folds every row of the training file is a held-out one."""


def flip(source: Path, made: Path, share: float, seed: int) -> set[str]:
    """A copy of a file with so many labels (the second column, two values) turned; the texts whose label was."""
    mark = "\t" if source.suffix == ".tsv" else ","
    with source.open(encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_NONE if mark == "\t" else csv.QUOTE_MINIMAL
        rows = list(csv.reader(file, delimiter=mark, quoting=quoting))
    head = [] if mark == "\t" else rows[:1]
    rows = rows[len(head) :]
    text, label = (0, 1) if rows[0][1] in {"0", "1", "positive", "negative"} else (1, 0)
    names = sorted({row[label] for row in rows})
    random = draws.generator(seed, "flip", source.name)
    turned = set(random.choice(len(rows), round(share * len(rows)), replace=False).tolist())
    for k in turned:
        rows[k][label] = names[1 - names.index(rows[k][label])]
    with made.open("w", encoding="utf-8", newline="") as file:
        if mark == "\t":
            file.writelines("\t".join(row) + "\n" for row in rows)
        else:
            csv.writer(file).writerows([*head, *rows])
    return {rows[k][text].strip() for k in turned}


def measure(name: str, share: float, seed: int, out: Path) -> dict[str, Any]:
    """Train on the changed files, and count what ``relabel.jsonl`` has found of the held-out rows' changes."""
    source, files, settings = SETS[name]
    place = out / f"{name}-{share:g}-{seed}"
    (place / "data").mkdir(parents=True, exist_ok=True)
    turned = set().union(*(flip(source / file, place / "data" / file, share, seed) for file in files))
    words = [word for one in settings for word in ("--set", one)]
    command = ["run", str(place / "data"), "--out", str(place / "run"), "--overwrite", "--seed", str(seed), *words]
    subprocess.run([sys.executable, "-m", "whet.cli", *command], check=False, stdout=subprocess.DEVNULL)
    metrics = json.loads((place / "run" / "metrics.json").read_text("utf-8"))
    splits = ("test",) if metrics.get("folds") else ("validation", "test")
    predictions = [place / "run" / "predictions" / f"{split}.jsonl" for split in splits]
    held = [row for path in predictions if path.is_file() for row in map(json.loads, path.open(encoding="utf-8"))]
    relabel = place / "run" / "relabel.jsonl"
    listed = [json.loads(line) for line in relabel.open(encoding="utf-8")] if relabel.is_file() else []
    hits = [one["text"].strip() in turned for one in listed]
    there = len({row["text"].strip() for row in held} & turned)
    half = hits[: (len(hits) + 1) // 2]
    return {
        "data": name,
        "share": share,
        "seed": seed,
        "accuracy": metrics["test"]["accuracy"]["value"],
        "held_out": len(held),
        "wrong": there,
        "listed": len(listed),
        "precision": sum(hits) / max(len(hits), 1),
        "precision_of_first_half": sum(half) / max(len(half), 1),
        "recall": sum(hits) / there if there else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp())
    for name in given.sets:
        for share in (given.share, 0.0):
            print(json.dumps(measure(name, share, given.seed, out)), flush=True)


if __name__ == "__main__":
    main()
