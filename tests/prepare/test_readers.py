"""Readers: what is written comes back, what is broken is named with its file and line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepare.made_rows import write
from whet.core.errors import DataError
from whet.prepare import tables
from whet.prepare.readers._table import has_header
from whet.prepare.readers.contract import READERS, Line, choose, look, read


def rows_of(text: str, entry: str) -> list[dict]:
    lines = list(read(io.StringIO(text, newline="\n"), "x", entry))
    assert not [line.fault for line in lines if line.fault]
    return [line.cells for line in lines]


def faults_of(text: str, entry: str) -> list[str]:
    found = []
    try:
        for line in read(io.StringIO(text, newline="\n"), "x", entry):
            found += [line.fault] if line.fault else []
    except DataError as error:
        found += error.faults
    return [str(fault) for fault in found]


def test_the_shelf_has_its_readers():
    plain = {"conll", "csv", "excel", "json", "json-lines", "parquet", "text", "tsv"}
    marked = {"brat", "doccano", "label-studio", "messages", "parallel", "semeval", "squad"}
    assert set(READERS) == plain | marked


ALONE = [entry for entry in READERS if not READERS[entry].sample().files]
"""Readers of one file; test_formats.py has those of several."""
TEXTS = [entry for entry in ALONE if not READERS[entry].magic]


def content(entry: str) -> bytes:
    if entry == "excel":
        pytest.importorskip("openpyxl")
    text = READERS[entry].sample().text
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("entry", ALONE)
def test_a_reader_gives_its_sample_from_a_stream_and_from_a_file(entry, tmp_path):
    held = content(entry)
    sample = READERS[entry].sample()
    if entry in TEXTS:
        assert tuple(rows_of(sample.text, entry)) == sample.rows
    path = write(tmp_path / f"x{READERS[entry].endings[0]}", held)
    assert look(path).entry == entry
    assert tuple(line.cells for line in read(path)) == sample.rows


@pytest.mark.parametrize("entry", TEXTS)
def test_a_byte_order_mark_is_no_part_of_the_first_cell(entry, tmp_path):
    sample = READERS[entry].sample()
    path = write(tmp_path / f"x{READERS[entry].endings[0]}", b"\xef\xbb\xbf" + sample.text.encode())
    assert tuple(line.cells for line in read(path)) == sample.rows


@pytest.mark.parametrize("entry", TEXTS)
def test_what_is_not_text_is_refused_with_its_line(entry, tmp_path):
    ending = READERS[entry].endings[0]
    with pytest.raises(DataError, match=r"line 2.*0xff"):
        list(read(write(tmp_path / f"x{ending}", b"text\n\xff\xfe\xfd\n")))
    with pytest.raises(DataError, match=r"line 2.*NUL"):
        list(read(write(tmp_path / f"z{ending}", b"text\na\0b\n")))
    with pytest.raises(DataError, match=r"x, line 2.*0xc4"):
        list(read(io.BytesIO(b"text\n\xc4\xe3\n"), "x", entry))


cell = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)


@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_csv_round_trip(rows, end):
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerow(("text", "label", "id"))
    writer.writerows([(a + "x", b, c) for a, b, c in rows])
    expected = [{"text": a + "x", "label": b, "id": c} for a, b, c in rows]
    if not {"text", "label", "id"} & {value for row in expected for value in row.values()}:
        assert rows_of(out.getvalue(), "csv") == expected


value = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | cell


@given(st.lists(st.dictionaries(cell, value | st.lists(cell, max_size=3), max_size=4), max_size=6), st.booleans())
def test_json_lines_round_trip(rows, ascii_only):
    text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    assert rows_of(text, "json-lines") == rows


plain = st.text(st.characters(exclude_characters="\0\t\n\r", exclude_categories=("Cs",)), max_size=9).map(
    lambda t: t + "x"
)


@given(st.lists(st.tuples(plain, plain), min_size=1, max_size=8))
def test_tsv_keeps_quotes_and_odd_separators(rows):
    text = "text\tlabel\n" + "".join(f"{a}\t{b}\n" for a, b in rows)
    assert rows_of(text, "tsv") == [{"text": a, "label": b} for a, b in rows]


word = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=5).filter(
    lambda w: "-DOCSTART-" not in w
)


@given(st.lists(st.lists(st.tuples(word, st.sampled_from(["O", "B-x", "I-x"])), min_size=1, max_size=5), max_size=5))
def test_conll_round_trip(sentences):
    text = "\n".join("".join(f"{w}\t{t}\n" for w, t in words) for words in sentences)
    expected = [{"tokens": [w for w, _ in words], "tags": [t for _, t in words]} for words in sentences]
    assert rows_of(text, "conll") == expected


def test_words_like_na_and_numbers_stay_text():
    assert rows_of("text,label\nNA,null\n007,1.0\n", "csv") == [
        {"text": "NA", "label": "null"},
        {"text": "007", "label": "1.0"},
    ]


def test_all_ragged_rows_are_found_in_one_pass_with_their_lines():
    found = faults_of('text,label\n"two\nlines",a\nb\nc,d,e\nf,g\n', "csv")
    assert len(found) == 2
    assert "x, line 4: 1 fields, expected 2 as in the header (text, label)" in found[0]
    assert "x, line 5: 3 fields" in found[1]
    assert "quote the field" in found[1]


def test_a_quote_that_is_never_closed_is_found_where_it_opens():
    found = faults_of('text,label\na,b\n"c,d\ne,f\n', "csv")
    assert len(found) == 1
    assert found[0].startswith("x, line 3: a quote is opened and never closed")
    assert "line 2: a carriage return" in faults_of("text,label\na\rb,c\n", "csv")[0]
    assert "line 2: a closing quote" in faults_of('text,label\n"a" b,c\n', "csv")[0]


def test_a_cell_may_be_longer_than_the_csv_modules_own_limit():
    assert len(rows_of("text,label\n" + "a" * 200_000 + ",b\n", "csv")[0]["text"]) == 200_000


def test_semicolons_separate_where_there_are_no_commas():
    assert rows_of("text;label\na, b;c\n", "csv") == [{"text": "a, b", "label": "c"}]


FILMS = ["a fine, warm film", "a poor one", "so | so", "fine; really"] * 3


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("entry", ["csv", "tsv"])
@pytest.mark.parametrize("head", [("text", "label"), ("Urteil", "Note"), ()])
def test_the_mark_that_divides_the_rows_is_found_whatever_the_ending(mark, entry, head):
    films = [film.replace("\t", " ") for film in FILMS]
    rows = [*([head] if head else []), *((film, str(place % 2)) for place, film in enumerate(films))]
    text = "".join(mark.join(f'"{cell}"' if mark in cell else cell for cell in row) + "\n" for row in rows)
    names = head or ("column_1", "column_2")
    assert [tuple(row.values()) for row in rows_of(text, entry)] == rows[bool(head) :]
    assert tuple(rows_of(text, entry)[0]) == names


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("text\nfine; really\nso; so\n", 1),
        ("fine; really\nso | so\nI came\nso; it is\n", 1),
        ("one; two\nthree; four\nfive; six\nseven; eight\n", 1),
        ("text,label\na;b,1\nc;d,0\n", 2),
        ("a;b,1\nc;d,0\n", 2),
        ("id;text;label\n1;a, b;c\n2;d;e\n", 3),
        ('"text";"label"\n"a, b; c";"d"\n', 2),
        ("", 0),
        ("| text | label |\n| --- | --- |\n" + "| a b | 1 |\n| c d | 0 |\n" * 4, 1),
    ],
)
def test_a_mark_inside_texts_divides_nothing(text, columns):
    assert len(next(iter(rows_of(text, "csv")), {})) == columns


def test_another_mark_is_said_aloud_and_excels_own_line_names_it(tmp_path):
    path = write(tmp_path / "a.csv", "text;label\na;b\n")
    assert look(path).notes == (f"{path}: fields are separated by semicolons, not by commas",)
    path = write(tmp_path / "a.tsv", "text,label\na,b\n")
    assert look(path).notes == (f"{path}: fields are separated by commas, not by tabs",)
    assert look(write(tmp_path / "b.csv", "text,label\na;c,b\n")).notes == ()
    path = write(tmp_path / "c.csv", "sep=;\nwas;wie\ngut;1\nso la la\n")
    first, second = read(path)
    assert first == Line(3, {"was": "gut", "wie": "1"}) and f"{path}, line 4: 1 fields" in str(second.fault)
    assert look(path).notes == (f"{path}: fields are separated by semicolons, not by commas",)


def test_a_tsv_has_quotes_only_where_its_header_has_them():
    assert rows_of('text\tlabel\n"a\tb\n', "tsv") == [{"text": '"a', "label": "b"}]
    assert rows_of('"text"\t"label"\n"a\tb"\t"c"\n', "tsv") == [{"text": "a\tb", "label": "c"}]
    assert "remove the tab" in faults_of("text\tlabel\na\tb\tc\n", "tsv")[0]


def test_a_doubled_column_is_refused():
    with pytest.raises(DataError, match="twice: text"):
        rows_of("text,text,label\na,b,c\n", "csv")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([["text", "label"], ["good film", "1"]], True),
        ([["good film", "1"], ["bad film", "0"]], False),
        ([["good film", "pos"], ["bad film", "neg"], ["fine", "pos"]], False),
        ([["blurb", "mood"], *[["it was a long day", "pos"], ["a short one", "neg"]] * 3], True),
        (
            [
                ["one long string of words.", "new"],
                *[["it was a long day", "pos"], ["a short one", "neg"]] * 3,
            ],
            False,
        ),
        ([["good film", "pos"], *[["bad film", "neg"], ["fine one", "pos"]] * 3], False),
        ([["x", "points"], ["a fine thing", "3"], ["a bad thing", "2.5"]], True),
        ([["text", "text"], ["a", "b"]], True),
        ([["just one line", "pos"]], False),
    ],
)
def test_a_header_must_show_itself(records, expected):
    assert has_header(records) is expected


def test_json_lines_faults():
    text = '{"a": 1, "a": 2}\n[1]\n{"a": NaN}\n{"a": "\\ud800"}\n{"a"\n{"a": 1}\n'
    found = faults_of(text, "json-lines")
    assert [fault.partition(":")[0] for fault in found] == [f"x, line {n}" for n in (1, 2, 3, 4, 5)]
    assert "'a' comes twice" in found[0] and "NaN" in found[2] and "surrogate" in found[3]
    with pytest.raises(DataError, match="jq"):
        rows_of('[{"a": 1}]', "json-lines")


def test_conll_middle_columns_comments_and_faults():
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\n\nGerman JJ B-MISC\n"
    assert rows_of(text, "conll") == [
        {"tokens": ["EU", "rejects"], "column_2": ["NNP", "VBZ"], "tags": ["B-ORG", "O"]},
        {"tokens": ["German"], "column_2": ["JJ"], "tags": ["B-MISC"]},
    ]
    assert rows_of("# id = 1\na\tO\n#\tO\n", "conll") == [{"tokens": ["a", "#"], "tags": ["O", "O"]}]
    assert rows_of("one\ntwo\n", "conll") == [{"tokens": ["one", "two"]}]
    assert "x, line 2: 1 columns, expected 2 as on line 1" in faults_of("a O\nb\nc O\n", "conll")[0]


def test_documents_end_at_blank_lines_or_at_their_mark():
    assert [r["text"] for r in rows_of("a\nb\n\n \nc\n", "text")] == ["a\nb", "c"]
    assert [r["text"] for r in rows_of("\na\n\nb<|endoftext|>c\n<|endoftext|>\n", "text")] == ["a\n\nb", "c"]
    assert [line.number for line in read(io.StringIO("\n\na\nb\n\nc\n"), "x", "text")] == [3, 6]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "x\ty\n", "csv"),
        ("a.CSV", "", "csv"),
        ("a.txt", "Once upon a time.\nIt was.\n\nMore.\n", "text"),
        ("a.txt", "text\tlabel\na\tb\n", "tsv"),
        ("a.txt", "Hello, you.\nGo, now.\n", "text"),
        ("stdin", "text,label\na,b\n", "csv"),
        ("emerging.test.annotated", "&\tO\ngt\tO\n\nA\tB-x\n", "conll"),
        ("stdin", '{"text": "a"}\n', "json-lines"),
        ("stdin", "just words\nand more\n", "text"),
        ("a.jsonl", '{"text": "a"}\n', "json-lines"),
        ("a.json", '{"text": "a"}\n{"text": "b"}\n', "json-lines"),
        ("a.json", '{"data": [{"a": 1}]}\n', "json"),
        ("a.json", '{\n "data": [{"a": 1}]\n}\n', "json"),
        ("a.json", "words\n", "json"),
        ("stdin", '[{"a": 1}]', "json"),
    ],
)
def test_the_reader_is_chosen_by_ending_and_else_by_content(name, text, expected):
    assert choose(name, text) == expected


def test_reading_is_lazy():
    def endless():
        yield b"text\tlabel\n"
        while True:
            yield b"a\tb\n"

    rows = read(endless(), "x", "tsv")
    assert [next(rows) for _ in range(3)][2] == Line(4, {"text": "a", "label": "b"})


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        list(read(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="folder"):
        list(read(Path(tmp_path)))


def test_empty_fields_after_the_last_column_are_mended_and_said():
    lines = list(read(io.StringIO("text,label\na,b,, \nc,d\ne,f,,x\n\n   \ng,h\n"), "x", "csv"))
    assert [line.cells.get("text") for line in lines] == ["a", "c", None, "g"]
    assert [line.mended for line in lines] == ["empty fields after the last removed", "", "", ""]
    assert "x, line 4: 4 fields, expected 2" in str(lines[2].fault)
    assert rows_of("text\tlabel\na\tb\t\n\t\n", "tsv") == [{"text": "a", "label": "b"}, {"text": "", "label": ""}]


def test_a_broken_quote_within_one_line_leaves_the_next_ones():
    found = faults_of('text,label\n"a" b,c\nd\re,f\ng\n"h,i\nj"k,l\nm,n,o\n', "csv")
    assert [fault.partition(":")[0] for fault in found] == [f"x, line {n}" for n in (2, 3, 4, 6)]
    assert "begins on line 5, where a quote may never be closed" in found[3]


def test_carriage_returns_alone_end_no_line_of_a_tsv():
    assert "line 1: a carriage return" in faults_of("text\tlabel\ra\tb\r", "tsv")[0]


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "growing.csv"
    path.write_text("text,label\n" + "fine,good\ndull,bad\n" * 10, "utf-8")
    plain = tables.read

    def grows(place, **named):
        for number, line in enumerate(plain(place, **named)):
            if number == 5:
                with path.open("a", encoding="utf-8") as file:
                    file.write("late,good\n")
            yield line

    monkeypatch.setattr(tables, "read", grows)
    with pytest.raises(DataError, match="changed while it was read") as caught:
        tables.read_table(path)
    assert caught.value.faults[0].where == str(path)
