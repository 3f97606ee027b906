"""Rows to be answered stream in their order, from files and streams, with no labels needed."""

from __future__ import annotations

import gzip
import io
import json
from itertools import islice

import pyarrow
import pyarrow.parquet
import pytest

from prepare.made_rows import write
from whet.core.errors import DataError
from whet.prepare.rows import read_rows
from whet.tasks.language_modeling import LanguageModeling
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

TASK = TextClassification()
COLUMNS = {"text": "sentence", "label": "label"}


def texts(source, task=TASK, columns=COLUMNS, asked=None):
    return [row.roles.get(task.columns[0].role) for row in read_rows(source, columns, task, asked)]


def stream(text):
    return io.StringIO(text, newline="\n")


def test_the_trained_columns_are_used_and_the_cells_kept(tmp_path):
    path = write(tmp_path / "x.csv", "text,sentence,id\nno,one,7\nno,two,8\n")
    rows = list(read_rows(path, COLUMNS, TASK))
    assert [row.roles["text"] for row in rows] == ["one", "two"]
    assert rows[1].cells == {"text": "no", "sentence": "two", "id": "8"} and (
        rows[1].number,
        rows[1].line,
    ) == (2, 3)


def test_other_columns_are_inferred_and_asked_ones_must_be_there(tmp_path):
    path = write(tmp_path / "x.csv", "review,remark\na b,c\nd e,f\n")
    assert texts(path) == ["a b", "d e"]
    assert texts(path, asked={"text": "remark"}) == ["c", "f"]
    with pytest.raises(DataError, match="no column 'nope'"):
        texts(path, asked={"text": "nope"})


def test_plain_lines_are_texts_and_answers_stay_beside_their_lines():
    assert texts(stream("one line\n\nanother, with a comma\n\n\n")) == [
        "one line",
        "",
        "another, with a comma",
    ]
    assert texts(stream("ok\n")) == ["ok"]
    assert texts(stream("Ann ran .\n"), TokenClassification(), {"tokens": "tokens"}) == ["Ann ran ."]


def test_plain_text_is_documents_where_there_is_no_label():
    assert texts(stream("a\nb\n\nc\n"), LanguageModeling(), {"text": "text"}) == ["a\nb", "c"]


def test_streams_of_bytes_json_lines_and_tables():
    assert texts(io.BytesIO("\ufeff你好\n".encode())) == ["你好"]
    assert texts(stream('{"sentence": "x", "k": 1}\n{"sentence": "y"}\n')) == ["x", "y"]
    assert texts(stream("the first text\t1\nthe second text\t0\nthe third\t1\n")) == [
        "the first text",
        "the second text",
        "the third",
    ]


def test_labels_that_are_there_come_along(tmp_path):
    path = write(tmp_path / "x.tsv", "the first text\ta\nthe second text\tb\nthe third\ta\nthe fourth\tb\n")
    rows = list(read_rows(path, {"text": "text", "label": "label"}, TASK))
    assert rows[0].roles == {"text": "the first text", "label": "a"} == rows[0].cells


def test_no_target_is_made_up_for_rows_that_have_none(tmp_path):
    path = write(tmp_path / "in.csv", "text,kind\nI like it,plain\nNope,irony\nYes,plain\nNo,irony\n")
    for task in (TASK, TextClassification(kind="regression"), TokenClassification()):
        rows = list(read_rows(path, {task.columns[0].role: "text"}, task))
        assert [task.parse(row.roles, row.number).target for row in rows] == [None] * 4
        assert rows[0].cells == {"text": "I like it", "kind": "plain"}


def test_a_column_is_no_second_text_for_a_model_that_learnt_from_one(tmp_path):
    path = write(tmp_path / "x.csv", "text,answer,weight\nwhat is it,nothing at all,0\nand this,something,0\n")
    assert [row.roles for row in read_rows(path, {"text": "text", "label": "label", "weight": "weight"}, TASK)] == [
        {"text": "what is it"},
        {"text": "and this"},
    ]


def test_faults_name_their_line_and_come_when_they_are_reached():
    rows = read_rows(stream("text,label\n" + "a,b\n" * 500 + "a,b,c\n"), {}, TASK)
    assert len(list(islice(rows, 500))) == 500
    with pytest.raises(DataError, match="line 502"):
        next(rows)
    with pytest.raises(DataError, match="does not exist"):
        texts("nowhere.csv")
    with pytest.raises(DataError, match="no rows"):
        texts(stream(""))


def test_an_endless_stream_is_read_as_it_is_asked_for():
    def endless():
        while True:
            yield b"a text\n"

    assert len(list(islice(read_rows(endless(), {}, TASK), 1000))) == 1000


def test_files_of_every_kind_go_the_same_way(tmp_path):
    rows = [{"sentence": "你好的，我们"}, {"sentence": "这是第二个"}]
    wanted = [row["sentence"] for row in rows]
    told = []
    gbk = write(tmp_path / "x.csv", ("sentence\n" + "\n".join(wanted) + "\n").encode("gbk"))
    assert [row.roles["text"] for row in read_rows(gbk, COLUMNS, TASK, tell=told.append)] == wanted
    assert "read as GB18030" in told[0].text
    assert texts(write(tmp_path / "x.json", json.dumps(rows))) == wanted
    assert texts(write(tmp_path / "x.jsonl.gz", gzip.compress("".join(map(json_line, rows)).encode()))) == wanted
    assert texts(write(tmp_path / "x.txt", "\n".join(wanted).encode("gbk"))) == wanted
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    assert texts(tmp_path / "x.parquet") == wanted
    assert texts(io.BytesIO("你好\n".encode("utf-16"))) == ["你好"]
    assert texts(stream(json.dumps(rows, indent=1))) == wanted


def json_line(row):
    return json.dumps(row) + "\n"
