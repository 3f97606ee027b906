"""Hub data sets, with the hub replaced: names of classes, missing labels, silence and refusals."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import sys
import threading
from types import SimpleNamespace

import pytest

from prepare.made_rows import write
from whet.core.errors import DataError, Fault
from whet.prepare import hub
from whet.prepare.corpus import prepare, prepare_test
from whet.prepare.options import DataOptions
from whet.tasks.contract import Schema
from whet.tasks.text_classification import TextClassification


class Part(list):
    def __init__(self, rows, features):
        super().__init__(rows)
        self.features = features
        self._fingerprint = "print"


class Builder:
    def __init__(self, splits):
        self.splits, self.prepared = splits, False

    def download_and_prepare(self):
        self.prepared = True

    def as_dataset(self):
        assert self.prepared
        return self.splits


@pytest.fixture
def stage(monkeypatch):
    def put(builder):
        monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset_builder=builder))

    return put


FEATURES = {"text": SimpleNamespace(), "label": SimpleNamespace(names=["neg", "pos"])}


def rows(count):
    return Part([{"text": f"text number {i}", "label": i % 2} for i in range(count)], FEATURES)


def test_a_hub_data_set_becomes_a_corpus(stage):
    asked = []

    def builder(name, configuration):
        asked.append((name, configuration))
        return Builder({"train": rows(40), "val": rows(6), "unsupervised": rows(3)})

    stage(builder)
    corpus = prepare("hf:owner/name:plain", DataOptions(), None, 0)
    assert asked == [("owner/name", "plain")]
    assert corpus.rows == {"train": 36, "validation": 6, "test": 4}
    assert corpus.schema.labels == ("neg", "pos")
    assert corpus.files == {"hf:owner/name:plain/train": "print", "hf:owner/name:plain/validation": "print"}


def test_lists_of_classes_and_missing_ones_get_their_names():
    tags = SimpleNamespace(feature=SimpleNamespace(names=["O", "B-x"]))
    features = {"tokens": SimpleNamespace(), "tags": tags, "label": FEATURES["label"]}
    part = Part([{"tokens": ["a", "b"], "tags": [0, 1], "label": -1}], features)
    assert next(hub.lines(part, "hf:x")).cells == {"tokens": ["a", "b"], "tags": ["O", "B-x"], "label": None}


def unanswered(count):
    return Part([{"text": f"an open question {i}", "label": -1} for i in range(count)], FEATURES)


def test_a_split_without_any_answers_is_left_out_and_made_from_training(stage):
    stage(lambda *_: Builder({"train": rows(40), "validation": rows(6), "test": unanswered(9)}))
    corpus = prepare("hf:glue:x", DataOptions(), None, 0)
    assert corpus.rows == {"train": 36, "validation": 6, "test": 4}
    assert sorted(corpus.files) == ["hf:glue:x/train", "hf:glue:x/validation"]
    said = "\n".join(corpus.notes)
    assert "hf:glue:x/test: no row has its label, so it can only be predicted" in said
    assert "4 of 40 rows of hf:glue:x/train are drawn for it" in said
    bare = Part([{"text": f"an open question {i}"} for i in range(9)], {"text": SimpleNamespace()})
    stage(lambda *_: Builder({"train": rows(40), "validation": rows(6), "test": bare}))
    assert prepare("hf:glue:x", DataOptions(), None, 0).rows["test"] == 4
    some = Part([*unanswered(3), {"text": "a known one", "label": 1}], FEATURES)
    stage(lambda *_: Builder({"train": rows(40), "validation": rows(6), "test": some}))
    with pytest.raises(DataError, match="the row has no label: 3 rows"):
        prepare("hf:glue:x", DataOptions(), None, 0)


def test_a_named_file_goes_before_a_split_of_the_hub(stage, tmp_path):
    stage(lambda *_: Builder({"train": rows(40), "validation": rows(6), "test": rows(9)}))
    own = write(tmp_path / "own.csv", "text,label\nmy own text,neg\nanother of mine,pos\n")
    corpus = prepare("hf:x", DataOptions(test=str(own)), None, 0)
    assert corpus.rows == {"train": 40, "validation": 6, "test": 2}
    assert list(corpus.files) == ["hf:x/train", "hf:x/validation", str(own)]
    assert prepare("hf:x", DataOptions(validation=str(own), on_leak="allow"), None, 0).rows["validation"] == 2
    with pytest.raises(DataError, match="does not exist"):
        prepare("hf:x", DataOptions(test=str(tmp_path / "none.csv")), None, 0)


def test_a_trained_model_is_measured_on_a_test_split_alone(stage):
    schema, columns = Schema("single", ("neg", "pos")), {"text": "text", "label": "label"}
    asked = (DataOptions(), TextClassification(), schema, columns)
    stage(lambda *_: Builder({"test": rows(9)}))
    assert prepare_test("hf:x", *asked).rows == {"test": 9}
    stage(lambda *_: Builder({"train": rows(40), "validation": rows(6)}))
    with pytest.raises(DataError, match="no test split among train, validation"):
        prepare_test("hf:x", *asked)


def test_of_two_splits_that_could_be_one_the_first_is_taken_aloud(stage):
    names = {"train": 40, "validation_matched": 6, "validation_mismatched": 7, "test_a": 3, "test": 5}
    stage(lambda *_: Builder({name: rows(count) for name, count in names.items()}))
    corpus = prepare("hf:glue:mnli", DataOptions(on_leak="allow"), None, 0)
    assert corpus.rows == {"train": 40, "validation": 6, "test": 5}
    said = "\n".join(corpus.notes)
    assert "validation_matched and validation_mismatched could be the validation split: validation_matched is" in said
    assert "test_a and test could be the test split: test is taken; data.test=FILE takes other rows" in said


def test_cells_that_json_cannot_hold_become_texts():
    cells = {
        "when": datetime.datetime(2020, 1, 31, 12, 30),
        "price": decimal.Decimal("1.50"),
        "raw": "é".encode(),
        "deep": [{"day": datetime.date(2020, 1, 31), "n": 1}, None],
        "score": 0.5,
    }
    found = next(hub.lines(Part([cells], dict.fromkeys(cells, SimpleNamespace())), "hf:x")).cells
    assert json.loads(json.dumps(found)) == {
        "when": "2020-01-31 12:30:00",
        "price": "1.50",
        "raw": "é",
        "deep": [{"day": "2020-01-31", "n": 1}, None],
        "score": 0.5,
    }


def test_bytes_that_are_no_text_are_a_fault_of_their_row():
    cells = [{"text": b"fein"}, {"text": "größer".encode("latin-1")}, {"text": [b"a", b"\xff"]}]
    found = list(hub.lines(Part(cells, {"text": SimpleNamespace()}), "hf:x/train"))
    assert found[0].cells == {"text": "fein"} and not found[0].fault
    assert [str(one.fault).partition("\n")[0] for one in found[1:]] == [
        "hf:x/train, row 2: the column 'text' holds bytes that are not UTF-8: 0xf6 at position 3",
        "hf:x/train, row 3: the column 'text' holds bytes that are not UTF-8: 0xff at position 1",
    ]


@pytest.mark.parametrize("name", ["train.jsonl", "deep/er/train.json", "train.ndjson.gz"])
def test_json_too_deep_for_the_hubs_own_library_never_reaches_it(name, tmp_path, monkeypatch):
    def builder(*_):
        raise AssertionError("its parser would end the process")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset_builder=builder))
    deep = '{"text": "[[", "label": 1}\n{"text": ' + "[" * 200_000 + "]" * 200_000 + "}\n"
    path = write(tmp_path / name, gzip.compress(deep.encode()) if name.endswith(".gz") else deep)
    with pytest.raises(DataError) as error:
        prepare(f"hf:{tmp_path}", DataOptions(), None, 0)
    what = "JSON is nested too deeply: more than 100 levels"
    cure = "write such a value as a text, or take it out"
    assert error.value.faults == (Fault(what, f"{path}, line 2", cure),)


def test_a_folder_read_by_the_hubs_own_library(tmp_path, monkeypatch):
    """The library itself, offline: a date in a column is no date in the answers' file."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    home = tmp_path / "set"
    home.mkdir()
    for split, count in (("train", 40), ("validation", 6)):
        found = [
            {"text": f"text number {i}", "label": i % 2, "when": datetime.datetime(2020, 1, 1)} for i in range(count)
        ]
        datasets.Dataset.from_list(found).to_parquet(str(home / f"{split}.parquet"))
    corpus = prepare(f"hf:{home}", DataOptions(), None, 0)
    assert corpus.rows == {"train": 36, "validation": 6, "test": 4}
    assert json.dumps(list(corpus.originals("test")))


@pytest.mark.parametrize("broken", [False, True])
def test_json_lines_read_by_the_hubs_own_library(broken, tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    for split, count in (("train", 40), ("test", 6)):
        lines = "".join(
            json.dumps({"text": f"{split} text number {i}", "label": str(i % 2)}) + "\n" for i in range(count)
        )
        write(tmp_path / "set" / f"{split}.jsonl", lines + '{"text": \n' * broken)
    if broken:
        with pytest.raises(DataError, match=r"test.jsonl, line 8: the file ends inside a value"):
            hub.load(str(tmp_path / "set"))
    else:
        assert prepare(f"hf:{tmp_path / 'set'}", DataOptions(), None, 0).rows == {
            "train": 36,
            "validation": 4,
            "test": 6,
        }


def test_a_silent_hub_is_given_up_with_a_way_out(stage):
    release = threading.Event()
    stage(lambda *_: release.wait(30))
    with pytest.raises(DataError, match=r"did not answer within 0\.05 seconds[\s\S]*local file"):
        hub.load("imdb", seconds=0.05)
    release.set()


def test_a_refusal_is_one_sentence(stage):
    def refuse(*_):
        raise ConnectionError("no route to the hub\nand a long story")

    stage(refuse)
    with pytest.raises(DataError) as error:
        hub.load("imdb")
    assert "no route to the hub" in str(error.value) and "long story" not in str(error.value)
    stage(lambda *_: Builder({"other": rows(2)}))
    with pytest.raises(DataError, match="no train split among other"):
        hub.load("imdb")
