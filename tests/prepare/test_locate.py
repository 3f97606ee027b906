"""Files are found by what their names say, and two that claim one split are refused."""

from __future__ import annotations

import pytest

from prepare.made_rows import SHARED, write
from whet.core.errors import DataError
from whet.prepare.locate import locate, split_of
from whet.prepare.options import DataOptions
from whet.prepare.readers.contract import READERS, look
from whet.prepare.readers.text import Text


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("wnut17train.conll", "train"),
        ("emerging.dev.conll", "validation"),
        ("emerging.test.annotated", "test"),
        ("aeslc_val.jsonl", "validation"),
        ("valid.csv", "validation"),
        ("TEST.tsv", "test"),
        ("contest.csv", None),
        ("latest.csv", None),
        ("train_test.csv", None),
        ("labels.txt", None),
    ],
)
def test_the_split_that_a_name_speaks_of(name, split):
    assert split_of(name) == split


def found(folder, **options):
    return {split: path.name for split, path in locate(str(folder), DataOptions(**options)).files.items()}


def test_a_folder_with_a_file_a_split(tmp_path):
    for name in ("train.csv", "dev.tsv", "test.jsonl", "README.md", ".train.csv.swp"):
        write(tmp_path / name, "x\n")
    assert found(tmp_path) == {"train": "train.csv", "validation": "dev.tsv", "test": "test.jsonl"}


def test_a_named_file_goes_before_the_folders(tmp_path):
    for name in ("train.csv", "test.csv"):
        write(tmp_path / name, "x\n")
    other = write(tmp_path / "elsewhere" / "gold.csv", "x\n")
    assert found(tmp_path, test=str(other)) == {"train": "train.csv", "test": "gold.csv"}


def test_two_files_of_one_split_are_refused_together_and_a_plain_name_wins(tmp_path):
    for name in ("train_a.csv", "train_b.csv", "x.dev.csv", "y.dev.csv"):
        write(tmp_path / name, "x\n")
    with pytest.raises(DataError) as error:
        locate(str(tmp_path), DataOptions())
    assert len(error.value.faults) == 2
    assert "train_a.csv, train_b.csv" in str(error.value) and "set data.validation" in str(error.value)
    for name in ("train.csv", "dev.csv"):
        write(tmp_path / name, "x\n")
    assert found(tmp_path) == {"train": "train.csv", "validation": "dev.csv"}


def test_the_only_file_of_a_folder_is_taken(tmp_path):
    write(tmp_path / "reviews.csv", "x\n")
    assert found(tmp_path) == {"train": "reviews.csv"}
    write(tmp_path / "more.csv", "x\n")
    with pytest.raises(DataError, match=r"found more\.csv, reviews\.csv"):
        locate(str(tmp_path), DataOptions())


def test_what_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        locate(str(tmp_path / "none"), DataOptions())
    with pytest.raises(DataError) as error:
        locate(None, DataOptions(train="a.csv", test="b.csv"))
    assert [fault.where for fault in error.value.faults] == ["a.csv", "data.test=b.csv"]
    with pytest.raises(DataError, match=r"data\.train"):
        locate(None, DataOptions())


def test_a_hub_name_is_left_to_the_hub():
    assert locate("hf:imdb", DataOptions()).hub == "imdb"


def test_packed_files_and_shards_are_found(tmp_path):
    for name in ("train-00000-of-00002.csv", "train-00001-of-00002.csv", "dev.csv.gz"):
        write(tmp_path / name, "x\n")
    assert found(tmp_path) == {"train": "train-00000-of-00002.csv", "validation": "dev.csv.gz"}
    only = write(tmp_path / "one" / "reviews.jsonl.gz", "x\n")
    assert found(only.parent) == {"train": "reviews.jsonl.gz"}


class Beside(Text):
    """Pairs of files and folders of .leaf files, as real readers have them."""

    endings = ()

    def sniff(self, head):
        return 0.0

    def files(self, path):
        if path.is_dir():
            return sorted(path.glob("*.leaf")) or [path]
        return sorted(path.parent.glob("train.side*")) if path.suffix.startswith(".side") else [path]


def test_files_and_folders_that_a_reader_takes_for_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(READERS._added, "beside", Beside)
    for name in ("train.side1", "train.side2"):
        write(tmp_path / name, "a line\n")
    assert found(tmp_path) == {"train": "train.side1"} and look(tmp_path / "train.side1").entry == "beside"
    write(tmp_path / "leaves" / "a.leaf", "x\n")
    assert found(tmp_path / "leaves") == {"train": "leaves"} and look(tmp_path / "leaves").entry == "beside"
    named = DataOptions(train=str(tmp_path / "leaves"))
    assert locate(None, named).files == {"train": tmp_path / "leaves"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data sets")
def test_wnut17_is_found_without_its_untagged_file():
    assert found(SHARED / "wnut17") == {
        "train": "wnut17train.conll",
        "validation": "emerging.dev.conll",
        "test": "emerging.test.annotated",
    }
