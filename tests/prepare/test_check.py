"""The data check against counting by hand."""

from __future__ import annotations

import json

import pytest

from prepare.made_rows import examples
from whet.prepare import meeting
from whet.prepare.check import alike, describe, remarks
from whet.prepare.leaks import leaks
from whet.prepare.prints import read_prints
from whet.prepare.schema import odd_labels
from whet.prepare.targets import read_targets

LONG = "the quick brown fox jumps over the lazy dog and then it runs away from all of the other dogs it has seen"


def checked(labels, **splits):
    prints = {name: read_prints(examples(*rows)) for name, rows in splits.items()}
    return describe(prints, labels, leaks(prints))


def test_the_check_counts():
    found = checked(
        ("a", "b", "B"),
        train=(["a", "b", "a", "a", "a"], ["one two three four", "x y z", "X  y z", LONG, LONG + "?"]),
        test=(["a", "B"], ["one two three four", LONG + " today"]),
    )
    train = found["splits"]["train"]
    assert train["rows"] == 5 and train["classes"] == {"a": 4, "b": 1}
    assert (train["copies"], train["near_copies"], train["near_searched"]) == (1, 1, True)
    assert (train["contradictions"], train["contradiction_rows"]) == (1, [2, 3])
    assert train["words"] == {"least": 3, "median": 4.0, "p95": 23.0, "most": 23}
    assert train["imbalance"]["ratio"] == 4 and train["imbalance"]["single"] == ["b"]
    assert train["imbalance"]["smallest"] == {"label": "b", "count": 1, "share": 0.2}
    assert found["labels_alike"] == [["b", "B"]]
    assert found["labels_missing"] == {"train": ["B"], "test": ["b"]}
    assert found["shared"] == {"train-test": {"identical": 1, "near": 1, "share": 1.0, "rows": [1, 2]}}
    assert json.loads(json.dumps(found)) == found
    said = remarks(found)
    assert said[:3] == [
        "1 test rows stand in the training rows too, and 1 nearly so (rows 1, 2); data.on_leak=drop takes them out of "
        "training",
        "the labels b and B differ only in their writing: write them alike, or they are learnt apart",
        "1 train texts have several labels (rows 2, 3): decide which is right",
    ]
    assert "no test row has the label b: it is not measured there" in said
    assert "one training row alone has the label b: one example teaches little; give more" in said


def test_labels_that_are_likely_one():
    labels = ["New York", "new_york", "NEW-YORK", "Ａ", "A", "other"]
    assert alike(labels) == [["New York", "new_york", "NEW-YORK"], ["Ａ", "A"]]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no text"),
        ("12.5 - 3!", "no letters, only digits or signs"),
        ("a bell \x07 rings", "control characters"),
        ("it\x92s another", "control characters"),
        ("lost \ufffd here", "characters that were lost before (U+FFFD)"),
        ("cafÃ© au lait", "signs of a wrong encoding (as Ã© for é)"),
        ("itâ€™s here", "signs of a wrong encoding (as Ã© for é)"),
        ("word " * 200, "over 20 times as long as the median"),
    ],
)
def test_odd_rows_are_counted_and_named(text, what):
    texts = [f"a plain text number {i}" for i in range(9)]
    texts.insert(4, text)
    found = checked(("a",), train=(["a"] * 10, texts))
    assert found["splits"]["train"]["odd"] == [{"what": what, "count": 1, "rows": [5]}]
    assert any(f"{what} (1: rows 5)" in said for said in remarks(found))


def test_nothing_is_odd_about_usual_texts():
    texts = [
        "Ça va, SÃO PAULO?",
        "我们很喜欢 3",
        "a < b, and 2 > 1",
        "<unk> is a sign",
        "<b>one</b> tag",
        "tab\tand\nline",
        "a 1",
    ]
    assert checked(("a",), train=(["a"] * 7, texts))["splits"]["train"]["odd"] == []
    tags = checked(("a",), train=(["a"] * 2, ["<b>one</b> tag", "more<br/>tags"]))["splits"]["train"]["odd"]
    assert tags == [{"what": "HTML tags", "count": 2, "rows": [1, 2]}]


def test_uneven_classes_are_said_with_a_cure():
    said = remarks(checked(("a", "b"), train=(["a"] * 102 + ["b"] * 2, None)))
    assert said == [
        "the classes are uneven: 102 training rows have 'a' and 2 'b'; give more of the rare ones, or look at "
        "task.class_weights and the macro scores"
    ]
    assert remarks(checked(("a", "b"), train=(["a"] * 100 + ["b"] * 2, None))) == []


def test_a_search_that_was_given_up_is_said(monkeypatch):
    monkeypatch.setattr(meeting, "MOST_SHINGLES", 20)
    found = checked(("a",), train=(["a"] * 2, [LONG, "x"]), test=(["a"] * 2, ["x", LONG + "!"]))
    assert found["shared"]["train-test"]["near"] is None and found["shared"]["train-test"]["rows"] == [2 - 1]
    assert any("near copies are not searched to the end" in said for said in remarks(found))


def test_numbers_and_texts_have_no_classes():
    found = checked((), train=([i / 7 for i in range(30)], None))["splits"]["train"]
    assert "classes" not in found and found["contradictions"] == 0
    texts = ["a story", "A  story", "another"]
    assert checked((), train=(texts, texts))["splits"]["train"]["contradictions"] == 0


def odd(labels):
    return odd_labels(read_targets(examples(labels)), "label", "nr", "train.csv")


def test_an_id_is_no_label():
    for labels in ([f"row-{i}" for i in range(40)], [str(i + 1) for i in range(40)]):
        (fault,) = odd(labels)
        assert fault.what == "40 of 40 labels in the column 'nr' are different: it looks like an id, or a text"
        assert (fault.where, fault.cure) == ("train.csv", "name the right column: data.columns.label=NAME")


def test_classes_of_one_row_leave_nothing_to_measure_with():
    (fault,) = odd(list("abcdefghij"))
    assert "10 rows have 10 different labels" in fault.what and "'nr' is another column than meant" in fault.cure


@pytest.mark.parametrize(
    "targets",
    [
        [str(i / 10) for i in range(40)],
        list("ab"),
        list("abcde") * 2,
        [("a", f"x{i}") for i in range(40)],
        [f"text {i}" for i in range(40)],
    ],
)
def test_other_targets_are_sound(targets):
    assert odd(targets) == []


@pytest.mark.parametrize(
    ("word", "said"), [("nan", True), ("NULL", True), ("#N/A", True), ("none", False), ("nano", False)]
)
def test_a_word_that_programs_write_for_an_empty_cell_is_remarked_as_a_label(word, said):
    found = remarks(checked(("a", word), train=(["a", word, "a", word], ["b c", "d e", "f g", "h i"])))
    what = f"2 training rows have the label '{word}', which programs write for an empty cell: it is learnt as a label;"
    assert any(one.startswith(what) for one in found) is said


@pytest.mark.parametrize(
    ("labels", "option"), [(["a", "b", "a,b", "c"], ""), (["x; y", "y", "x"], " and task.delimiter=;")]
)
def test_a_label_that_joins_others_is_remarked(labels, option):
    found = remarks(checked(labels, train=(labels * 2, [f"{n} text" for n in range(len(labels) * 2)])))
    joined = next(label for label in labels if len(label) > 1)
    parts = " and ".join(sorted(joined.replace(" ", "").replace(";", ",").split(",")))
    want = f"the label '{joined}' joins {parts}: if a row may have several, set task.kind=multi{option}"
    assert want in found
    assert not any("joins" in said for said in remarks(checked(("a", "a,z"), train=(["a", "a,z"], ["b c", "d e"]))))


def test_a_test_file_whose_numbers_are_all_one_is_remarked():
    train = ([i / 7 for i in range(30)], None)
    said = remarks(checked((), train=train, test=([2.5] * 3, ["a b", "c d", "e f"])))
    assert "every test row has the target 2.5: no correlation can be measured there" in said
    assert remarks(checked((), train=train, test=([2.5], ["a b"]))) == []
    assert remarks(checked((), train=train, test=([2.5, 2], ["a b", "c d"]))) == []
