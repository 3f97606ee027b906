"""Columns find their roles by name first and by content then; what was guessed is said."""

from __future__ import annotations

import pytest

from whet.core.errors import DataError
from whet.prepare.roles import guess_task, infer
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

TASK = TextClassification()
TEXTS = ["a very long day", "a short one was it", "nothing at all", "we went home then"]


def rows(**columns):
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def test_names_decide_in_the_order_of_the_aliases_whatever_their_case():
    found = infer(rows(Label=["a", "b"], SENTENCE=["x", "y"], Text=["u", "v"]), TASK, {}, "f")
    assert found.columns == {"text": "Text", "label": "Label"}
    assert found.notes == ()


def test_the_users_own_names_go_first():
    found = infer(rows(text=["x", "y"], other=["u", "v"], label=["a", "b"]), TASK, {"text": "other"}, "f")
    assert found.columns["text"] == "other"


def test_content_decides_where_names_are_silent_and_says_so():
    table = rows(nr=["1", "2", "3", "4"], blurb=TEXTS, mood=["bad", "good", "bad", "good"])
    found = infer(table, TASK, {}, "f.csv")
    assert found.columns == {"text": "blurb", "label": "mood"}
    assert any("'blurb' is read as the text" in note for note in found.notes)
    assert any("'mood' is read as the label" in note for note in found.notes)


def test_columns_without_names():
    table = rows(column_1=["0", "1", "0", "1"], column_2=TEXTS, column_3=TEXTS[::-1])
    found = infer(table, TASK, {}, "f")
    assert found.columns == {"text": "column_2", "text_pair": "column_3", "label": "column_1"}
    assert infer(rows(column_1=["ok", "no"]), TASK, {}, "f", targets=False).columns == {"text": "column_1"}


def test_a_settled_recipe_may_call_nameless_columns_by_their_roles():
    table = rows(column_1=TEXTS, column_2=["a", "b", "a", "b"])
    found = infer(table, TASK, {"text": "text", "label": "label"}, "f")
    assert found.columns == {"text": "column_1", "label": "column_2"}


def test_numbered_twins_are_a_pair():
    table = rows(question1=TEXTS, question2=TEXTS[::-1], is_duplicate=["0", "1", "0", "1"])
    assert infer(table, TASK, {}, "f").columns == {
        "text": "question1",
        "text_pair": "question2",
        "label": "is_duplicate",
    }


def test_all_missing_roles_are_named_at_once():
    with pytest.raises(DataError) as error:
        infer(rows(a=["1", "2", "3", "4"]), TASK, {"labl": "a", "text": "b"}, "f.csv")
    said = str(error.value)
    assert len(error.value.faults) == 3
    assert "no role 'labl'" in said and "did you mean 'label'" in said
    assert "no column 'b' for the text; found a" in said
    assert "no column for the label: found a; expected one of label" in said


def test_guessing_can_be_forbidden():
    table = rows(text=TEXTS, source=["x", "x", "y", "y"])
    assert infer(table, TASK, {}, "f").columns["label"] == "source"
    with pytest.raises(DataError, match="no column for the label"):
        infer(table, TASK, {}, "f", guess=False)


def test_a_weight_column():
    table = rows(text=TEXTS, label=list("abab"), trust=["1", "2", "1", "2"])
    assert infer(table, TASK, {}, "f", weight="trust").columns["weight"] == "trust"
    with pytest.raises(DataError, match="'nope' for the weight"):
        infer(table, TASK, {}, "f", weight="nope")


def test_a_row_plays_its_roles():
    found = infer(rows(text=TEXTS, label=list("abab")), TASK, {}, "f")
    assert found.play({"text": "x", "label": "y", "id": 3}) == {"text": "x", "label": "y"}


def test_the_task_is_guessed_by_the_rows_shape():
    assert guess_task([{"tokens": ["a"], "tags": ["O"]}], "conll") == "token-classification"
    assert guess_task([{"text": "a"}], "text") == "language-modeling"
    assert guess_task([{"text": "a", "label": "b"}], "csv") == "text-classification"
    table = rows(tokens=[["a"], ["b"]], tags=[["O"], ["B-x"]])
    assert infer(table, TokenClassification(), {}, "f").columns == {"tokens": "tokens", "tags": "tags"}
