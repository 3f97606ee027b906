"""Columns find their roles by name first and by content then; what was guessed is said."""

from __future__ import annotations

import pytest

from whet.core.errors import DataError
from whet.prepare.readers.contract import READERS
from whet.prepare.roles import guess_task, infer
from whet.tasks.contract import TASKS
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

TASK = TextClassification()
LONG = [f"a text of some length that is no label at all, number {place}" for place in range(9)]
TEXTS = ["a very long day", "a short one was it", "nothing at all", "we went home then"]


def rows(**columns):
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def test_names_decide_in_the_order_of_the_aliases_whatever_their_case():
    found = infer(rows(Label=["a", "b"], SENTENCE=["x", "y"], Text=["u", "v"]), TASK, {}, "f")
    assert found.columns == {"text": "Text", "label": "Label"}
    assert found.note == "f: the text is in 'Text', the label in 'Label'; not used: SENTENCE"


def test_the_users_own_names_go_first():
    found = infer(rows(text=["x", "y"], other=["u", "v"], label=["a", "b"]), TASK, {"text": "other"}, "f")
    assert found.columns["text"] == "other"


def test_who_names_the_text_has_left_the_other_texts_aside():
    table = rows(text=TEXTS, tagged=[f"<e>{text}</e>" for text in TEXTS], label=["a", "b", "a", "b"])
    found = infer(table, TASK, {"text": "tagged"}, "f")
    assert found.columns == {"text": "tagged", "label": "label"}
    beside = rows(question=TEXTS, sentence=[text.upper() for text in TEXTS], label=["a", "b", "a", "b"])
    assert infer(beside, TASK, {}, "f").columns["text_pair"] == "question"


def test_content_decides_where_names_are_silent_and_says_so():
    table = rows(nr=["1", "2", "3", "4"], blurb=TEXTS, mood=["bad", "good", "bad", "good"])
    found = infer(table, TASK, {}, "f.csv")
    assert found.columns == {"text": "blurb", "label": "mood"}
    said = "the text is in 'blurb' (by what is in it), the label in 'mood' (by what is in it); not used: nr"
    assert found.note == f"f.csv: {said}"


def test_every_header_has_its_note():
    table = rows(id=["1", "2"], date=["x", "y"], review=["a b", "c d"], sentiment=["a", "b"])
    said = "reviews.csv: the text is in 'review', the label in 'sentiment'; not used: id, date"
    assert infer(table, TASK, {}, "reviews.csv").note == said
    plain = infer(rows(text=["a b", "c d"], label=["a", "b"]), TASK, {}, "f")
    assert plain.note == "f: the text is in 'text', the label in 'label'"
    nameless = rows(column_1=["0", "1", "0", "1"], column_2=TEXTS)
    said = infer(nameless, TASK, {"label": "column_1"}, "f").note
    assert said == "f: the columns have no names; the text is in 'column_2' (by what is in it), the label in 'column_1'"
    wide = {"text": TEXTS, "label": list("abab"), **{f"f{i}": list("1234") for i in range(30)}}
    assert infer(rows(**wide), TASK, {}, "f").note.endswith("f10, f11 and 18 more")


def test_one_column_with_a_delimiter_in_its_name_has_the_likely_cause():
    with pytest.raises(DataError) as error:
        infer(rows(**{"Urteil;Note": ["gut;1", "nicht; so gut;0"]}), TASK, {}, "f.csv")
    (fault,) = [fault for fault in error.value.faults if "label" in fault.what]
    assert fault.what.endswith("; likely cause: the lines are not divided alike by ';'")
    assert fault.cure.startswith("quote fields that hold a ';', so that every line has as many; or name it: data.col")


def test_the_only_column_of_a_file_is_called_so():
    with pytest.raises(DataError, match=r"no column for the label: found column_1, the file's only one \(the first"):
        infer(rows(column_1=TEXTS), TASK, {}, "f.tsv")


def test_a_header_that_was_not_taken_for_one_is_the_likely_cause():
    table = rows(column_1=["article", *LONG], column_2=["highlights", *LONG])
    said = r"found column_1, column_2 \(the first line was read as a row, not as names\); expected one of label"
    with pytest.raises(DataError, match=said):
        infer(table, TASK, {}, "f.csv")


def test_columns_without_names():
    table = rows(column_1=["0", "1", "0", "1"], column_2=TEXTS, column_3=TEXTS[::-1])
    found = infer(table, TASK, {}, "f")
    assert found.columns == {"text": "column_2", "text_pair": "column_3", "label": "column_1"}
    assert infer(rows(column_1=["ok", "no"]), TASK, {}, "f", targets=False).columns == {"text": "column_1"}


def test_rows_to_be_answered_get_no_target_out_of_any_column_that_repeats():
    table = rows(text=["I like it", "Nope", "I see", "Never"], kind=["plain", "irony", "plain", "irony"])
    assert infer(table, TASK, {}, "f", targets=False).columns == {"text": "text"}
    assert infer(table, TokenClassification(), {}, "f", targets=False).columns == {"tokens": "text"}
    assert infer(rows(text=TEXTS, label=list("abab")), TASK, {}, "f", targets=False).columns["label"] == "label"


def test_rows_without_names_that_are_to_be_answered_give_their_text_first():
    found = infer(rows(column_1=["I like it"], column_2=["plain"]), TASK, {}, "f", targets=False, roles={"text"})
    assert found.columns == {"text": "column_1"}
    pair = rows(column_1=["a man sleeps", "a dog runs"], column_2=["a man rests", "a cat runs"])
    both = {"text", "text_pair", "label"}
    assert infer(pair, TASK, {}, "f", targets=False, roles=both).columns == {
        "text": "column_1",
        "text_pair": "column_2",
    }
    labelled = rows(column_1=["good", "poor", "good", "poor"], column_2=TEXTS)
    assert infer(labelled, TASK, {}, "f", targets=False).columns == {"text": "column_2", "label": "column_1"}
    short = rows(column_1=["ok", "no", "ok", "no"], column_2=["1", "0", "1", "0"])
    assert infer(short, TASK, {}, "f", targets=False).columns == {"text": "column_1", "label": "column_2"}


def test_a_label_is_no_constant_and_is_rather_never_empty():
    stars = rows(id=list("12345678"), lang=["en"] * 8, body=[*TEXTS, *(t + "!" for t in TEXTS)], stars=list("15151515"))
    assert infer(stars, TASK, {}, "f").columns == {"text": "body", "label": "stars"}
    gaps = rows(mark=["x", "", "y", "x"] * 2, body=stars_texts(8), mood=list("abcd") * 2)
    assert infer(gaps, TASK, {}, "f").columns == {"text": "body", "label": "mood"}
    with pytest.raises(DataError, match="no column for the label"):
        infer(rows(body=TEXTS, lang=["en"] * 4), TASK, {}, "f")


def stars_texts(count):
    return [f"{TEXTS[place % 4]} {place}" for place in range(count)]


def test_the_acceptability_corpus_is_read_right():
    """CoLA as GLUE has it: source, label, the author's own mark (mostly empty), sentence."""
    marks = ["", "", "*", ""] * 3
    cola = rows(column_1=["gj04"] * 12, column_2=list("1101") * 3, column_3=marks, column_4=stars_texts(12))
    for targets in (True, False):
        assert infer(cola, TASK, {}, "f", targets=targets).columns == {"text": "column_4", "label": "column_2"}


def test_of_two_texts_with_odd_names_the_twins_keep_their_order():
    table = rows(first1=TEXTS, first2=[text + " and more" for text in TEXTS], mark=list("abab"))
    assert infer(table, TASK, {}, "f").columns == {"text": "first1", "text_pair": "first2", "label": "mark"}


def test_a_question_beside_a_sentence_is_its_pair():
    qnli = rows(index=list("1234"), question=TEXTS, sentence=TEXTS[::-1], label=list("abab"))
    found = infer(qnli, TASK, {}, "train.tsv")
    assert found.columns == {"text": "sentence", "text_pair": "question", "label": "label"}
    assert found.note.endswith("'question' (by what is in it), the label in 'label'; not used: index")
    assert "text_pair" not in infer(qnli, TASK, {"text": "sentence"}, "f", roles={"text", "label"}).columns
    three = rows(question=TEXTS, sentence=TEXTS[::-1], review=TEXTS, label=list("abab"))
    assert infer(three, TASK, {}, "f").columns == {"text": "sentence", "label": "label"}
    numbers = rows(question=list("1234"), sentence=TEXTS, label=list("abab"))
    assert infer(numbers, TASK, {}, "f").columns == {"text": "sentence", "label": "label"}


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
    assert "no column for the label: found a, the file's only one; expected one of label" in said


def test_guessing_can_be_forbidden():
    table = rows(text=TEXTS, source=["x", "x", "y", "y"])
    assert infer(table, TASK, {}, "f").columns["label"] == "source"
    with pytest.raises(DataError, match="no column for the label"):
        infer(table, TASK, {}, "f", guess=False)


def test_a_weight_is_one_where_the_user_says_so():
    table = rows(text=TEXTS, label=list("abab"), weight=["1", "2", "1", "2"])
    assert "weight" not in infer(table, TASK, {}, "f").columns
    assert infer(table, TASK, {"weight": "weight"}, "f").columns["weight"] == "weight"
    with pytest.raises(DataError, match="'nope' for the weight"):
        infer(table, TASK, {"weight": "nope"}, "f")
    unnamed = rows(text=TEXTS, weight=["1", "2", "1", "2"], mood=["a", "b", "c", "a"])
    with pytest.raises(DataError, match="no column for the label"):
        infer(unnamed, TASK, {}, "f")


def test_a_row_plays_its_roles():
    found = infer(rows(text=TEXTS, label=list("abab")), TASK, {}, "f")
    assert found.play({"text": "x", "label": "y", "id": 3}) == {"text": "x", "label": "y"}


def test_the_task_is_guessed_by_the_rows_shape():
    assert guess_task([{"tokens": ["a"], "tags": ["O"]}], "conll", "f", {}) == "token-classification"
    tagged = [{"words": ["a"], "marks": ["O"]}, {"words": ["a", "b"], "marks": ["O", "X"]}]
    assert guess_task(tagged, "json", "f", {}) == "token-classification"
    assert guess_task(tagged, "json", "f", {"label": "marks"}) == "text-classification"
    assert guess_task([*tagged, {"words": ["a"], "marks": []}], "json", "f", {}) == "text-classification"
    assert guess_task(tagged[:1], "json", "f", {}) == "text-classification"
    assert guess_task([{"text": "a"}], "text", "f", {}) == "language-modeling"
    assert guess_task([{"text": "a", "label": "b"}], "csv", "f", {}) == "text-classification"


SAMPLES = {entry: READERS[entry].sample().rows for entry in ("squad", "semeval", "parallel", "messages")}
MADE_FOR = [
    ("squad", SAMPLES["squad"], "question answering"),
    ("semeval", SAMPLES["semeval"], "relation extraction"),
    ("parallel", SAMPLES["parallel"], "translation"),
    ("messages", SAMPLES["messages"], "dialogue"),
    (
        "hub",
        [{"id": "1", "title": "a", "context": "b c", "question": "d", "answers": {"text": []}}],
        "question answering",
    ),
    ("parquet", [{"messages": [{"role": "user", "content": "a"}]}], "dialogue"),
    ("csv", [{"instruction": "a", "input": "", "output": "b"}], "dialogue"),
    ("hub", [{"id": 1, "translation": {"de": "a", "en": "b"}}], "translation"),
]


@pytest.mark.parametrize(("entry", "cells", "kind"), MADE_FOR)
def test_rows_that_no_task_reads_are_refused_until_one_does(entry, cells, kind, monkeypatch):
    with pytest.raises(DataError) as error:
        guess_task(cells, entry, "f.json", {})
    (fault,) = error.value.faults
    assert (fault.where, fault.what) == ("f.json", f"these rows look like {kind}, and whet has no task for that yet")
    assert fault.cure.startswith("if you mean another, name it with --task: language-modeling, text-classification, ")
    assert guess_task([{**row, "label": "x"} for row in cells], entry, "f.json", {}) == "text-classification"
    assert guess_task(cells, entry, "f.json", {"text": "context"}) == "text-classification"
    name = kind.replace(" ", "-")
    monkeypatch.setitem(TASKS._added, name, TextClassification)
    assert guess_task(cells, entry, "f.json", {}) == name
    table = rows(tokens=[["a"], ["b"]], tags=[["O"], ["B-x"]])
    assert infer(table, TokenClassification(), {}, "f").columns == {"tokens": "tokens", "tags": "tags"}
