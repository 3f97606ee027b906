"""The station as a whole: from files to a corpus, or to every fault at once with its file and row."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from prepare.made_rows import SHARED, csv_rows, write
from whet.core.errors import DataError, UsageError
from whet.prepare.corpus import prepare, prepare_test
from whet.prepare.options import DataOptions
from whet.prepare.prints import fold
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

TASK = TextClassification()
PLAIN = DataOptions()


def faults(source, data=PLAIN, task=TASK):
    with pytest.raises(DataError) as error:
        prepare(str(source), data, task, 0)
    return [str(fault) for fault in error.value.faults]


def test_one_file_becomes_three_splits_and_it_is_said(tmp_path):
    path = write(tmp_path / "reviews.csv", "text,label\n" + csv_rows(100))
    corpus = prepare(str(path), PLAIN, None, 0)
    assert corpus.task_name == "text-classification" and isinstance(corpus.task, TextClassification)
    assert corpus.rows == {"train": 80, "validation": 10, "test": 10}
    assert list(corpus.splits) == ["train", "validation", "test"]
    assert corpus.columns == {"text": "text", "label": "label"}
    assert corpus.schema.labels == ("bad", "good")
    assert corpus.files == {str(path): hashlib.sha256(path.read_bytes()).hexdigest()}
    said = "\n".join(corpus.notes)
    assert "no task was named" in said and "there is no test file: 10 of 100 rows" in said
    rows = [example.row for split in corpus.splits.values() for example in split.examples]
    assert sorted(rows) == list(range(1, 101))
    for split, part in corpus.splits.items():
        assert [row["text"] for row in corpus.originals(split)] == [example.inputs[0] for example in part.examples]
        assert all(f"number {example.row - 1}" in example.inputs[0] for example in part.examples)
    assert json.dumps(corpus.check)


def test_the_same_seed_makes_the_same_splits_and_another_does_not(tmp_path):
    path = str(write(tmp_path / "reviews.csv", "text,label\n" + csv_rows(100)))
    first, again, other = (prepare(path, PLAIN, TASK, seed).splits for seed in (0, 0, 1))
    assert first == again != other


def test_only_what_is_missing_is_made(tmp_path):
    for name, count, first in (("train", 50, 0), ("test", 7, 50)):
        write(tmp_path / f"{name}.csv", "text,label\n" + csv_rows(count, first))
    corpus = prepare(str(tmp_path), PLAIN, TASK, 0)
    assert corpus.rows == {"train": 45, "validation": 5, "test": 7}
    corpus = prepare(str(tmp_path), DataOptions(split_fractions=(0.2, 0.5)), TASK, 0)
    assert corpus.rows == {"train": 40, "validation": 10, "test": 7}


def test_columns_without_names_are_called_by_their_roles(tmp_path):
    path = write(tmp_path / "x.tsv", csv_rows(40).replace(",", "\t"))
    corpus = prepare(str(path), PLAIN, TASK, 0)
    assert corpus.columns == {"text": "text", "label": "label"}
    assert set(corpus.originals("test")[0]) == {"text", "label"}
    settled = prepare(str(path), DataOptions(columns=corpus.columns), TASK, 0)
    assert settled.splits == corpus.splits and settled.columns == corpus.columns
    named = {"text": "column_2", "label": "column_1"}
    turned = write(tmp_path / "y.tsv", "".join(f"{'ab'[i % 2]}\tthe text of row {i}\n" for i in range(40)))
    corpus = prepare(str(turned), DataOptions(columns=named), TASK, 0)
    assert corpus.columns == named and set(corpus.originals("test")[0]) == {"column_1", "column_2"}


def test_max_rows_is_stratified_and_drops_labels_that_are_gone(tmp_path):
    write(tmp_path / "train.csv", "text,label\n" + csv_rows(100) + "odd,rare\n")
    write(tmp_path / "dev.csv", "text,label\n" + csv_rows(20, 100))
    write(tmp_path / "test.csv", "text,label\n" + csv_rows(5, 200) + "odder,rare\n")
    corpus = prepare(str(tmp_path), DataOptions(max_rows=10), TASK, 0)
    assert corpus.rows["train"] == 10 and corpus.rows["validation"] == 10
    assert sorted(example.target for example in corpus.splits["validation"].examples) == ["bad"] * 5 + ["good"] * 5
    if "rare" not in corpus.schema.labels:
        assert all(example.target != "rare" for example in corpus.splits["test"].examples)
    assert any("10 of 101 train rows are used" in note for note in corpus.notes)


def test_a_weight_column_weighs(tmp_path):
    rows = "".join(f"text {i},{'ab'[i % 2]},{1 + i % 2}\n" for i in range(40))
    path = write(tmp_path / "x.csv", "text,label,trust\n" + rows)
    corpus = prepare(str(path), DataOptions(weight_column="trust"), TASK, 0)
    assert {(e.target, e.weight) for e in corpus.splits["train"].examples} == {("a", 1.0), ("b", 2.0)}
    assert corpus.columns["weight"] == "trust"


def test_every_fault_of_every_file_comes_at_once(tmp_path):
    write(tmp_path / "train.csv", "text,label\na,b,c\nd,e\nf\n")
    write(tmp_path / "dev.csv", "")
    write(tmp_path / "test.csv", b"text,label\n\xff,b\n")
    found = faults(tmp_path)
    assert len(found) == 4
    assert "test.csv, line 2: byte 0xff" in found[0]
    assert "train.csv, line 2: 3 fields" in found[1] and "train.csv, line 4: 1 fields" in found[2]
    assert "dev.csv: the file is empty" in found[3]


def test_rows_that_the_task_refuses_are_named_by_row_and_line(tmp_path):
    path = write(tmp_path / "x.csv", 'text,label\n"one\ntwo",a\n,b\n\nthree,a\n,a\n')
    found = faults(path)
    assert len(found) == 2
    assert "x.csv, row 2 (line 4): the text is empty" in found[0]
    assert "x.csv, row 4 (line 7)" in found[1]


def test_a_header_alone_and_one_class_only(tmp_path):
    assert "a header and no rows" in faults(write(tmp_path / "a.csv", "text,label\n"))[0]
    one = faults(write(tmp_path / "b.csv", "text,label\n" + "".join(f"text {i},x\n" for i in range(30))))
    assert one[0].startswith(f"{tmp_path / 'b.csv'}: every row has the one label 'x': there is nothing to learn")


def test_more_than_twenty_faults_are_counted(tmp_path):
    found = faults(write(tmp_path / "a.csv", "text,label\na,b\n" + "a,b,c\n" * 50))
    assert len(found) == 21 and "30 more faults" in found[-1]


def test_labels_that_training_never_saw_are_refused_with_their_rows(tmp_path):
    write(tmp_path / "train.csv", "text,label\n" + csv_rows(20))
    write(tmp_path / "dev.csv", "text,label\nx,good\ny,Good\n")
    write(tmp_path / "test.csv", "text,label\nx,gut\ny,good\nz,gut\nw,\n")
    found = faults(tmp_path)
    assert len(found) == 3
    assert f"{tmp_path / 'test.csv'}, row 4 (line 5): the row has no label\n" in found[0]
    seen = "is not among those seen in training (bad, good)"
    assert f"{tmp_path / 'dev.csv'}, row 2 (line 3): the label 'Good' {seen}\n" in found[1]
    assert "cure: did you mean 'good'? mend the label" in found[1]
    assert f"{tmp_path / 'test.csv'}, rows 1, 3 (lines 2, 4): the label 'gut' {seen}: 2 rows\n" in found[2]


def test_an_entity_may_begin_in_the_test_file_only(tmp_path):
    write(tmp_path / "train.conll", "a O\nb B-x\n\nc I-x\nd O\n\n" * 10)
    write(tmp_path / "dev.conll", "a O\nb B-x\n")
    write(tmp_path / "test.conll", "a O\nb B-y\n")
    found = faults(tmp_path, task=TokenClassification())
    assert len(found) == 1 and "'B-y'" in found[0]
    write(tmp_path / "train.conll", "a O\nb B-x\n\n" * 10)
    write(tmp_path / "test.conll", "a O\nb B-x\nc I-x\n")
    assert prepare(str(tmp_path), PLAIN, None, 0).task_name == "token-classification"


def test_words_where_a_scale_is_learnt_are_refused(tmp_path):
    write(tmp_path / "train.csv", "text,label\n" + "".join(f"text {i},{i / 10}\n" for i in range(40)))
    write(tmp_path / "dev.csv", "text,label\na b c,1.5\n")
    write(tmp_path / "test.csv", "text,label\na b c,1.5\na b d,none\n")
    found = faults(tmp_path)
    assert len(found) == 1 and "test.csv, row 2 (line 3): the target 'none' is no number, and training" in found[0]


@pytest.mark.parametrize(
    "rows",
    [
        "text,source\nsome words,x\nother words,x\n",
        "text,label,source\nsome words,,x\nother words,,x\n",
        "text,label,source\nsome words,-1,x\nother words,-1,x\n",
        "source,sentence\nx,some words\n",
    ],
)
def test_a_test_file_without_labels_can_only_be_predicted_and_a_split_is_made(tmp_path, rows):
    """No other column is taken for the labels."""
    table = "".join(f"the text of row {i},{'ab'[i % 2]},{'xy'[i % 2]}\n" for i in range(40))
    write(tmp_path / "train.csv", "text,label,source\n" + table)
    write(tmp_path / "test.csv", rows)
    corpus = prepare(str(tmp_path), PLAIN, TASK, 0)
    assert corpus.rows == {"train": 32, "validation": 4, "test": 4}
    assert list(corpus.files) == [str(tmp_path / "train.csv")]
    (said,) = [note for note in corpus.notes if "can only be predicted" in note]
    assert "test.csv: no row has its label" in said and "a test split is made from the training rows" in said


def test_a_test_file_with_some_labels_is_no_file_without(tmp_path):
    write(tmp_path / "train.csv", "text,label\n" + csv_rows(20))
    write(tmp_path / "test.csv", "text,label\nx,good\ny,\n")
    found = faults(tmp_path)
    assert len(found) == 1 and "test.csv, row 2 (line 3): the row has no label" in found[0]
    write(tmp_path / "test.csv", "number,label\n1,good\n")
    assert "no column for the text" in faults(tmp_path)[0]


def test_bad_rows_are_skipped_counted_and_said_where_asked(tmp_path):
    path = write(tmp_path / "x.csv", "text,label\n" + csv_rows(40) + "a,b,c\n,good\nsome words,good\n")
    assert len(faults(path)) == 1, "what cannot be read comes before what cannot be understood"
    corpus = prepare(str(path), DataOptions(on_bad_row="skip"), TASK, 0)
    assert sum(corpus.rows.values()) == 41
    (said,) = [note for note in corpus.notes if "rows are skipped" in note]
    assert "2 of 43 rows are skipped; the first:" in said and "line 42: 3 fields" in said
    rows = sorted(example.row for split in corpus.splits.values() for example in split.examples)
    assert rows == [*range(1, 41), 43], "numbers are those in the file"


def test_a_fault_behind_which_nothing_can_be_read_is_never_skipped(tmp_path):
    path = write(tmp_path / "x.csv", "text,label\n" + csv_rows(40) + '"an open quote,good\n' + csv_rows(40, 50))
    (said,) = faults(path, DataOptions(on_bad_row="skip"))
    assert "line 42: a quote is opened and never closed" in said
    bad = write(tmp_path / "y.csv", "text,label\n" + "a,b,c\n" * 3)
    assert len(faults(bad, DataOptions(on_bad_row="skip"))) == 3, "no row is left"


def test_a_settled_recipe_serves_files_that_differ_from_the_training_rows(tmp_path):
    """It names the columns of the training rows; what the first run could read its rerun must not refuse."""
    rows = "".join(f"the text of row {i},{'ab'[i % 2]},{1 + i % 2}\n" for i in range(40))
    write(tmp_path / "train.csv", "text,label,trust\n" + rows)
    write(tmp_path / "dev.csv", "sentence,label\n" + csv_rows(6).replace("good", "a").replace("bad", "b"))
    write(tmp_path / "test.csv", "label,content\na,some words here\nb,other words here\n")
    first = prepare(str(tmp_path), DataOptions(weight_column="trust"), TASK, 0)
    assert first.rows == {"train": 40, "validation": 6, "test": 2}
    assert {example.weight for example in first.splits["train"].examples} == {1.0, 2.0}
    assert {example.weight for example in first.splits["test"].examples} == {1.0}
    said = [note for note in first.notes if "the text is in" in note]
    assert [note.partition(": ")[2] for note in said] == [
        "the text is in 'text', the label in 'label', the weight in 'trust'",
        "the text is in 'sentence', the label in 'label'",
        "the text is in 'content', the label in 'label'",
    ]
    again = prepare(str(tmp_path), DataOptions(weight_column="trust", columns=first.columns), TASK, 0)
    assert again.splits == first.splits and again.columns == first.columns
    assert "there is no column 'nope' for the text" in faults(tmp_path, DataOptions(columns={"text": "nope"}))[0]
    assert "there is no column 'no' for the weight" in faults(tmp_path, DataOptions(weight_column="no"))[0]


def test_a_settled_recipe_serves_training_rows_without_names_beside_a_test_file_with_them(tmp_path):
    train = "".join(f"the text of row {i}\t{'ab'[i % 2]}\n" for i in range(40))
    other = "sentence\tlabel\nsome words here\ta\nother words here\tb\n"
    for names, files in enumerate(((train, other), (other + train, train))):
        home = tmp_path / str(names)
        write(home / "train.tsv", files[0])
        write(home / "test.tsv", files[1])
        first = prepare(str(home), DataOptions(on_leak="allow"), TASK, 0)
        again = prepare(str(home), DataOptions(columns=first.columns, on_leak="allow"), TASK, 0)
        assert again.splits == first.splits and again.columns == first.columns


def test_a_later_file_has_a_note_only_where_its_columns_differ(tmp_path):
    for name, count in (("train", 40), ("dev", 4), ("test", 4)):
        table = "".join(f"{i},the {name} text {i},{'ab'[i % 2]}\n" for i in range(count))
        write(tmp_path / f"{name}.csv", "id,text,label\n" + table)
    said = [note for note in prepare(str(tmp_path), PLAIN, TASK, 0).notes if "the text is in" in note]
    assert len(said) == 1 and said[0].endswith("train.csv: the text is in 'text', the label in 'label'; not used: id")


def test_columns_that_the_reader_named_are_no_news(tmp_path):
    write(tmp_path / "train.conll", "".join(f"a{i} O\nb B-x\n\n" for i in range(20)))
    assert not any("'tokens'" in note for note in prepare(str(tmp_path), PLAIN, None, 0).notes)
    story = write(tmp_path / "s.txt", "".join(f"story {i}\n\n" for i in range(20)))
    assert not any("'text'" in note for note in prepare(str(story), PLAIN, None, 0).notes)


def test_rows_without_names_that_are_sorted_by_their_labels(tmp_path):
    """The first two hundred have one label, which would pass for a constant."""
    table = "".join(f"the text of row {i}\t{'ab'[i // 300]}\n" for i in range(600))
    corpus = prepare(str(write(tmp_path / "x.tsv", table)), PLAIN, TASK, 0)
    assert corpus.schema.labels == ("a", "b")


def test_a_share_of_0_takes_no_row(tmp_path):
    path = str(write(tmp_path / "x.csv", "text,label\n" + csv_rows(40)))
    corpus = prepare(path, DataOptions(split_fractions=(0, 0.1)), TASK, 0)
    assert corpus.rows == {"train": 36, "validation": 0, "test": 4} and json.dumps(corpus.check)
    assert any("no validation rows" in note for note in corpus.notes)
    with pytest.raises(UsageError, match=r"data\.split_fractions: a share of 0 leaves no test rows[\s\S]*data\.test"):
        prepare(path, DataOptions(split_fractions=(0.1, 0)), TASK, 0)
    test = str(write(tmp_path / "y.csv", "text,label\n" + csv_rows(4, 40)))
    corpus = prepare(path, DataOptions(split_fractions=(0, 0), test=test), TASK, 0)
    assert corpus.rows == {"train": 40, "validation": 0, "test": 4}


def test_one_label_is_enough_where_some_rows_do_without_it(tmp_path):
    def lines(*labels):
        rows = [{"text": f"text number {i}", "label": labels[i % len(labels)]} for i in range(40)]
        return "".join(json.dumps(row) + "\n" for row in rows)

    corpus = prepare(str(write(tmp_path / "x.jsonl", lines(["spam"], []))), PLAIN, TASK, 0)
    assert (corpus.schema.kind, corpus.schema.labels) == ("multi", ("spam",))
    found = faults(write(tmp_path / "y.jsonl", lines(["spam"], ["spam"])))
    assert len(found) == 1 and "y.jsonl: every row has the one label 'spam'" in found[0]


def test_a_label_that_stands_alone_beside_lists_that_know_it_is_read_as_one_of_them_aloud(tmp_path):
    rows = [{"text": f"text number {i}", "label": (["a"], ["b", "a"], "b")[i % 3]} for i in range(30)]
    corpus = prepare(str(write(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))), PLAIN, TASK, 0)
    alone = sum(isinstance(one.target, str) for one in corpus.splits["train"].examples)
    (said,) = [note for note in corpus.notes if "list of one" in note]
    assert said.startswith(f"{alone} of {corpus.rows['train']} training rows have one label, not a list") and alone > 5
    assert corpus.schema.labels == ("a", "b")


def test_many_rows_with_one_fault_are_counted_and_the_first_ten_named(tmp_path):
    (said,) = faults(write(tmp_path / "x.csv", "text,label\n" + csv_rows(9) + "".join(f"t {i},\n" for i in range(13))))
    rows, lines = (", ".join(map(str, range(first, first + 10))) for first in (10, 11))
    assert said.startswith(
        f"{tmp_path / 'x.csv'}, rows {rows} and 3 more (lines {lines}, ...): the row has no label: 13"
    )


def test_of_many_labels_with_two_rows_each_none_is_held_out_alone(tmp_path):
    path = write(tmp_path / "x.csv", "text,label\n" + "".join(f"the text {i},class {i % 28}\n" for i in range(60)))
    for seed in range(4):
        assert len(prepare(str(path), PLAIN, TASK, seed).schema.labels) == 28


def test_in_a_mixture_a_label_is_named_by_its_own_file(tmp_path):
    own = write(tmp_path / "own.csv", "text,score\n" + "".join(f"text {i},{i / 7:.2f}\n" for i in range(60)))
    more = write(
        tmp_path / "more.csv", "text,score\n" + "".join(f"more {i},{i / 7:.2f}\n" for i in range(20)) + "x,viel\n"
    )
    found = faults(own, DataOptions(mix={str(more): 2.0}))
    assert [one.partition(": ")[0] for one in found] == [f"{more}, row 21 (line 22)"]


@pytest.mark.parametrize("task", [TASK, TextClassification(objective="sigmoid")])
def test_a_list_where_training_has_one_label_is_refused_with_its_row(tmp_path, task):
    write(tmp_path / "train.csv", "text,label\n" + csv_rows(20))
    write(tmp_path / "dev.csv", "text,label\n" + csv_rows(4))
    rows = [{"text": "x y", "label": "good"}, {"text": "y z", "label": ["good", "bad"]}, {"text": "z", "label": []}]
    write(tmp_path / "test.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = faults(tmp_path, task=task)
    said = "test.jsonl, rows 2, 3 (lines 2, 3): the label is a list, and training has one label a row: 2 rows"
    assert len(found) == 1 and said in found[0]


def test_too_little_to_split(tmp_path):
    found = faults(write(tmp_path / "x.txt", "one story only\n"), task=None)
    assert "1 row is too few to make a test split" in found[0] and "blank lines" in found[0]


def test_equal_texts_stay_on_one_side(tmp_path):
    rows = "".join(f"text {i % 25},{'ab'[i % 2]}\n" for i in range(200))
    corpus = prepare(str(write(tmp_path / "x.csv", "text,label\n" + rows)), PLAIN, TASK, 3)
    texts = [{fold(e.inputs[0]) for e in split.examples} for split in corpus.splits.values()]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    assert all(counts["identical"] == 0 for counts in corpus.check["shared"].values())


def test_other_data_for_a_trained_model(tmp_path):
    write(tmp_path / "d" / "train.csv", "sentence,label\n" + csv_rows(40))
    write(tmp_path / "d" / "test.csv", "sentence,label\n" + csv_rows(5, 50))
    trained = prepare(str(tmp_path / "d"), PLAIN, TASK, 0)
    asked = (TASK, trained.schema, trained.columns)
    whole = prepare_test(str(tmp_path / "d"), PLAIN, *asked)
    assert whole.rows == {"test": 5} and list(whole.files) == [str(tmp_path / "d" / "test.csv")]
    other = write(tmp_path / "other.csv", "text,label\n" + csv_rows(8))
    assert prepare_test(str(other), PLAIN, *asked).columns == {"text": "text", "label": "label"}
    write(tmp_path / "bad.csv", "text,label\na b,unknown\nc d,\n")
    with pytest.raises(DataError) as error:
        prepare_test(str(tmp_path / "bad.csv"), PLAIN, *asked)
    assert len(error.value.faults) == 2
    (tmp_path / "d" / "test.csv").rename(tmp_path / "d" / "dev.csv")
    with pytest.raises(DataError, match="no test file"):
        prepare_test(str(tmp_path / "d"), PLAIN, *asked)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data sets")
@pytest.mark.parametrize(
    ("name", "task", "rows"),
    [
        ("sst2", "text-classification", {"train": 6920, "validation": 872, "test": 1821}),
        ("wnut17", "token-classification", {"train": 3394, "validation": 1009, "test": 1287}),
        ("resume-ner-zh", "token-classification", {"train": 3821, "validation": 463, "test": 477}),
        (
            "tinystories-sample/tinystories_sample_2MiB.txt",
            "language-modeling",
            {"train": 1853, "validation": 232, "test": 232},
        ),
    ],
)
def test_real_files_of_the_field(name, task, rows):
    leaks = name == "resume-ner-zh"  # 7 of its 477 test rows stand in training
    corpus = prepare(str(SHARED / name), DataOptions(on_leak="allow" if leaks else "error"), None, 0)
    assert (corpus.task_name, corpus.rows) == (task, rows)
    if name == "sst2":
        assert corpus.originals("test")[0] == {
            "text": "no movement , no yuks , not much of anything",
            "label": "0",
        }
        assert corpus.check["shared"]["train-test"]["identical"] == 2
    if name == "wnut17":
        begun = sum(tag.startswith("B-") for e in corpus.splits["train"].examples for tag in e.target)
        assert begun == 1975


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data sets")
def test_glue_pairs_are_found_though_their_columns_have_odd_names():
    corpus = prepare(str(SHARED / "glue" / "MRPC" / "train.tsv"), DataOptions(max_rows=200), None, 0)
    assert corpus.columns == {"text": "#1 String", "text_pair": "#2 String", "label": "Quality"}


def test_the_account_names_its_files_alike_at_a_resume(tmp_path, monkeypatch):
    """The settled recipe has full names, and the run that goes on must say what the first one would have."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.csv", "text,label\n" + csv_rows(40))
    begun, resumed = (prepare(name, DataOptions(), None, 0) for name in ("rows.csv", str(tmp_path / "rows.csv")))
    assert begun.ledger == resumed.ledger and begun.ledger.files.keys() == begun.files.keys()


def test_the_account_of_rows_adds_up(tmp_path):
    bad = "a,b,c\n,good\nsome words,\n"
    write(tmp_path / "train.csv", "text,label\n" + csv_rows(60) + bad)
    write(tmp_path / "test.csv", "text,label\n" + csv_rows(20, 100) + "x,good,,\n")
    corpus = prepare(str(tmp_path), DataOptions(on_bad_row="skip", max_rows=30), TASK, 0)
    found = corpus.ledger
    assert found.balanced and corpus.check["rows"]["read"] == found.read == 60 + 3 + 20 + 1
    assert (found.skipped, found.mended, found.left_out) == (3, 1, 30) and found.used == corpus.rows
    assert found.files[str(tmp_path / "train.csv")]["skipped"] == 3
    assert not dataclasses.replace(found, skipped=2).balanced


def test_one_file_may_give_two_splits(tmp_path):
    train = write(tmp_path / "train.csv", "text,label\n" + csv_rows(60))
    held = str(write(tmp_path / "held.csv", "text,label\n" + csv_rows(20, 100)))
    corpus = prepare(str(train), DataOptions(validation=held, test=held), TASK, 0)
    assert corpus.rows == {"train": 60, "validation": 20, "test": 20}
    assert corpus.ledger.balanced and corpus.ledger.read == 100


def test_files_are_mixed_by_their_weights_and_held_out_rows_are_datas_own(tmp_path):
    own = write(tmp_path / "own.csv", "text,label\n" + csv_rows(100))
    more = write(tmp_path / "more.csv", "sentence,label\n" + csv_rows(40, 500))
    half = write(tmp_path / "half.csv", "text,label\n" + csv_rows(30, 900))
    data = DataOptions(mix={str(more): 2.0, str(half): 0.5})
    corpus = prepare(str(own), data, TASK, 0)
    assert corpus.rows == {"train": 80 + 80 + 15, "validation": 10, "test": 10}
    assert corpus.ledger.balanced and (corpus.ledger.left_out, corpus.ledger.repeated) == (15, 40)
    texts = [example.inputs[0] for example in corpus.splits["train"].examples]
    assert sum("number 5" in text for text in texts) > 80 and texts == [
        row.get("text") or row["sentence"] for row in corpus.originals("train")
    ]
    for split in ("validation", "test"):
        assert all(int(e.inputs[0].split()[-1]) < 100 for e in corpus.splits[split].examples)
    assert set(corpus.files) == {str(own), str(more), str(half)}
    assert any("80 from 40 rows of" in note for note in corpus.notes)
    assert prepare(str(own), data, TASK, 0).splits == corpus.splits
    assert "does not exist" in faults(own, DataOptions(mix={"nowhere.csv": 1.0}))[0]


LEAKY = "text,label\n" + "".join(f"the very same text of nine words number {i},{'ab'[i % 2]}\n" for i in range(100))


def test_test_rows_that_stand_in_training_are_refused_dropped_or_scored_without(tmp_path):
    write(tmp_path / "train.csv", LEAKY)
    fresh = "".join(f"another {i} text that nobody has seen before {i},{'ab'[i % 2]}\n" for i in range(40))
    write(tmp_path / "test.csv", "\n".join([*LEAKY.split("\n")[:6], fresh]))
    (said,) = faults(tmp_path)
    assert "5 of 45 test rows (11.1%) stand in the training rows too" in said and "data.on_leak=drop" in said
    dropped = prepare(str(tmp_path), DataOptions(on_leak="drop"), TASK, 0)
    assert dropped.ledger.dropped == 5 and dropped.ledger.balanced and dropped.leaking == ()
    allowed = prepare(str(tmp_path), DataOptions(on_leak="allow"), TASK, 0)
    assert allowed.ledger.dropped == 0 and allowed.leaking == (0, 1, 2, 3, 4)
    assert allowed.check["shared"]["train-test"]["identical"] == 5
