"""Readers of typed values: JSON documents, parquet and Excel; and what is written in any format comes back."""

from __future__ import annotations

import contextlib
import csv
import datetime
import decimal
import gzip
import importlib.util
import io
import json
import zipfile

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prepare.made_rows import write
from whet.core.errors import DataError
from whet.prepare.readers.contract import look, read


def cells(path) -> list[dict]:
    lines = list(read(path))
    assert not [line.fault for line in lines if line.fault]
    return [line.cells for line in lines]


def faults(path) -> list[str]:
    return [str(line.fault) for line in read(path) if line.fault]


@pytest.mark.parametrize("depth", [500, 2_000, 20_000, 200_000])
@pytest.mark.parametrize("ends", [True, False])
def test_json_nested_too_deeply_is_one_fault(depth, ends, tmp_path):
    for opens, shuts in ("[]", ('{"a":', "}")):
        deep = opens * depth + "1" + shuts * depth * ends
        if ends:
            found = faults(write(tmp_path / "x.json", f'[{{"a":{deep}}},{{}}]'))
            large = len(deep) > 1_000_000
            assert len(found) == 1
            assert f"row 1 (line 1): the {'row has more than' if large else 'value is nested'}" in found[0]
        else:
            with pytest.raises(DataError, match="ends inside a value"):
                list(read(write(tmp_path / "x.json", f'[{{"a":{deep}')))
        assert len(found := faults(write(tmp_path / "x.jsonl", f'{{"a":{deep}\n{{"a": 1}}\n'))) == 1
        assert "line 1: the value is nested" in found[0]


def test_brackets_in_texts_are_no_depth(tmp_path):
    row = {"text": "[" * 300 + '"\\{', "deep": [[[1]]]}
    assert cells(write(tmp_path / "x.jsonl", json.dumps(row))) == [row]
    assert cells(write(tmp_path / "x.json", json.dumps([row]))) == [row]


def test_all_faults_of_a_json_array_with_row_and_line(tmp_path):
    rows = ['{"a": 1}', '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}', "3", '{"a": 1e999}', '{"a": tru}', "[1]"]
    found = faults(write(tmp_path / "x.json", "[" + ",\n".join(rows) + "]"))
    wanted = ["NaN is not", "'a' comes twice", "half a surr", "found a number", "too large", "not JSON", "found a list"]
    assert len(found) == len(wanted)
    for number, (fault, want) in enumerate(zip(found, wanted, strict=True), 2):
        assert f"x.json, row {number} (line {number}): " in fault and want in fault


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[{"a": 1},]', "found ], expected a row"),
        ('[{"a": 1}{"a": 2}]', "found {, expected ,"),
        ('[{"a": 1},\n{"a": "x', "line 2: the file ends inside a value"),
        ('[{"a": 1}] x', "after the end"),
        ('[{"a": 1}', "found the end of the file, expected ,"),
        ("hello", "the document begins with h, expected an array"),
        ('{\n"x": [{"a": 1}], "y": [{"b": 1}]}', "several lists of objects: x and y"),
        ('{\n"x": [1], "y": "z"}', "no list of objects"),
        ('{\n"x": , "y": [{"a": 1}]}', "line 2: found ,, expected a value"),
        ('{\nx: [{"a": 1}]}', "found x, expected a key"),
        ('{\n"x" [{"a": 1}]}', r"found \[, expected :"),
        ('{\n"x": [{"a": 1}],}', "expected a key after"),
    ],
)
def test_a_json_document_that_is_broken_itself_is_refused(text, match, tmp_path):
    with pytest.raises(DataError, match=match):
        list(read(write(tmp_path / "x.json", text)))


def test_the_rows_of_an_object_are_its_only_list_of_objects(tmp_path):
    text = json.dumps({"version": [1, {"x": "]"}], "data": [{"a": 1}, {"a": 2}], "by": "me"})
    path = write(tmp_path / "x.json", text)
    assert cells(path) == [{"a": 1}, {"a": 2}]
    assert look(path).notes == (f"{path}: one object; the rows are those of its key 'data'",)
    assert cells(write(tmp_path / "y.json", json.dumps(json.loads(text), indent=2))) == [{"a": 1}, {"a": 2}]
    assert cells(write(tmp_path / "z.json", " [ ] ")) == [] == cells(write(tmp_path / "z.json", ""))


def test_a_json_array_is_read_as_it_comes():
    def endless():
        yield '[{"a": "\\'
        yield 'n"}'
        while True:
            yield ', {"a": 1}'

    rows = read((text.encode() for text in endless()), "x", "json")
    assert [next(rows).cells["a"] for _ in range(3)] == ["\n", 1, 1]


def parquet(path, rows, **options):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, **options)
    return path


def test_parquet_keeps_types_and_writes_the_others_as_texts(tmp_path):
    rows = [
        {"t": "NA", "n": 1, "f": 0.5, "b": True, "l": ["a"], "d": {"k": 1}, "x": None},
        {"t": None, "n": None, "f": None, "b": None, "l": [], "d": {"k": None}, "x": None},
    ]
    assert cells(parquet(tmp_path / "x.parquet", rows)) == rows
    odd = [{"day": datetime.date(2024, 1, 2), "price": decimal.Decimal("1.50"), "raw": "é".encode()}]
    assert cells(parquet(tmp_path / "y.parquet", odd)) == [{"day": "2024-01-02", "price": "1.50", "raw": "é"}]
    assert (
        look(tmp_path / "x.parquet").entry == "parquet" == look((tmp_path / "x.parquet").rename(tmp_path / "z")).entry
    )


def test_a_parquet_file_that_lies_or_is_broken_is_refused(tmp_path):
    good = parquet(tmp_path / "x.parquet", [{"text": f"row {i}"} for i in range(300)]).read_bytes()
    for data in (good[:-20], b"text,label\n", b"", b"PAR1", good[:4] + b"\xff" * 200 + good[204:]):
        with pytest.raises(DataError, match=r"parquet file cannot be read[\s\S]*cure"):
            list(read(write(tmp_path / "y.parquet", data)))
    with pytest.raises(DataError, match="gunzip"):
        look(write(tmp_path / "y.parquet.gz", gzip.compress(good)))


def test_a_row_count_that_lies_is_refused(tmp_path):
    """300 as Thrift writes it is d8 04 (zigzag); where it stands in the footer 8,191 rows are promised instead."""
    good = parquet(tmp_path / "x.parquet", [{"text": f"row {i}"} for i in range(300)]).read_bytes()
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    data, places = bytearray(good), [at for at in range(footer, len(good) - 8) if good[at : at + 2] == b"\xd8\x04"]
    assert len(places) >= 2
    for at in places:
        data[at : at + 2] = b"\xfe\x7f"
    with pytest.raises(DataError, match=r"y\.parquet: the"):
        list(read(write(tmp_path / "y.parquet", bytes(data))))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bytes_of_parquet_never_crash(tmp_path, data):
    good = parquet(tmp_path / "x.parquet", [{"text": f"row {i}", "l": [i]} for i in range(50)]).read_bytes()
    broken = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        list(read(write(tmp_path / "y.parquet", bytes(broken))))


def test_parquet_bombs_and_doubled_or_too_many_columns(tmp_path):
    parquet(tmp_path / "x.parquet", [{"t": "a" * 1_000_000}] * 40, compression="zstd", use_dictionary=False)
    with pytest.raises(DataError, match="the column t grows to"):
        list(read(tmp_path / "x.parquet"))
    parquet(tmp_path / "x.parquet", [{f"c{i}": 1 for i in range(10_001)}])
    with pytest.raises(DataError, match="10,001 columns"):
        list(read(tmp_path / "x.parquet"))
    twice = pyarrow.table([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"])
    pyarrow.parquet.write_table(twice, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="twice: a"):
        list(read(tmp_path / "x.parquet"))


def workbook(path, *rows, sheets=()):
    book = pytest.importorskip("openpyxl").Workbook()
    for row in rows:
        book.active.append(row)
    for sheet in sheets:
        book.create_sheet(sheet)
    book.save(path)
    return path


def test_excel_keeps_numbers_and_writes_days_as_texts(tmp_path):
    day = datetime.datetime(2024, 1, 31)
    rows = [("text", "label", "when"), ("NA", 1, day), (None,), ("b", 2.5, day.replace(hour=5)), ("c", None, None)]
    path = workbook(tmp_path / "x.xlsx", *rows, sheets=("notes",))
    assert cells(path) == [
        {"text": "NA", "label": 1, "when": "2024-01-31"},
        {"text": "b", "label": 2.5, "when": "2024-01-31 05:00:00"},
        {"text": "c", "label": None, "when": None},
    ]
    assert look(path).notes == (f"{path}: the sheet Sheet is read; not read: notes",)
    found = faults(workbook(tmp_path / "y.xlsx", ("text", "label"), ("a", "b"), ("a", "b", "c")))
    assert "line 3: 3 fields, expected 2" in found[0]


def test_a_formula_is_its_value(tmp_path):
    path = workbook(tmp_path / "x.xlsx", ("text", "label"), ("a", "=1+1"))
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert (
        b"<f>1+1</f><v />" in parts[sheet] or b"<f>1+1</f><v/>" in parts[sheet] or b"<f>1+1</f><v></v>" in parts[sheet]
    )
    for empty in (b"<v />", b"<v/>", b"<v></v>"):
        parts[sheet] = parts[sheet].replace(b"<f>1+1</f>" + empty, b"<f>1+1</f><v>2</v>")
    with zipfile.ZipFile(path, "w") as book:
        for name, data in parts.items():
            book.writestr(name, data)
    assert cells(path) == [{"text": "a", "label": 2}]


def test_workbooks_that_are_none_or_lie_of_their_size(tmp_path, monkeypatch):
    good = workbook(tmp_path / "x.xlsx", ("text", "label"), ("a", "b")).read_bytes()
    for data in (good[:3000], b"text,label\n", b""):
        with pytest.raises(DataError, match=r"workbook cannot be read[\s\S]*csv"):
            look(write(tmp_path / "y.xlsx", data))
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a.csv", "text\n")
    with pytest.raises(DataError, match="a zip archive"):
        look(tmp_path / "z.zip")
    with zipfile.ZipFile(tmp_path / "z.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 30_000_000)
    with pytest.raises(DataError, match="workbook grows to"):
        look(tmp_path / "z.xlsx")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "openpyxl" else real(name, *a))
    with pytest.raises(DataError, match=r"not installed[\s\S]*pip install 'whet\[excel\]'"):
        look(tmp_path / "x.xlsx")


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "gb18030"]
cell = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
rows_of_cells = st.lists(st.tuples(cell, cell), min_size=1, max_size=6)
SURE = "这是我们的一个很好的房间"  # so that GB18030 can be decided, whatever stands beside it


def packed(path, text: str, encoding: str, gz: bool):
    data = text.encode(encoding)
    return write(path.with_name(path.name + ".gz") if gz else path, gzip.compress(data) if gz else data)


def decided(path, encoding: str) -> bool:
    """Whether the encoding is found, or the file refused: never is it taken for another one that is not ASCII's."""
    try:
        found = look(path).encoding
    except DataError:
        assert encoding == "gb18030"
        return False
    assert found == encoding or (encoding == "gb18030" and found == "utf-8")
    return found == encoding


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of_cells, st.sampled_from(ENCODINGS), st.booleans())
def test_what_is_written_as_csv_comes_back(tmp_path, rows, encoding, gz):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *((SURE * 20 + a, b) for a, b in rows)])
    path = packed(tmp_path / "x.csv", out.getvalue(), encoding, gz)
    if decided(path, encoding) and not any(b.strip() in ("label",) for _, b in rows):
        assert cells(path) == [{"text": SURE * 20 + a, "label": b} for a, b in rows]


line = st.text(st.characters(exclude_characters="\0\t\r\n", exclude_categories=("Cs",)), max_size=12)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(line, line), min_size=1, max_size=6), st.sampled_from(ENCODINGS), st.booleans())
def test_what_is_written_as_tsv_comes_back(tmp_path, rows, encoding, gz):
    text = "text\tlabel\n" + "".join(f"{SURE * 20}{a}\t{b}\n" for a, b in rows)
    path = packed(tmp_path / "x.tsv", text, encoding, gz)
    if decided(path, encoding) and not any(b.strip() == "label" for _, b in rows):
        assert cells(path) == [{"text": SURE * 20 + a, "label": b} for a, b in rows]


value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | cell | st.just("\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cell, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from(ENCODINGS), st.booleans(), st.sampled_from([None, 1]), st.booleans())
def test_what_is_written_as_json_comes_back(tmp_path, data, encoding, gz, indent, plain):
    rows = data.draw(st.lists(st.dictionaries(cell.filter(lambda key: key != "text"), value, max_size=4), max_size=5))
    rows = [{"text": SURE * 20, **row} for row in rows]
    document = json.dumps(rows, ensure_ascii=plain, indent=indent)
    lines = "".join(json.dumps(row, ensure_ascii=plain) + "\n" for row in rows)
    for name, text in {"x.json": document, "x.jsonl": lines}.items():
        path = packed(tmp_path / name, text, encoding, gz)
        if decided(path, encoding):
            assert cells(path) == rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.none() | cell, st.none() | st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=6))
def test_what_is_written_as_parquet_comes_back(tmp_path, rows):
    written = [{"text": text, "number": number} for text, number in rows]
    assert cells(parquet(tmp_path / "x.parquet", written)) == written
