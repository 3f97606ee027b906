"""Every bad input is refused with its own sentence, place and cure, and with nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from prepare.bad_inputs import KINDS, Input
from prepare.made_rows import write
from whet.core.errors import DataError, Fault, UsageError
from whet.prepare.corpus import prepare
from whet.prepare.options import DataOptions

TABLE = [(kind, one) for kind in KINDS for one in kind.inputs]
NAMES = [f"{kind.name}-{place}" for kind in KINDS for place, _ in enumerate(kind.inputs, 1)]


def refused(one: Input, folder: Path) -> tuple[Fault, ...]:
    """The faults that whet finds; any other error passes, and is the test's."""
    source = one.made(folder)
    options = {
        key: value.replace("FOLDER", str(folder)) if isinstance(value, str) else value
        for key, value in one.options.items()
    }
    with pytest.raises(DataError) as caught:
        prepare(source, DataOptions(**options), one.task, 0)
    assert caught.value.exit_code == 3
    return caught.value.faults


@pytest.mark.parametrize(("kind", "one"), TABLE, ids=NAMES)
def test_a_bad_input_is_refused_with_its_own_sentence_place_and_cure(kind, one, tmp_path):
    if one.name.endswith(".xlsx"):
        pytest.importorskip("openpyxl")
    found = refused(one, tmp_path)
    assert [fault.where for fault in found] == one.places(tmp_path)
    for fault in found:
        assert re.fullmatch(kind.what, fault.what), fault.what
        assert re.fullmatch(kind.cure, fault.cure), fault.cure


def test_the_table_is_as_large_as_was_promised():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 60
    assert len(TABLE) >= 200
    assert all(len(kind.inputs) >= 3 for kind in KINDS)


SISTERS = [
    {"empty file", "only a byte order mark"},
    {"an image", "an image, a PNG"},
]
"""Kinds that are one fault to whet, in other clothes."""


def test_no_sentence_serves_for_two_kinds(tmp_path):
    """One input of each kind, its sentence held against the patterns of all the others."""
    said = {}
    for place, kind in enumerate(KINDS):
        if not kind.inputs[0].name.endswith(".xlsx"):
            folder = tmp_path / str(place)
            folder.mkdir()
            said[kind.name] = refused(kind.inputs[0], folder)[0]
    double = [
        {kind.name, name}
        for kind in KINDS
        for name, fault in said.items()
        if name != kind.name and re.fullmatch(kind.what, fault.what) and re.fullmatch(kind.cure, fault.cure)
    ]
    assert len(said) >= 60
    assert [pair for pair in double if pair not in SISTERS] == []


def test_faults_beyond_those_shown_are_counted_with_a_cure(tmp_path):
    ragged = write(tmp_path / "a.csv", "text,label\n" + "a,b,c\n" * 27)
    train = write(tmp_path / "b.csv", "text,label\n" + "".join(f"t {i},{'xy'[i % 2]}\n" for i in range(20)))
    odd = write(tmp_path / "c.csv", "text,label\n" + "".join(f"t {i},label {i}\n" for i in range(33)))
    for path, options, place, more in (
        (ragged, DataOptions(), str(ragged), 7),
        (train, DataOptions(test=str(odd)), str(odd), 13),
    ):
        with pytest.raises(DataError) as caught:
            prepare(str(path), options, None, 0)
        found = caught.value.faults
        assert len(found) == 21 and all(fault.where.startswith(place) for fault in found)
        assert found[20] == Fault(f"{more} more faults like these", place, "mend them in the same way")


@pytest.mark.parametrize("shares", [(0.6, 0.6), (1.0, 0.0), (-0.1, 0.1), (5, 5), (0.1, float("nan"))])
def test_shares_that_leave_no_training_rows_are_refused(shares, tmp_path):
    path = write(tmp_path / "a.csv", "text,label\n" + "".join(f"text {i},{i % 2}\n" for i in range(40)))
    with pytest.raises(UsageError) as caught:
        prepare(str(path), DataOptions(split_fractions=shares), None, 0)
    (fault,) = caught.value.faults
    assert fault.what == f"{list(shares)} are not two shares of the rows that leave some to train with"
    assert fault.where == "data.split_fractions"
    assert fault.cure == "give two numbers from 0 on, less than 1 together, as [0.1, 0.1]"


def no_hub(*_):
    raise FileNotFoundError("Couldn't find any data file at /x.\nA long story.")


def broken_hub(*_):
    def download():
        raise ValueError("the script is not supported any more")

    return SimpleNamespace(download_and_prepare=download)


def hub_of(**splits):
    return lambda *_: SimpleNamespace(download_and_prepare=lambda: None, as_dataset=lambda: splits)


LOCAL = "give a local file or folder instead (csv, json lines, parquet)"


@pytest.mark.parametrize(
    ("name", "builder", "what", "cure"),
    [
        (
            "imbd",
            no_hub,
            "the data set cannot be loaded: Couldn't find any data file at /x.",
            f"check the name, or {LOCAL}",
        ),
        ("a/b:c", broken_hub, "the data set cannot be loaded: the script is not supported any more", LOCAL),
        ("数据", hub_of(test=[], extra=[]), "there is no train split among test, extra", LOCAL),
    ],
)
def test_a_hub_name_that_gives_no_rows(name, builder, what, cure, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset_builder=builder))
    with pytest.raises(DataError) as caught:
        prepare(f"hf:{name}", DataOptions(), None, 0)
    assert caught.value.faults == (Fault(what, f"hf:{name}", cure),)
