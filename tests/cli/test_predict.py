"""predict: every kind of input and output, in constant memory, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import whet
from whet.cli import _explained, _show, predict


@pytest.fixture
def rows(door):
    path = Path("rows.csv")
    path.write_text('text\ngood\n"a tab\tand\na break"\n好\n', "utf-8")
    return path


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_gives_json_lines_in_order(rows, whet_cli):
    told = whet_cli("predict", "m", str(rows))
    assert told.code == 0 and told.err == ""
    assert [row["text"] for row in lines(told.out)] == ["good", "a tab\tand\na break", "好"]
    assert lines(told.out)[0]["probabilities"] == {"yes": 0.75, "no": 0.25}


def test_top_and_column_reach_the_predictor(door, whet_cli):
    Path("rows.csv").write_text("body\ngood\n", "utf-8")
    told = whet_cli("predict", "m", "rows.csv", "--column", "body", "--top", "1")
    assert lines(told.out)[0]["probabilities"] == {"yes": 0.75}


def test_standard_input(door, whet_cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeff好吃\nslow\n".encode()), encoding="ascii"))
    told = whet_cli("predict", "m", "-")
    assert [row["text"] for row in lines(told.out)] == ["好吃", "slow"]


def test_a_text_in_a_pipe_is_json_and_on_a_terminal_is_readable(door, whet_cli, monkeypatch):
    assert lines(whet_cli("predict", "m", "good coffee").out)[0]["prediction"] == "yes"
    monkeypatch.setattr(predict, "_on_terminal", lambda: True)
    told = whet_cli("predict", "m", "good coffee")
    assert told.out.splitlines()[0] == "yes"
    assert "0.750" in told.out and "{" not in told.out
    assert lines(whet_cli("predict", "m", "good coffee", "--json").out)[0]["prediction"] == "yes"


@pytest.mark.parametrize("answer", [["B-PER", "O"], None, 3.5])
def test_answers_of_other_tasks_are_readable(answer):
    assert predict.readable({"row": 1, "prediction": answer})


@pytest.mark.parametrize("missing", ["no/such.csv", "missing.jsonl", "gone.TSV"])
def test_a_path_that_is_not_there_is_no_text(missing, door, whet_cli):
    told = whet_cli("predict", "m", missing)
    assert told.code == 3
    assert missing in told.err
    assert not door.calls, "the model is not loaded for nothing"


@pytest.mark.parametrize("text", ["I read it in report.csv", "x" * 5000, "what? a/b.", "null\0byte"])
def test_what_only_looks_a_little_like_a_path_is_a_text(text, door, whet_cli):
    assert lines(whet_cli("predict", "m", text).out)[0]["text"] == text


def test_an_empty_text_is_refused(door, whet_cli):
    assert whet_cli("predict", "m", "  ").code == 3


def test_into_json_lines(rows, whet_cli):
    told = whet_cli("predict", "m", str(rows), "-o", "deep/out.jsonl")
    assert told.code == 0 and told.out == ""
    assert len(lines(Path("deep/out.jsonl").read_text("utf-8"))) == 3
    assert "3 answers" in told.err


def test_into_csv(rows, whet_cli):
    assert whet_cli("predict", "m", str(rows), "-o", "out.csv").code == 0
    with open("out.csv", encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["text"] for row in found] == ["good", "a tab\tand\na break", "好"]
    assert json.loads(found[0]["probabilities"]) == {"yes": 0.75, "no": 0.25}


def test_into_tsv_a_row_stays_a_line(rows, whet_cli):
    assert whet_cli("predict", "m", str(rows), "-o", "out.tsv").code == 0
    found = [line.split("\t") for line in Path("out.tsv").read_text("utf-8").splitlines()]
    assert found[0] == ["row", "text", "prediction", "probabilities"]
    assert found[2][1] == "a tab and a break"
    assert json.loads(found[3][3]) == {"yes": 0.75, "no": 0.25}


def test_keys_that_come_late_have_their_column(door, whet_cli, monkeypatch):
    class Ragged:
        def stream(self, rows, column=None, top=None, tell=None):
            yield {"row": 1, "prediction": "a"}
            yield {"row": 2, "prediction": "b", "target": "c"}

    monkeypatch.setattr(whet, "load", lambda model, tell: Ragged())
    whet_cli("predict", "m", "text", "-o", "out.csv")
    assert Path("out.csv").read_text("utf-8") == "row,prediction,target\n1,a,\n2,b,c\n"


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.tsv"])
def test_a_fault_half_way_leaves_the_old_file_and_no_litter(name, door, whet_cli):
    Path("rows.csv").write_text("text\ngood\nbroken\n", "utf-8")
    Path(name).write_text("old", "utf-8")
    before = sorted(Path().iterdir())
    told = whet_cli("predict", "m", "rows.csv", "-o", name)
    assert told.code == 3 and "row 2" in told.err
    assert Path(name).read_text("utf-8") == "old"
    assert sorted(Path().iterdir()) == before


def test_an_unknown_ending_is_refused_before_the_model_is_loaded(rows, door, whet_cli):
    told = whet_cli("predict", "m", str(rows), "-o", "out.xlsx")
    assert told.code == 2 and ".jsonl" in told.err
    assert not door.calls


def test_the_input_is_never_replaced(rows, door, whet_cli):
    before = rows.read_bytes()
    assert whet_cli("predict", "m", str(rows), "-o", f"./{rows}").code == 2
    assert rows.read_bytes() == before


def test_rows_stream(door, whet_cli, monkeypatch):
    """A row is written before the next is asked for, so that memory stays constant and a pipe sees it at once."""
    written: list[str] = []
    monkeypatch.setattr(predict, "say", written.append)

    class Watching:
        def stream(self, rows, column=None, top=None, tell=None):
            for number in range(1, 5):
                assert len(written) == number - 1
                yield {"row": number, "prediction": "yes"}

    monkeypatch.setattr(whet, "load", lambda model, tell: Watching())
    assert whet_cli("predict", "m", "text").code == 0
    assert len(written) == 4


def test_a_reader_that_leaves_is_no_error(tmp_path):
    code = """
import sys, whet
class Endless:
    def stream(self, rows, column=None, top=None, tell=None):
        while True:
            yield {"row": 1, "prediction": "x" * 1000}
whet.load = lambda model, tell: Endless()
from whet.cli import main
sys.exit(main(["predict", "m", "text"]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline().startswith(b'{"row": 1')
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert said == b""


def test_a_broken_pipe_of_something_else_is_an_error(door, whet_cli):
    door.raises = BrokenPipeError(32, "worker died")
    told = whet_cli("run", "d.csv")
    assert told.code == 1 and "worker died" in told.err


def test_wide_letters_count_twice():
    assert _show.width("好a") == 3
    assert _show.table(("k", "v"), [("好", "x"), ("ab", "y")]).splitlines()[1:] == ["好  x", "ab  y"]


EXPLANATION = {
    "claims": [{"of": "yes", "score": 1.0, "parts": [
        {"text": "good", "start": 0, "end": 4, "weight": 2.0}, {"text": "咖啡", "start": 5, "end": 7, "weight": -0.5},
    ]}],
    "nearest": [{"row": 7, "text": "good tea", "label": "yes", "target": "yes", "similarity": 0.91}],
}  # fmt: skip


def test_an_explanation_is_readable_without_colour():
    told = predict.readable({"row": 1, "prediction": "yes", "explanation": EXPLANATION}).splitlines()
    assert told[2:5] == [
        "what speaks for yes (+) and against it (-)",
        "  good   +2.000  ++++++++++++",
        "  咖啡   -0.500  ---",
    ]
    assert told[-1] == "  row 7  0.910  yes: good tea"


def test_words_and_tags_are_printed_as_words_and_tags():
    part = {"text": "Paris", "words": [1, 2], "weight": 0.4}
    claims = [
        {"of": "place", "words": [1, 2], "score": 0.1, "parts": [part, {**part, "weight": None}]},
        {"of": "person", "words": [3, 5], "score": 0.1, "parts": [part]},
    ]
    words, tags = ["We", "saw", "Ada", "Lovelace"], ["O", "O", "B-person", "I-person"]
    near = {"row": 3, "tokens": words, "tags": tags, "target": tags, "similarity": 0.2}
    told = _explained.told({"claims": claims, "nearest": [near, {**near, "tags": ["O"] * 4, "target": ["O"] * 4}]})
    assert told[1] == "what speaks for place, word 2 (+) and against it (-)" and told[2].startswith("  Paris")
    assert told[3:5] == ["", "what speaks for person, words 4 to 5 (+) and against it (-)"]
    assert told[-2:] == [
        "  row 3  0.200  Ada B-person, Lovelace I-person: We saw Ada Lovelace",
        "  row 3  0.200  O: We saw Ada Lovelace",
    ]


@pytest.mark.parametrize(("target", "said"), [(3.5, "3.5"), (["a", "b"], "a, b"), ([], "none")])
def test_a_number_and_several_labels_are_printed_without_braces(target, said):
    near = {"row": 3, "text": "tea", "label": target, "target": target, "similarity": 0.2}
    assert _explained.told({"claims": [], "nearest": [near]})[-1] == f"  row 3  0.200  {said}: tea"


def test_of_a_pair_each_word_is_named_with_its_text_and_texts_come_before_marks():
    parts = [{"input": name, "text": "tea", "weight": weight} for name, weight in (("text", 0.2), ("text_pair", -0.1))]
    near = {"row": 3, "index": 17, "genre": "cup", "one": "Tea is hot.", "two": "Tea is cold.", "similarity": 0.2}
    told = _explained.told({"claims": [{"score": 0.1, "parts": parts}], "nearest": [{**near, "target": 1.5}]})
    assert [line.split("  ")[1] for line in told[2:4]] == ["tea (text)", "tea (text_pair)"]
    assert told[-1].endswith("1.5: Tea is hot. | Tea is cold. | 17 | cup")


def test_explain_reaches_the_predictor(door, whet_cli, monkeypatch):
    asked = []
    monkeypatch.setattr(whet, "load", lambda model, tell: SimpleNamespace(stream=lambda *a, **o: asked.append(o) or []))
    whet_cli("predict", "m", "good coffee", "--explain")
    whet_cli("predict", "m", "good coffee")
    assert [one.get("explained", False) for one in asked] == [True, False]
