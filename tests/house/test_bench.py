"""The bench: every gate lets good figures through and stops bad ones, sides alternate, and the table says what was measured."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import torch
import transformers
from bench import gates, table
from bench.ahead.kernels import cases, seconds
from bench.ahead.race import ONE_PAIR, Race, Side, row
from bench.ahead.roof import roof, useful_flops
from bench.ahead.row import Aim, Row, alternate
from bench.ahead.texts import reviews
from torch.utils.flop_counter import FlopCounterMode

GOOD = {
    "seconds": 10.0,
    "examples_per_second": 20.0,
    "peak_bytes": 100,
    "score": 0.9,
    "moved": 7,
    "rows": 200,
    "batch_size": 32,
    "epochs": 1,
    "steps": 7,
    "least_gradient_norm": 0.1,
}
AIM = Aim("full/tuned", "`full`", 2.0)


def with_(**changes):
    return {**GOOD, **changes}


def test_good_figures_pass_every_gate():
    ours, theirs = [with_(score=score) for score in (0.88, 0.90)], [with_(score=score) for score in (0.89, 0.90)]
    assert gates.gradients(ours, "whet") == gates.protocol(ours, theirs) == gates.moving(ours, theirs) == []
    assert gates.quality(ours, theirs) == gates.losses([0.7, 0.6], [0.70001, 0.6]) == []
    assert gates.answers(["a"] * 99 + ["b"], ["a"] * 100) == gates.below_roof([0.3, 0.5]) == []


@pytest.mark.parametrize("norm", [0.0, None, float("nan")])
def test_a_side_without_gradients_is_named(norm):
    (fault,) = gates.gradients([GOOD, with_(least_gradient_norm=norm)], "documented")
    assert fault.startswith("documented took steps")


@pytest.mark.parametrize("name, value", [("rows", 199), ("batch_size", 16), ("epochs", 0.5), ("steps", 6)])
def test_unequal_work_is_named(name, value):
    (fault,) = gates.protocol([GOOD, GOOD], [GOOD, with_(**{name: value})])
    assert fault.startswith(f"{name} differ")


def test_unequal_counts_of_trained_weights_are_named():
    assert gates.moving([GOOD], [with_(moved=8)]) == ["trained weights differ: [7] in whet, [8] in the peer"]


def test_a_worse_mean_is_named_where_chance_does_not_explain_it():
    good, bad = [with_(score=s) for s in (0.90, 0.91, 0.90)], [with_(score=s) for s in (0.80, 0.81, 0.80)]
    assert len(gates.quality(bad, good)) == 1 and gates.quality(good, bad) == []
    assert len(gates.quality(good, bad, higher_is_better=False)) == 1
    assert gates.quality(bad, good, higher_is_better=False) == []
    wide = [with_(score=s) for s in (0.60, 1.00, 0.80)]
    assert gates.quality(wide, good) == [] and gates.quality(bad[:1], good[:1]) == []
    assert "inf" in gates.quality([with_(score=0.1)] * 2, [with_(score=0.2)] * 2)[0]


@pytest.mark.parametrize("mine", [[0.7, 0.6012], [0.7], [], [0.7, float("nan")]])
def test_other_first_losses_are_named(mine):
    assert len(gates.losses(mine, [0.7, 0.6] if mine else [])) == 1


@pytest.mark.parametrize("mine", [["a"] * 98 + ["b"] * 2, ["a"] * 99, []])
def test_other_answers_are_named(mine):
    assert len(gates.answers(mine, ["a"] * (100 if mine else 0))) == 1


@pytest.mark.parametrize("shares", [[0.5, 1.1], [0.0], [float("nan")], []])
def test_a_wrong_roof_is_named(shares):
    assert len(gates.below_roof(shares)) == 1


def race(**changes):
    side = Side(AIM, {}, **changes.pop("side", {}))
    return Race({}, "model", {}, {}, {"tuned": side}, {}, **changes)


def test_a_row_gathers_every_gate():
    bad = with_(moved=8, steps=6, least_gradient_norm=0.0, score=0.99, examples_per_second=10.0)
    runs = {"whet": [with_(score=0.9), with_(score=0.91)], "tuned": [bad, bad]}
    found = row(race(), "tuned", runs, ["first losses differ"])
    assert found.values == [2.0, 2.0] and found.notes == ["mean score 0.905 beside 0.990"]
    begins = ("first losses", "tuned took", "steps differ", "trained weights", "whet's mean")
    assert len(found.faults) == len(begins) and all(map(str.startswith, found.faults, begins))


def test_a_row_says_what_was_not_asked():
    runs = {"whet": [with_(score=0.5)] * 2, "tuned": [with_(moved=8)] * 2}
    found = row(race(side={"same_weights": False}), "tuned", runs, [])
    assert found.faults == [] and [note[:10] for note in found.notes] == ["mean score", "a part is "]
    named = row(race(no_quality="random weights"), "tuned", runs, [])
    assert named.faults[0].startswith("trained weights differ") and named.notes == ["random weights"]
    one = {name: some[:1] for name, some in runs.items()}
    assert row(race(), "tuned", one, []).notes[-1] == ONE_PAIR


def test_sides_alternate_and_the_pair_is_the_seed():
    asked = []
    sides = {name: lambda seed, name=name: asked.append(f"{name}{seed}") or {"seed": seed} for name in "AB"}
    found = alternate(sides, 3)
    assert asked == ["A0", "B0", "B1", "A1", "A2", "B2"]
    assert found == {"A": [{"seed": seed} for seed in range(3)], "B": [{"seed": seed} for seed in range(3)]}


@pytest.mark.parametrize(
    "values, at_most, faults, said",
    [
        ([1.0, 2.0, 9.0], False, [], "PASS"),
        ([1.0, 1.9, 9.0], False, [], "below target"),
        ([1.0, 2.0, 9.0], True, [], "PASS"),
        ([1.0, 2.1, 9.0], True, [], "below target"),
        ([1.0, 2.0, 9.0], False, ["rows differ"], "INVALID: rows differ"),
    ],
)
def test_the_verdict_is_the_medians(values, at_most, faults, said):
    aim = Aim("name", "what", 2.0, "s", at_most)
    assert table.verdict(Row(aim, values, faults).as_dict()) == said


def run(began, value, name="full/tuned", **more):
    made = Row(Aim(name, f"`{name}`", 2.0), [value, value + 0.2], (), ["as told"]).as_dict()
    return {"began": began, "commit": "abcdef0123", "rows": {"rows": 5}, "full": {"rows": [made]}, **more}


def test_the_table_shows_the_newest_run_of_every_row():
    runs = [run("2026-12-02T10:00:00", 3.0), run("2026-12-01T10:00:00", 1.0), run("2026-12-01T09:00:00", 4.0, "cold")]
    rows = table.newest([*runs, run("2026-12-03T10:00:00", 9.0, few=64), {"date": "2026-11-25", "sst2": {"whet": []}}])
    assert [(one["name"], one["least"]) for one in rows] == [("cold", 4.0), ("full/tuned", 3.0)]
    line = table.blocks(rows)["table"].splitlines()[-1]
    assert line == (
        "| `full/tuned` | at least 2.00 x | 3.10 x | 3.00 x to 3.20 x | 2 | PASS (as told) | 2026-12-02 abcdef0 |"
    )


def test_the_table_is_written_between_its_marks_alone(tmp_path):
    page, results = tmp_path / "page.md", tmp_path / "results"
    results.mkdir()
    page.write_text(paged("old"), "utf-8")
    table.main(results, page)
    assert page.read_text("utf-8") == paged(table.NONE)
    (results / "one.json").write_text(json.dumps(run("2026-12-02T10:00:00", 3.0)), "utf-8")
    table.main(results, page)
    once = page.read_text("utf-8")
    table.main(results, page)
    assert page.read_text("utf-8") == once and "3.10 x" in once and once.startswith("before\n")


def paged(inside):
    parts = [f"{begin}\n{inside}\n{end}\n" for begin, end in table.MARKS.values()]
    return f"before\n{'between'.join(parts)}after\n"


def test_kernels_stand_in_a_table_of_their_own():
    made = Row(Aim("kernels/GELU", "GELU", 1.0), [1.5, 2.5], (), ["0.50 ms"]).as_dict()
    found = table.blocks(table.rows_of(run("2026-12-02T10:00:00", 3.0, bench={"rows": [made]})))
    assert found["kernels"].splitlines()[2] == "| GELU | 2.00 x | 1.50 x to 2.50 x | 0.50 ms | 2026-12-02 abcdef0 |"
    assert "GELU" not in found["table"] and "full/tuned" in found["table"]


def test_every_kernel_is_timed_beside_its_plain_code():
    found = {name: seconds(work, 1) for name, work in cases()}
    assert all(spent["compiled"] > 0 and spent["plain"] > 0 for spent in found.values())
    assert {name.rpartition(", ")[2] for name in found} >= {"float32", "bfloat16"}


BEGIN, END = table.MARKS["table"]


@pytest.mark.parametrize("page", ["none", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}" * 2])
def test_a_page_without_its_marks_is_refused(page):
    with pytest.raises(ValueError, match="once each"):
        table.written(page, [])


def test_the_page_shows_what_is_kept(tmp_path):
    copy = tmp_path / "benchmarks.md"
    copy.write_text(table.PAGE.read_text("utf-8"), "utf-8")
    table.main(page=copy)
    assert copy.read_text("utf-8") == table.PAGE.read_text("utf-8"), "run `python -m bench.table`"


def test_useful_work_is_what_torch_counts_without_padding():
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40
    )
    config._attn_implementation = "eager"
    model = transformers.BertForSequenceClassification(config)
    counted = 0
    for length in (5, 9):
        with FlopCounterMode(display=False) as counter:
            model(
                input_ids=torch.ones(1, length, dtype=torch.long), labels=torch.ones(1, dtype=torch.long)
            ).loss.backward()
        counted += counter.get_total_flops()
    assert useful_flops([5, 9], config) == pytest.approx(counted, rel=0.02)


def test_the_roof_is_a_speed():
    assert 1e6 < roof(16, 32, 8, torch.float32) < 1e15


class Words:
    """A tokenizer for which every word is a token."""

    def __call__(self, text):
        return type("Tokens", (), {"input_ids": text.split()})


def test_reviews_are_long_and_of_one_label(tmp_path, shared_data):
    found = reviews(tmp_path, Words(), 4, 2)
    lines = Path(found["train"]).read_text("utf-8").splitlines()
    assert [line.rpartition("\t")[2] for line in lines] == ["0", "1", "0", "1"]
    assert all(250 <= len(line.split()) < 320 for line in lines) and len(set(lines)) == 4


def test_the_bench_stays_small():
    files = sorted((table.ROOT / "bench").rglob("*.py"))
    trees = {path: ast.parse(path.read_text("utf-8")) for path in files}
    functions = [
        (path.name, node.name, (node.end_lineno or 0) - node.lineno + 1)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(files) > 20 and len(functions) > 100
    assert {path.name for path in files if path.read_text("utf-8").count("\n") > 300} == set()
    assert [one for one in functions if one[2] > 60] == []
