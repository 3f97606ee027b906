"""What judges is the same for every kind of task: a curve, a pool, retention, a comparison, with nothing that knows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import whet
from road.conftest import BAD, FAST, GOOD, PLACES
from whet.cli import main
from whet.core.rundir import read_json, read_lines
from whet.search import cells

WORDS = (*GOOD, *BAD)


def rows_of(kind: str, number: int) -> dict:
    words, place = WORDS[number % 12], PLACES[number // 12 % 5]
    text = f"{words}, {place} {number}"
    if kind == "several":
        return {
            "text": text,
            "label": [n for n, there in (("good", words in GOOD), ("trip", "train" in place)) if there],
        }
    if kind == "numbers":
        return {"text": text, "label": (number % 12) / 2 + 0.25}
    if kind == "pairs":
        return {"text": text, "text_pair": place, "label": "good" if words in GOOD else "bad"}
    if kind == "tags":
        tokens = [*words.split(), place.split()[-1].title()]
        return {"tokens": tokens, "tags": ["O"] * len(words.split()) + ["B-PLACE"]}
    return {"text": f"{text} and then {WORDS[(number + 5) % 12]}"}


KINDS = {
    "several": ("text-classification", ()),
    "numbers": ("text-classification", ("task.kind=regression",)),
    "pairs": ("text-classification", ()),
    "tags": ("token-classification", ()),
    "texts": ("language-modeling", ("task.objective=masked", "data.on_leak=allow")),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    place = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        lines = [json.dumps(rows_of(kind, number)) for number in range(72)]
        (place / f"{kind}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        inputs = [{k: v for k, v in rows_of(kind, number).items() if k not in ("label", "tags")} for number in (3, 80)]
        first = next(iter(inputs[1]))
        inputs[1][first] += ["again"] if kind == "tags" else " again"
        (place / f"{kind}-pool.jsonl").write_text("\n".join(map(json.dumps, inputs)) + "\n", "utf-8")
    return place


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_every_kind_has_its_curve_pool_and_retention(kind, written, small, tmp_path):
    task, more = KINDS[kind]
    settings = [*FAST, *more, "evaluate.curve=true", "data.split_fractions=[0.3,0.2]"]
    pool = written / f"{kind}-pool.jsonl"
    run = whet.run(
        written / f"{kind}.jsonl", task=task, model=small, out=tmp_path / "run", settings=settings, pool=pool
    )
    found = run.metrics
    assert [one["share"] for one in found["curve"]] == [0.25, 0.5, 1.0]
    assert found["curve"][-1]["value"] == found["validation"][found["metric"]]["value"]
    assert [line["row"] for line in read_lines(run.path / "pool.jsonl")] == [2], "row 1 stands in the run's own data"
    assert found["retention"]["probes"] and found["interval"]["draws"] == 1000
    assert {one["kind"] for one in read_json(run.path / "findings.json")} >= {"retention", "next"}
    assert run.report.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("kind", KINDS)
def test_strategies_are_compared_on_every_kind(kind, written, small, tmp_path, monkeypatch):
    """Every cell's answers are read back from its files and give the score that its figures state."""

    def here(command: list[str], log: Path, stop: object) -> None:
        main(command[3:])
        log.write_text("", "utf-8")

    monkeypatch.setattr(cells, "_waited", here)
    task, more = KINDS[kind]
    asked = {"strategies": "full,head", "seeds": 2, "rates": 1, "settings": [*FAST, *more]}
    found = whet.compare(written / f"{kind}.jsonl", task=task, model=small, out=tmp_path / "c", **asked).result
    assert found["status"] == "finished" and len(found["runs"]) == 4 and len(found["pairs"]) == 1
    assert all("score" in run for run in found["runs"])
