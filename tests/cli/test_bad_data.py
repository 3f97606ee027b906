"""Bad data through the command line: exit code 3, the sentence, the place and the cure, no trace, and nothing written."""

from __future__ import annotations

import re

import pytest

from prepare.bad_inputs import KINDS
from prepare.made_rows import csv_rows, write

CHOSEN = {
    "empty file": "run",
    "header only": "run",
    "no label column": "run",
    "a column twice in the header": "run",
    "too many fields, a comma unquoted": "run",
    "a quote that is never closed": "plan",
    "a NUL character": "run",
    "an encoding that cannot be decided": "run",
    "lines in two encodings": "plan",
    "a pickle": "run",
    "an SQLite database": "run",
    "gzip data cut short": "run",
    "a gzip bomb": "run",
    "JSON: NaN and Infinity": "run",
    "JSON: nested deeply": "run",
    "JSON: the file ends inside a value": "plan",
    "a parquet file cut or overwritten": "run",
    "CoNLL: a word without its tag": "run",
    "words and tags that differ in number": "run",
    "an empty text": "run",
    "a class that training never saw": "run",
    "one class only": "run",
    "a row of a megabyte": "run",
    "too few rows to split": "plan",
    "a pipe": "run",
    "a path that leads nowhere": "run",
    "a link that leads nowhere": "run",
    "a folder in which nothing is named train": "run",
    "two files for one split": "run",
    "rows of a kind that no task reads": "run",
    "a label column that is really an id": "run",
    "ten classes with one row each": "plan",
    "lists and single labels in one column": "run",
    "a web page": "run",
    "escapes of a seven-bit encoding that lead nowhere": "plan",
}
"""Kinds that are tried here, with their verb; the first input of each that needs no options."""


def test_at_least_fifteen_kinds_are_tried():
    assert len(CHOSEN) >= 15 and set(CHOSEN) <= {kind.name for kind in KINDS}


def test_a_name_that_is_too_long_for_a_file_is_none(whet_cli):
    told = whet_cli("run", "x" * 300)
    assert told.code == 3
    assert told.err == (
        f"error: {'x' * 300}: there is no such file or folder\n  cure: check the path; a hub data set is hf:NAME\n"
    )


def test_files_are_called_as_their_user_called_them(whet_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in" / "train.csv", "text,label\n" + csv_rows(20) + "a,b,c\n")
    write(tmp_path / "in" / "test.csv", "text,label\nsome words,gut\n")
    assert "error: in/train.csv, line 22: 3 fields" in whet_cli("run", "in/train.csv", "--out", "mine").err
    write(tmp_path / "in" / "train.csv", "text,label\n" + csv_rows(20) + "more words,\n")
    for given in ("in", "./in/", str(tmp_path / "in")):
        told = whet_cli("run", given, "--out", "mine")
        place = given.removeprefix("./").rstrip("/")
        assert told.err.rpartition("error: ")[2].startswith(
            f"{place}/train.csv, row 21 (line 22): the row has no label"
        )
    told = whet_cli("run", "in/train.csv", "--set", "data.test=none.csv", "--out", "mine")
    assert "error: data.test=none.csv: the file does not exist" in told.err


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name in CHOSEN], ids=lambda kind: kind.name)
def test_bad_data_ends_with_3_and_leaves_nothing(kind, whet_cli, tmp_path, monkeypatch):
    one = next(one for one in kind.inputs if not one.options)
    given, home = tmp_path / "given", tmp_path / "home"
    given.mkdir()
    home.mkdir()
    source = one.made(given)
    monkeypatch.chdir(home)
    task = () if one.task is None else ("--task", "text-classification")
    told = whet_cli(CHOSEN[kind.name], source, *task, "--out", "runs/mine")
    assert (told.code, told.out) == (3, "")
    errors = re.findall(r"error: (.+)\n  cure: (.+)\n", told.err)
    assert len(errors) == 1
    where, _, what = errors[0][0].partition(f"{one.places(given)[0]}: ")
    assert where == "" and re.fullmatch(kind.what, what)
    assert re.fullmatch(kind.cure, errors[0][1])
    assert "Traceback" not in told.err
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in given.iterdir()) == sorted({one.name, *one.beside})
