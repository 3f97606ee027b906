"""Bad inputs by kind: what stands in the file, and what whet must say of it, where and with which cure.

A kind is one fault, in several formats, places, lengths and languages. ``what`` and ``cure`` are patterns of the whole
sentence; a place is written as the user counts: ``line 3`` is in the input's own file, ``=train, row 3`` stands so.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from prepare.made_rows import write
from whet.tasks.contract import Task
from whet.tasks.language_modeling import LanguageModeling
from whet.tasks.text_classification import TextClassification
from whet.tasks.token_classification import TokenClassification

Content = str | bytes | Callable[[Path], None]


@dataclass(frozen=True)
class Input:
    """One bad input: a file (or what a function puts there), beside others where it needs them.

    ``at`` are the places of its faults, in their order; ``source`` is DATA where that is not the file itself.
    """

    name: str
    content: Content
    at: tuple[str, ...]
    task: Task | None = None
    beside: dict[str, Content] = field(default_factory=dict)
    source: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def made(self, folder: Path) -> str:
        """Write it, and give DATA."""
        for name, content in {self.name: self.content, **self.beside}.items():
            if callable(content):
                content(folder / name)
            else:
                write(folder / name, content)
        return str(folder / (self.name if self.source is None else self.source)).rstrip("/")

    def places(self, folder: Path) -> list[str]:
        own = str(folder / self.name)
        return [
            at[1:].replace("FOLDER", str(folder)) if at[:1] == "=" else f"{own}, {at}" if at else own for at in self.at
        ]


@dataclass(frozen=True)
class Kind:
    """One way to be wrong, with its inputs."""

    name: str
    what: str
    cure: str
    inputs: tuple[Input, ...]


KINDS: list[Kind] = []


def kind(name: str, what: str, cure: str, *inputs: Input) -> None:
    KINDS.append(Kind(name, what, cure, inputs))


def bad(
    name: str,
    content: Content,
    at: str | Sequence[str] = "",
    task: Task | None = None,
    beside: dict[str, Content] | None = None,
    source: str | None = None,
    **options: Any,
) -> Input:
    return Input(name, content, (at,) if isinstance(at, str) else tuple(at), task, beside or {}, source, options)


def packed(content: str | bytes) -> bytes:
    return gzip.compress(content.encode() if isinstance(content, str) else content, mtime=0)


def rows(count: int = 20, first: int = 0, comma: str = ",") -> str:
    return "".join(f"text number {first + i}{comma}{('bad', 'good')[i % 2]}\n" for i in range(count))


def lines(*cells: Any) -> str:
    """JSON lines: each a row's cells, or a text that stands there as it is."""
    return "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in cells)


def labelled(count: int = 20) -> list[dict[str, Any]]:
    return [{"text": f"text number {i}", "label": ("bad", "good")[i % 2]} for i in range(count)]


def parquet(cells: Sequence[dict[str, Any]], **kept: Any) -> bytes:
    made = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(cells), **kept), made)
    return made.getvalue()


def lying(cells: Sequence[dict[str, Any]]) -> bytes:
    """A file whose footer promises more rows: their number as Thrift writes it (zigzag), in two bytes, is raised."""
    data = bytearray(parquet(cells))
    number = len(cells) << 1
    known = bytes((number & 0x7F | 0x80, number >> 7))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in range(footer, len(data) - 8):
        if data[at : at + 2] == known:
            data[at : at + 2] = b"\xfe\x7f"
    return bytes(data)


def workbook(*cells: Sequence[Any]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import openpyxl

        book = openpyxl.Workbook()
        for row in cells:
            book.active.append(row)
        book.save(path)

    return make


def archive(**parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as held:
        for name, text in parts.items():
            held.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return made.getvalue()


def database(path: Path) -> None:
    with sqlite3.connect(path) as held:
        held.execute("create table rows (text, label)")
    held.close()


HEAD = "text,label\n"
WORDS = "Ann B-per\nran O\n\n"
EMPTY = pyarrow.schema([("text", pyarrow.string()), ("label", pyarrow.string())])
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(17)
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
LONG = "word " * 200_100
REGRESSION = TextClassification(kind="regression")
SINGLE = TextClassification(kind="single")
TAGS = TokenClassification()
DOCUMENTS = LanguageModeling()

# ---------------------------------------------------------------------------------------------- nothing in the file

ONE_ROW = "give at least one row"
kind(
    "empty file",
    "the file is empty",
    ONE_ROW,
    *(bad(f"a.{ending}", b"") for ending in ("csv", "tsv", "json", "jsonl", "txt", "conll", "data")),
    bad("a.csv.gz", packed(b"")),
    bad("dev.csv", b"", beside={"train.csv": HEAD + rows()}, source=""),
    bad("test.jsonl", b"", beside={"train.jsonl": lines(*labelled())}, source=""),
)
kind(
    "only a byte order mark",
    "the file is empty",
    ONE_ROW,
    bad("a.csv", b"\xef\xbb\xbf"),
    bad("a.jsonl", b"\xff\xfe"),
    bad("a.tsv", b"\xfe\xff"),
    bad("a.txt", b"\xff\xfe\x00\x00"),
    bad("a.json.gz", packed(b"\xef\xbb\xbf")),
)
kind(
    "header only",
    "the file holds a header and no rows",
    ONE_ROW,
    bad("a.csv", HEAD),
    bad("a.csv", "text;label"),
    bad("a.csv", b"\xef\xbb\xbfreview,sentiment\r\n"),
    bad("a.tsv", "sentence\tlabel\n\n\n"),
    bad("a.csv", "text,label\n".encode("utf-16")),
    bad("test.csv", HEAD, beside={"train.csv": HEAD + rows()}, source=""),
)
kind(
    "only blank lines",
    "the file holds nothing but white space",
    ONE_ROW,
    bad("a.csv", "\n\n\n"),
    bad("a.tsv", " \r\n \r\n"),
    bad("a.jsonl", "\n \n"),
    bad("a.json", " \n\t\n"),
    bad("a.conll", "\n\n\n"),
    bad("a.txt", "\n" * 500),
    bad("a.csv.gz", packed("\n\n")),
)
kind(
    "a list without rows",
    "the file holds no rows",
    ONE_ROW,
    bad("a.json", "[]"),
    bad("a.json", " [\n\n] \n"),
    bad("a.parquet", parquet([], schema=EMPTY)),
    bad("a.conll", "-DOCSTART- -X- O\n\n-DOCSTART- -X- O\n"),
    bad("a.xlsx", workbook()),
)

# ---------------------------------------------------------------------------------------------------------- columns

kind(
    "no text column",
    "no column for the text: found .*; expected one of text, .*",
    "name it: data.columns.text=NAME",
    bad("a.csv", "id,label\n" + "".join(f"{i},{i % 2}\n" for i in range(20))),
    bad("a.jsonl", lines(*({"nr": i, "label": "ja"} for i in range(9)))),
    bad("a.parquet", parquet([{"length": i, "label": i % 2} for i in range(9)])),
)
kind(
    "no label column",
    "no column for the label: found .*; expected one of label, .*",
    "name it: data.columns.label=NAME; rows without one are for whet predict, so keep them out of the folder",
    bad("a.csv", "text\n" + "".join(f"Satz Nummer {i}\n" for i in range(20)), task=TextClassification()),
    bad("a.jsonl", lines(*({"text": f"第{i}条评论"} for i in range(9)))),
    bad("a.txt", "one document\n\nanother document\n\na third\n", task=TextClassification()),
)
kind(
    "no tag column",
    "no column for the tags: found tokens, the file's only one; expected one of tags, .*",
    "name it: data.columns.tags=NAME; rows without one are for whet predict, so keep them out of the folder",
    bad("a.conll", "Ann\nran\n\nShe\nsat\n", task=TAGS),
    bad("a.jsonl", lines(*({"tokens": ["Anna", f"{i}"]} for i in range(9))), task=TAGS),
    bad("a.parquet", parquet([{"tokens": ["安娜", f"{i}"]} for i in range(9)]), task=TAGS),
)
kind(
    "a column that is misspelt",
    "there is no column '(reviw|lable|Review|wieght)' for the (text|label|weight); found .*",
    "did you mean '(review|label|weight)'\\?",
    bad("a.csv", "review,label\n" + rows(), columns={"text": "reviw"}),
    bad("a.csv", "review,label\n" + rows(), columns={"text": "Review"}),
    bad("a.jsonl", lines(*labelled()), columns={"label": "lable"}),
    bad("a.tsv", "text\tlabel\tweight\n" + "a\tb\t1\n" * 9, weight_column="wieght"),
)
kind(
    "a column that nobody has",
    "there is no column '(Bewertung|评论)' for the text; found .*",
    "known: .*, .*",
    bad("a.csv", HEAD + rows(), columns={"text": "Bewertung"}),
    bad("a.jsonl", lines(*labelled()), columns={"text": "评论"}),
    bad("a.parquet", parquet(labelled()), columns={"text": "评论"}),
)
kind(
    "one column for two roles",
    "the (text and the label|label and the text|tokens and the weight) are in one column, '.*'",
    "name another one in data.columns",
    bad("a.csv", HEAD + rows(), columns={"text": "text", "label": "text"}),
    bad("a.jsonl", lines(*labelled()), columns={"label": "label", "text": "label"}),
    bad("a.conll", WORDS, columns={"tokens": "tokens"}, weight_column="tokens"),
)
kind(
    "a role that the task has not",
    "the task has no role '(txt|tokens|answer)'",
    "(did you mean 'text'\\?|known: .*)",
    bad("a.csv", HEAD + rows(), "=data.columns", columns={"txt": "text"}),
    bad("a.csv", HEAD + rows(), "=data.columns", columns={"tokens": "text"}),
    bad("a.conll", WORDS, "=data.columns", columns={"answer": "tags"}),
)
kind(
    "a column twice in the header",
    "the header names a column twice: (label|text, label|Text)",
    "give every column a name of its own",
    bad("a.csv", "text,label,label\n" + "a b,1,2\n" * 3, "line 1"),
    bad("a.tsv", "text\tlabel\ttext\tlabel\n" + "a b\t1\tc\t2\n" * 3, "line 1"),
    bad("a.csv", "\n\nlabel,text,label\n" + "0,a b,1\n" * 3, "line 3"),
    bad("a.xlsx", workbook(("text", "label", "label"), ("a", "b", "c"), ("d", "e", "f")), "line 1"),
)
kind(
    "a column twice in a parquet file",
    "the file names a column twice: text",
    "give every column a name of its own",
    bad("a.parquet", lambda path: twin_columns(path, ["text", "text"])),
    bad("a.pq", lambda path: twin_columns(path, ["text", "label", "text"])),
    bad("train.parquet", lambda path: twin_columns(path, ["text", "text", "text"]), source=""),
)
kind(
    "more columns than a row has",
    "[\\d,]+ columns; a row has at most 10,000",
    "end rows with line breaks; check the delimiter",
    bad("a.csv", ",".join(["text"] * 10_001) + "\n", "line 1"),
    bad("a.tsv", HEAD.replace(",", "\t") + "a\tb\n" + "\t" * 20_000 + "\n", "line 3"),
    bad("a.jsonl", lines({f"c{i}": 1 for i in range(10_002)}), "row 1 (line 1)"),
)


def twin_columns(path: Path, names: list[str]) -> None:
    arrays = [pyarrow.array(["a", "b"])] * len(names)
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=names), path)


# ------------------------------------------------------------------------------------------------- tables: csv, tsv

QUOTE_IT = "quote the field that holds a delimiter or a line break"
TAB = "remove the tab or the line break inside a field; a quote hides it only where the header is quoted too"
kind(
    "too many fields, a comma unquoted",
    "\\d+ fields, expected 2 as in the header \\(text, label\\)",
    f"{QUOTE_IT}|{TAB}",
    bad("a.csv", HEAD + "good, but dear,bad\n" + rows(), "line 2"),
    bad("a.csv", HEAD + rows(9) + "a,b,c,d,e\n" + rows(9), "line 11"),
    bad("a.csv", HEAD + rows(4) + "贵,了,bad\n" + rows(4) + "x,y,z\n", ("line 6", "line 11")),
    bad("a.csv", "text;label\n" + rows(5, comma=";") + "gut; aber teuer;bad\n", "line 7"),
    bad("a.csv", HEAD + '"two\nlines",good\n' + "one, two,bad\n", "line 4"),
    bad("a.tsv", "text\tlabel\n" + "a b\tgood\n" * 3 + "a\tb\tbad\n", "line 5"),
    bad("a.csv.gz", packed(HEAD + rows(300) + "a,b,c\n"), "line 302"),
)
kind(
    "too few fields",
    "1 fields, expected 2 as in the header \\(text, label\\)",
    f"fill in the missing fields, or ({QUOTE_IT}|{TAB})",
    bad("a.csv", HEAD + "no label here\n" + rows(), "line 2"),
    bad("a.csv", HEAD + rows(20) + "ohne Urteil\n", "line 22"),
    bad("a.csv", HEAD + "first half\nsecond half,good\nthird half\n" + rows(4), ("line 2", "line 4")),
    bad("a.tsv", "text\tlabel\nno tab\na b\tgood\n", "line 2"),
)
kind(
    "ragged rows without a header",
    "\\d fields, expected 2 as in most rows",
    f"(fill in the missing fields, or )?({QUOTE_IT}|{TAB})",
    bad("a.csv", "1,a fine film\n0,a bad, bad film\n1,so good\n0,so bad\n", "line 2"),
    bad("a.csv", "0,一部好电影\n1,很好\n1\n0,不好\n", "line 3"),
    bad("a.tsv", "0\ta film\n1\tb film\n0\tc\tfilm\n1\td film\n", "line 3"),
)
kind(
    "a quote that is never closed",
    "a quote is opened and never closed",
    'close it, or write a plain quote as ""',
    bad("a.csv", HEAD + '"a b,good\n' + rows(3), "line 2"),
    bad("a.csv", HEAD + rows(8) + '"c d,bad\n' + rows(8), "line 10"),
    bad("a.csv", HEAD + rows(8) + '"the end', "line 10"),
    bad("a.csv", '"text,label\n' + rows(8), "line 1"),
    bad("a.tsv", '"text"\t"label"\n"a"\t"b"\n"c\td\n', "line 3"),
)
kind(
    "text behind a closing quote",
    "a closing quote is followed by more text",
    'write a quote inside a quoted field as ""',
    bad("a.csv", HEAD + '"good" film,good\n' + rows(3), "line 2"),
    bad("a.csv", HEAD + rows(3) + '"好"电影,good\n' + rows(3) + '"bad" one,bad\n', ("line 5", "line 9")),
    bad("a.csv", "text;label\n" + 'so;gut\n"so" schlecht;bad\n', "line 3"),
    bad("a.tsv", '"text"\t"label"\n"a" b\t"good"\n', "line 2"),
)
kind(
    "text behind a quote that was opened lines before",
    "a closing quote is followed by more text; the field begins on line \\d, where a quote may never be closed",
    'write a quote inside a quoted field as ""',
    bad("a.csv", HEAD + '"never closed,good\na,bad\nsaid "yes",good\n', "line 4"),
    bad("a.csv", HEAD + rows(2) + '"never closed,good\n"a",bad\n', "line 5"),
    bad("a.tsv", '"text"\t"label"\n"a\tgood"\tx\n"b\tbad\n"c"\tbad\n', "line 4"),
)
kind(
    "carriage returns in a csv file",
    "a carriage return stands outside quotes",
    "end lines with \\\\n or \\\\r\\\\n, and quote fields that hold line breaks",
    bad("a.csv", "text,label\ra b,good\rc d,bad\r", "line 1"),
    bad("a.csv", HEAD + rows(3) + "a\rb,good\n" + rows(3), "line 5"),
    bad("a.csv", "text;label\n" + "好\r电影;gut\n" + "a b;x\n", "line 2"),
)
kind(
    "carriage returns in a tsv file",
    "a carriage return stands inside the line",
    "end lines with \\\\n or \\\\r\\\\n; write a space in a text",
    bad("a.tsv", "text\tlabel\ra b\tgood\rc d\tbad", "line 1"),
    bad("a.tsv", "text\tlabel\n" + "a b\tgood\n" * 3 + "a\rb\tgood\n", "line 5"),
    bad("a.tsv", "0\ta b\n1\tb\rc\n1\td\n0\te\rf\n", ("line 2", "line 4")),
)
kind(
    "a row of a megabyte",
    "the row has ([\\d,]+|more than 1,000,000) characters(; a row has at most 1,000,000)?",
    "divide the text into rows(; a quote or a line break may be missing)?",
    bad("a.csv", HEAD + rows(2) + LONG + ",bad\n" + rows(2), "line 4"),
    bad("a.tsv", "text\tlabel\na\tb\n" + "字" * 1_000_001 + "\tb\n", "line 3"),
    bad("a.jsonl", lines({"text": "a", "label": "b"}, {"text": LONG, "label": "b"}), "row 2 (line 2)"),
    bad("a.json", json.dumps([{"text": "a"}, {"text": LONG}], indent=0), "row 2 (line 5)"),
    bad("a.parquet", parquet([{"text": "a", "label": "b"}, {"text": LONG, "label": "b"}]), "row 2 (line 2)"),
)

# -------------------------------------------------------------------------------------------------------- encodings

AS_UTF8 = "save it as UTF-8: iconv -f ENCODING -t utf-8.*"
kind(
    "a NUL character",
    "there is a NUL character: the file is binary, damaged, or UTF-16",
    "save the file again as UTF-8 text",
    bad("a.csv", HEAD.encode() + b"a\0b,good\n", "line 2"),
    bad("a.tsv", b"text\tlabel\n" + b"a b\tgood\n" * 40 + b"c\0\td\n", "line 42"),
    bad("a.jsonl", lines(*labelled()).encode() + b"\0\0\0\0", "line 21"),
    bad("a.txt", b"A document.\n\nAn\0other.\n", "line 3"),
    bad("a.csv", "текст,метка\nхорошо,да\n".encode("utf-16-le"), "line 1"),
    bad("a.csv", (HEAD + rows(3)).encode("utf-32-le"), "line 1"),
)
kind(
    "an encoding that cannot be decided",
    "byte 0x[0-9a-f]{2} at position \\d+ is not UTF-8, and the file is neither Chinese in GB18030 nor a western language"
    " in Windows-1252.*",
    AS_UTF8 + ", with the encoding of the program that wrote it",
    bad("a.csv", (HEAD + "この映画は良かった,good\n").encode("shift_jis"), "line 2"),
    bad("a.csv", (HEAD + "фильм был хороший,good\nа этот плохой,bad\n").encode("cp1251"), "line 2"),
    bad("a.tsv", ("text\tlabel\na\tb\n" + "영화가 정말 좋았어요\tgood\n").encode("euc_kr"), "line 3"),
    bad("a.txt", "Żółw źle śpi, gęś gęga.\n".encode("cp1250"), "line 1"),
    bad("a.csv", (HEAD + rows(40) + "這部電影很好看\t,good\n").encode("big5"), "line 42"),
    bad("a.csv", bytes(range(128, 256)) * 4, "line 1"),
)
kind(
    "lines in two encodings",
    "the line (is|reads as) (UTF-8|CP1252|GB18030), while [\\d,]+ others are (UTF-8|CP1252|GB18030)",
    "bring all lines into one encoding: UTF-8",
    bad("a.csv", (HEAD + "größer,good\nschöner,bad\n").encode() + "süßer,good\n".encode("latin-1"), "line 4"),
    bad("a.csv", HEAD.encode() + "très bien,good\nun été,bad\n".encode("cp1252") + "déjà,bad\n".encode(), "line 4"),
    bad("a.tsv", ("很好看的电影\tgood\n" * 5).encode() + "这个不好\tbad\n".encode("gbk"), "line 6"),
)
kind(
    "cut inside a character",
    "the file ends inside a character of (UTF-8|UTF-16)",
    "copy or download the file again",
    bad("a.csv", (HEAD + "很好,good\n很不好").encode()[:-1], "line 3"),
    bad("a.jsonl", "\ufeff{}\nü".encode()[:-1], "line 2"),
    bad("a.csv", (HEAD + "größer,ja\nkleiner,né").encode()[:-1], "line 3"),
    bad("a.csv", (HEAD + rows(2)).encode("utf-16")[:-1], "line 3"),
    bad("a.txt", "很长很长的一行".encode()[:-2], "line 1"),
    bad("a.csv.gz", packed((HEAD + rows(300) + "так себе").encode()[:-1]), "line 302"),
)
kind(
    "bytes that are not the encoding of the mark",
    "byte 0x[0-9a-f]{2} at position \\d+ is not (UTF-8|UTF-16|UTF-32)",
    "save it as UTF-8: iconv -f ENCODING -t utf-8",
    bad("a.csv", b"\xef\xbb\xbf" + (HEAD + "größer,ja\n").encode("latin-1"), "line 2"),
    bad("a.csv", b"\xff\xfe" + HEAD.encode("utf-16-le") + b"\x00\xdc\x00\xdc", "line 2"),
    bad("a.txt", b"\xff\xfe\x00\x00" + "ab".encode("utf-32-le") + b"\xff\xff\xff\xff", "line 1"),
)

kind(
    "an escape of a seven-bit encoding among other characters",
    "the line holds an escape of (ISO-2022-JP|ISO-2022-KR), while others are UTF-8",
    "bring all lines into one encoding: UTF-8",
    bad("a.csv", HEAD.encode() + "größer,good\n".encode() + "映画は,bad\n".encode("iso2022_jp"), "line 3"),
    bad("a.tsv", "text\tlabel\n好\tx\n".encode() + "영화가\ty\n".encode("iso2022_kr"), "line 3"),
    bad("a.jsonl.gz", packed('{"text": "映"}\n'.encode("iso2022_jp") + '{"text": "ü"}\n'.encode()), "line 1"),
)
kind(
    "escapes of a seven-bit encoding that lead nowhere",
    "the file holds escapes of (ISO-2022-JP, and this line is not in it|ISO-2022-CN, which is not read)",
    "save it as UTF-8: iconv -f ISO-2022-(JP|CN) -t utf-8 FILE > NEW",
    bad("a.csv", HEAD.encode() + "映画は,bad\n".encode("iso2022_jp") + b"\x1b$B\x7f\x7f\x1b(B,good\n", "line 3"),
    bad("a.tsv", HEAD.encode() + b"a\tb\n\x1b$)A\x0e0lP\x0f\tx\n", "line 3"),
    bad("a.txt", b"one\n\ntwo \x1b$B\x21\n", "line 3"),
)
kind(
    "another format than the ending's",
    "the file looks like (json-lines|json|conll|messages), though its name says (csv|tsv|conll)",
    "give it the ending of its format: \\.(jsonl|json|conll)",
    bad("a.csv", lines(*labelled())),
    bad("a.tsv", json.dumps(labelled(), indent=1)),
    bad("a.csv.gz", packed("Ann B-per\nran O\n\n" * 9)),
    bad("a.tsv", "Ann\tB-per\nran\tO\n\n" * 9),
    bad("train.conll", lines(*labelled()), source=""),
)
PAGE = '<!DOCTYPE html>\n<html lang="en"><head><title>Sign in</title></head>\n<body>, and go on</body></html>\n'
kind(
    "a web page",
    "this is a web page \\(HTML\\), not a table",
    "download the file itself: the link may lead to a page about it, or ask for a login",
    bad("a.csv", PAGE),
    bad("train.jsonl", "\n\n" + PAGE.lower(), source=""),
    bad("a.json", PAGE[16:]),
    bad("a.tsv.gz", packed(PAGE)),
)

# ------------------------------------------------------------------------------------- other formats, archives, gzip

CLOSED = {
    "a PDF": ("take its text out first", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
    "an SQLite database": ("export the table as csv", database),
    "an old Excel \\(.xls\\) or Office file": (
        "save it as .xlsx or as csv",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64),
    ),
    "a bzip2 file": ("unpack it: bunzip2", b"BZh91AY&SY" + bytes(40)),
    "an xz file": ("unpack it: unxz", b"\xfd7zXZ\x00" + bytes(40)),
    "a zstd file": ("unpack it: unzstd", b"\x28\xb5\x2f\xfd" + bytes(40)),
    "a rar archive": ("unpack it, and give the file inside", b"Rar!\x1a\x07\x01\x00" + bytes(40)),
    "a 7z archive": ("unpack it, and give the file inside", b"7z\xbc\xaf\x27\x1c" + bytes(40)),
    "an Arrow file": ("write it as parquet", b"ARROW1\x00\x00" + bytes(40)),
    "an HDF5 file": ("export the table as csv or parquet", b"\x89HDF\r\n\x1a\n" + bytes(40)),
    "an image": ("give rows of text: csv, json lines or parquet", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(40)),
    "an image, a PNG": ("give rows of text: csv, json lines or parquet", PNG),
}
for called, (remedy, begins) in CLOSED.items():
    kind(
        called.replace("\\", ""),
        f"this is {called.removesuffix(', a PNG')}",
        remedy,
        bad("a.csv", begins),
        bad("a.data", begins),
        bad("train.jsonl", begins, source="", train="FOLDER/train.jsonl"),
    )
kind(
    "a pointer of Git LFS",
    "this is a pointer of Git LFS, not the file itself",
    "fetch the file: git lfs pull",
    bad("a.csv", POINTER),
    bad("a.parquet", POINTER),
    bad("train.jsonl", POINTER, source=""),
)
kind(
    "a pickle",
    "this is a Python pickle, which whet never opens",
    "write the rows as csv, json lines or parquet",
    *(bad(f"a{protocol}.pkl", pickle.dumps(labelled(), protocol)) for protocol in (2, 3, 4, 5)),
    bad("a.csv", pickle.dumps(labelled(), 4)),
    bad("a.jsonl.gz", packed(pickle.dumps(labelled(), 5))),
)
kind(
    "an archive that is no workbook",
    "this is a zip archive, not an Excel workbook",
    "unpack it, and give the file inside",
    bad("a.zip", archive(train="text,label\na,b\n")),
    bad("a.docx", archive(word__document_xml="<w:document/>")),
    bad("a.xlsx", archive(content_xml="<office/>")),
    bad("a.csv", archive(a="text,label\n")),
)
kind(
    "a workbook that is none",
    "the workbook cannot be read: .+",
    "save the file again as .xlsx, or as csv",
    bad("a.xlsx", HEAD + rows()),
    bad("a.xlsm", lines(*labelled())),
    bad("a.xlsx", archive(a="b" * 900)[:-30]),
    bad("a.xlsx", archive(xl__workbook_xml="<workbook><broken")),
)
kind(
    "gzip data cut short",
    "the gzip data end too early",
    "copy or download the file again",
    bad("a.csv.gz", packed(HEAD + rows(400))[:-9]),
    bad("a.jsonl.gz", packed(lines(*labelled(400)))[:200]),
    bad("a.tsv.gz", packed("a\tb\n")[:12]),
    bad("a.csv.gz", packed(HEAD + rows()) + packed(rows())[:-4]),
)
kind(
    "gzip data that are damaged",
    "the gzip data are damaged: .+",
    "copy or download the file again",
    bad("a.csv.gz", packed(HEAD + rows(400))[:-8] + b"\x00" * 8),
    bad("a.jsonl.gz", packed(lines(*labelled(400)))[:60] + b"\xff" * 60),
    bad("a.csv.gz", packed(HEAD + rows()) + b"what is this"),
)
kind(
    "gzip data that are packed twice",
    "the file is packed twice",
    "unpack it: gunzip",
    bad("a.csv.gz", packed(packed(HEAD + rows()))),
    bad("a.csv.gz.gz", packed(packed(HEAD + rows()))),
    bad("a.jsonl", packed(packed(packed(lines(*labelled()))))),
)
kind(
    "a gzip bomb",
    "the gzip data grow to [\\d,]+ bytes and more, out of [\\d,]+",
    "if that is meant, unpack the file yourself: gunzip",
    bad("a.csv.gz", lambda path: bomb(path, HEAD.encode(), b"a")),
    bad("a.jsonl.gz", lambda path: bomb(path, b'{"text": "', b" ")),
    bad("a.txt.gz", lambda path: bomb(path, b"", b"\n")),
)
kind(
    "a binary file in gzip",
    "a gzip file that holds (parquet|excel)",
    "unpack it: gunzip",
    bad("a.parquet.gz", packed(parquet(labelled()))),
    bad("a.gz", packed(parquet(labelled()))),
    bad("a.xlsx.gz", packed(archive(xl="x"))),
)


def bomb(path: Path, head: bytes, body: bytes) -> None:
    packer = zlib.compressobj(9, wbits=31)
    made = packer.compress(head) + b"".join(packer.compress(body * (1 << 20)) for _ in range(18)) + packer.flush()
    path.write_bytes(made)


# ------------------------------------------------------------------------------------------------------------- JSON

ARRAY = "write an array of objects, one for each row"
LINE = "write one JSON object a line"
EITHER = f"{ARRAY}|{LINE}"
TOOL = "mend the file: python -m json.tool FILE"
GOOD = '{"text": "a b", "label": "good"}'


def spoilt(row: str, count: int = 4) -> tuple[Input, ...]:
    """One bad row in JSON lines, at its end and packed, and in an array."""
    good = lines(*labelled(count))
    return (
        bad("a.jsonl", good + row + "\n" + good, f"line {count + 1}"),
        bad("a.jsonl.gz", packed(good + "\n" + row), f"line {count + 2}"),
        bad("a.json", f"[{GOOD},\n{row},\n{GOOD}]", "row 2 (line 2)"),
    )


kind(
    "JSON: neither a list nor an object",
    "the document begins with [^\\[{], expected an array of objects",
    f"{ARRAY}, or give the file the ending of its format",
    bad("a.json", "3", "line 1"),
    bad("a.json", '\n\n"text"', "line 3"),
    bad("a.json", "null", "line 1"),
    bad("a.json", "text,label\na,b\n", "line 1"),
)
kind(
    "JSON: rows that are no objects",
    "found (a text|a number|a list|null|true), expected an object",
    EITHER,
    bad("a.json", '["a", "b"]', ("row 1 (line 1)", "row 2 (line 1)")),
    bad("a.json", '[\n["a", "good"],\n["b", "bad"]\n]', ("row 1 (line 2)", "row 2 (line 3)")),
    *(one for value in ("[1, 2]", "null", "3.5") for one in spoilt(value)[:3:2]),
    bad("a.jsonl", lines(*labelled(3), "true", *labelled(3), '"text"'), ("line 4", "line 8")),
)
kind("JSON: a key twice", "the key 'text' comes twice", EITHER, *spoilt('{"text": "a", "label": "b", "text": "c"}'))
kind(
    "JSON: NaN and Infinity",
    "(NaN|-?Infinity) is not JSON",
    EITHER,
    *spoilt('{"text": "a", "label": NaN}'),
    *spoilt('{"text": "a", "label": -Infinity}', 7)[:2],
)
kind(
    "JSON: a number too large",
    "a number is too large to be held",
    EITHER,
    *spoilt('{"text": "a", "label": 1e999}'),
)
kind(
    "JSON: half a surrogate pair",
    "half a surrogate pair \\(\\\\ud800\\) stands for no character",
    EITHER,
    *spoilt('{"text": "a \\ud83d", "label": "b"}'),
    *spoilt('{"\\udc00": "a", "label": "b"}')[:1],
)
kind(
    "JSON: nested deeply",
    "the value is nested too deeply: more than 100 levels",
    EITHER,
    *spoilt('{"text": ' + "[" * 20_000 + "]" * 20_000 + "}"),
    *spoilt('{"a": ' * 101 + "1" + "}" * 101)[:1],
)
kind(
    "JSON: single quotes",
    "not JSON: expecting property name enclosed in double quotes at character 2 of the row"
    "(; likely cause: it was written with Python's print, not with json.dumps)?",
    EITHER,
    *spoilt("{'text': 'a', 'label': 'b'}"),
    *spoilt("{text: 1}")[:1],
)
kind(
    "JSON: a value that is no JSON",
    "not JSON: expecting value at character \\d+ of the row"
    "(; likely cause: it was written with Python's print, not with json.dumps)?",
    EITHER,
    *spoilt('{"text": None, "label": "b"}'),
    *spoilt('{"text": "a", "label": undefined}')[:1],
    bad("a.jsonl", GOOD + "\ntext,label\na,b\n", ("line 2", "line 3")),
)
kind(
    "JSON: a comma at the end of an object",
    "not JSON: (expecting property name enclosed in double quotes|illegal trailing comma before end of object) at "
    "character \\d\\d of the row",
    EITHER,
    *spoilt('{"text": "a", "label": "b",}'),
)
kind(
    "JSON: a comma missing",
    "not JSON: expecting ',' delimiter at character \\d+ of the row",
    EITHER,
    *spoilt('{"text": "a" "label": "b"}'),
    *spoilt('{"text": "he said "no"", "label": "b"}')[:1],
)
kind(
    "JSON: a tab or a control character in a text",
    "not JSON: invalid control character at character \\d+ of the row",
    EITHER,
    *spoilt('{"text": "a\tb", "label": "b"}'),
)
kind(
    "JSON lines: two values on a line",
    "not JSON: extra data at character \\d+ of the row",
    LINE,
    bad("a.jsonl", lines(*labelled(5), f"{GOOD} {GOOD}", *labelled(5)), "line 6"),
    bad("a.jsonl", lines(GOOD, GOOD + "," + GOOD), "line 2"),
    bad("a.ndjson", lines(f"{GOOD} // a remark", *labelled(5)), "line 1"),
)
kind(
    "JSON lines: a text that is cut off",
    "not JSON: unterminated string starting at character \\d+ of the row",
    LINE,
    bad("a.jsonl", lines(*labelled(2)) + GOOD[:-4], "line 3"),
    bad("a.ndjson", '{"text": "an only row', "line 1"),
    bad("a.jsonl.gz", packed(lines(*labelled(40)) + '{"text": "好", "la'), "line 41"),
)
kind(
    "JSON lines: one array",
    "the file is one JSON array",
    "name it .json, or write one object a line: jq -c '.\\[\\]'",
    bad("a.jsonl", json.dumps(labelled()), "line 1"),
    bad("a.ndjson", json.dumps(labelled(), indent=2), "line 1"),
    bad("a.jsonl.gz", packed(json.dumps(labelled())), "line 1"),
)
kind(
    "JSON: the file ends inside a value",
    "the file ends inside a value: it was cut off, or a quote or bracket is missing",
    TOOL,
    bad("a.json", json.dumps(labelled())[:-30], "line 1"),
    bad("a.json", json.dumps(labelled(4), indent=1)[:-5], "line 16"),
    bad("a.json", '[{"text": "never closed, "label": 1}]', "line 1"),
)
kind(
    "JSON: a comma before the end of the list",
    "found \\], expected a row after the comma",
    TOOL,
    bad("a.json", f"[{GOOD},]", "line 1"),
    bad("a.json", f"[{GOOD},\n{GOOD},\n]\n", "line 3"),
    bad("a.json", f'{{"data": [{GOOD},\n]}}', "line 2"),
)
kind(
    "JSON: no comma between the rows",
    "found (\\{|the end of the file|:), expected ,",
    TOOL,
    bad("a.json", f"[{GOOD}\n{GOOD}]", "line 2"),
    bad("a.json", f"[{GOOD}", "line 1"),
    bad("a.json", f"[{GOOD},\n{GOOD}:{GOOD}]", "line 2"),
)
kind(
    "JSON: an object with a broken key",
    "found .*, expected (a key in quotes|a key after the comma|:|a value)",
    TOOL,
    bad("a.json", f'{{\n"x": [{GOOD}],}}', "line 2"),
    bad("a.json", f"{{\n\nx: [{GOOD}]}}", "line 3"),
    bad("a.json", f'{{\n"x" [{GOOD}]}}', "line 2"),
    bad("a.json", f'{{\n"好": ,\n"y": [{GOOD}]}}', "line 2"),
)
kind(
    "JSON: something behind the list",
    "something stands after the end of the document",
    TOOL,
    bad("a.json", json.dumps(labelled()) + "\n]", "line 2"),
    bad("a.json", json.dumps(labelled()) * 2, "line 1"),
    bad("a.json", json.dumps(labelled()) + "\n\n# thanks", "line 3"),
)
kind(
    "JSON: an object with two lists of rows",
    "the object holds several lists of objects: \\w+ and \\w+",
    ARRAY,
    bad("a.json", f'{{"train": [{GOOD}],\n"test": [{GOOD}]}}', "line 2"),
    bad("a.json", f'{{"v": 1, "好": [{GOOD}],\n\n"x": 2, "坏": [{GOOD}]}}', "line 3"),
    bad("a.json", f'{{"a": [{GOOD}],\n"b": [{GOOD}],\n"c": [{GOOD}]}}', "line 2"),
)
kind(
    "JSON: an object without a list of rows",
    "the object holds no list of objects; likely cause: it holds columns, not rows",
    f"{ARRAY} \\(in pandas: to_json\\(orient='records'\\)\\)",
    bad("a.json", '{\n"text": ["a", "b"],\n"label": ["good", "bad"]\n}'),
    bad("a.json", '{\n"data": []\n}'),
    bad("a.json", '{\n"0": {"text": "a"},\n"1": {"text": "b"}\n}'),
    bad("a.json", '{"text": {"0": "a", "1": "b"}, "label": {"0": 1, "1": 0}}'),
)

SQUAD = {"title": "a", "paragraphs": [{"context": "b c", "qas": [{"id": "1", "question": "d?", "answers": []}]}]}
kind(
    "rows of a kind that no task reads",
    "these rows look like (question answering|dialogue|relation extraction|translation), and whet has no task for that "
    "yet",
    "if you mean another, name it with --task: .*, text-classification, .*",
    bad("a.json", json.dumps({"version": "1.1", "data": [SQUAD] * 3})),
    bad("a.json", json.dumps([{"instruction": f"sum {i}", "input": "", "output": f"{i}"} for i in range(9)])),
    bad(
        "a.jsonl", lines(*[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}] * 9)
    ),
    bad("a.txt", '1\t"The <e1>audit</e1> was about <e2>waste</e2>."\nMessage-Topic(e1,e2)\nComment:\n\n' * 3),
    bad("a.en", "a good day\n" * 9, beside={"a.de": "ein guter Tag\n" * 9}),
    bad("a.parquet", parquet([{"context": "b c", "question": "d", "answers": {"text": ["b"]}}] * 9)),
)

# ---------------------------------------------------------------------------------------------------------- parquet

AGAIN = "write or download the file again; whet reads csv and json lines too"
kind(
    "a parquet file cut or overwritten",
    "the parquet file cannot be read: .+",
    AGAIN,
    bad("a.parquet", parquet(labelled())[:-20]),
    bad("a.parquet", parquet(labelled())[:100]),
    bad("a.parquet", b"PAR1" + bytes(200) + b"PAR1"),
    bad("a.parquet", HEAD + rows()),
    bad("a.pq", b"PAR0" + parquet(labelled())[4:-4] + b"PAR0"),
    bad("a.csv", parquet(labelled())[:60]),
)

kind(
    "a parquet file that lies of its rows",
    "the file holds [\\d,]+ rows, though its footer says 8,191",
    AGAIN,
    *(bad("a.parquet", lying(labelled(count))) for count in (200, 300, 1000)),
)
kind(
    "parquet: bytes that are no text",
    "the column '(text|label|tags)' holds bytes that are not UTF-8: 0x[0-9a-f]{2} at position \\d+",
    "write the column as text, or leave it out",
    bad("a.parquet", parquet([{"text": b"a b", "label": 1}, {"text": "größer".encode("cp1252"), "label": 0}]), "row 2"),
    bad("a.pq", parquet([{"text": "a", "label": b"\xff"}, {"text": "b", "label": b"y"}]), "row 1"),
    bad(
        "a.parquet",
        parquet([{"tokens": ["a"], "tags": [b"O"]}, {"tokens": ["b"], "tags": ["好".encode("gbk")]}]),
        "row 2",
    ),
)

# ------------------------------------------------------------------------------------------------- sentences of words

EVERY = "give every word of a sentence a tag, and separate sentences by blank lines"
kind(
    "CoNLL: a word without its tag",
    "\\d columns, expected [234] as on line \\d+",
    EVERY,
    bad("a.conll", WORDS + "She O\nsat\n\n" + WORDS, "line 5"),
    bad("a.bio", WORDS * 9 + "安娜\tB-per\n\n".replace("\t", " ") + "Bo B-per\nran away O\n\n", "line 31"),
    bad("a.conll", "Ann\tNNP\tB-per\nran\tO\n\nBo\tNNP\tB-per\n", "line 2"),
    bad("a.conll", "Ann NNP I B-per\nran VBD O\n\nBo O\nsat\n", ("line 2", "line 5")),
)
kind(
    "a tag without mark and type",
    "the tag '.*' of word \\d has no mark and type",
    "write O or a mark with a type, such as B-PER, or delete the row",
    bad(
        "train.conll",
        WORDS * 4 + "Bo PER\nsat O\n\n",
        "row 5 (line 13)",
        source="",
        beside={"dev.conll": WORDS, "test.conll": WORDS},
    ),
    bad(
        "train.conll",
        "Bo B-per\nsat 0\n\n" + WORDS * 4,
        "row 1 (line 1)",
        source="",
        beside={"dev.conll": WORDS, "test.conll": WORDS},
    ),
    bad(
        "train.jsonl",
        lines(*[{"tokens": ["安娜", "跑"], "tags": ["B-人", "O"]}] * 4, {"tokens": ["a", "b"], "tags": ["O", "o"]}),
        "row 5 (line 5)",
        source="",
        beside={"dev.conll": WORDS.replace("per", "人"), "test.conll": WORDS.replace("per", "人")},
    ),
)
kind(
    "words and tags that differ in number",
    "\\d words have \\d tags",
    "give every word exactly one tag",
    bad(
        "a.jsonl",
        lines({"tokens": ["a", "b"], "tags": ["O", "B-x"]}, {"tokens": ["a", "b", "c"], "tags": ["O", "O"]}),
        "row 2 (line 2)",
    ),
    bad("a.csv", "words,tags\nAnn ran,B-per O\nshe sat down,O O O O\n", "row 2 (line 3)", TAGS),
    bad(
        "a.parquet",
        parquet([{"tokens": ["a"], "tags": ["O", "O"]}, {"tokens": ["b"], "tags": []}]),
        ("row 1 (line 1)", "row 2 (line 2)"),
    ),
)
kind(
    "a word that is empty",
    "word \\d is empty",
    "fill it in, or delete the row",
    bad(
        "a.jsonl",
        lines({"tokens": ["a", ""], "tags": ["O", "B-x"]}, {"tokens": ["a"], "tags": ["O"]}),
        "row 1 (line 1)",
    ),
    bad(
        "a.parquet",
        parquet([{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["  ", "b"], "tags": ["O", "B-x"]}]),
        "row 2 (line 2)",
    ),
    bad("a.conll", "Ann\tB-per\nran\tO\n\n\tO\nsat\tO\n", "row 2 (line 4)"),
    bad("a.jsonl", lines({"tokens": ["a", None], "tags": ["O", "B-x"]}), "row 1 (line 1)"),
)
kind(
    "a sentence without words",
    "the sentence has no words",
    "fill it in, or delete the row",
    bad("a.jsonl", lines({"tokens": ["a", "b"], "tags": ["O", "B-x"]}, {"tokens": [], "tags": []}), "row 2 (line 2)"),
    bad("a.parquet", parquet([{"tokens": ["a"], "tags": ["O"]}, {"tokens": [], "tags": ["O"]}]), "row 2 (line 2)"),
    bad("a.csv", "words,tags\nAnn ran,B-per O\n,O O\n", "row 2 (line 3)", TAGS),
)
kind(
    "a sentence without tags",
    "the row has no tags(: 2 rows)?",
    "fill it in, or delete the row; where another column has them: data.columns.tags=NAME",
    bad(
        "train.jsonl",
        lines(*[{"tokens": ["a", "b"], "tags": ["O", "B-x"]}] * 3, {"tokens": ["a"], "tags": None}),
        "row 4 (line 4)",
        source="",
        beside={"dev.conll": "a O\n\n", "test.conll": "b O\n\n"},
    ),
    bad(
        "train.csv",
        "words,tags\nAnn ran,\nshe sat,O B-x\n",
        "row 1 (line 2)",
        TAGS,
        source="",
        beside={"dev.conll": "a O\n\n", "test.conll": "b O\n\n"},
    ),
    bad(
        "train.jsonl",
        lines({"tokens": ["a"], "tags": ["O"]}, {"tokens": ["b"]}, {"tokens": ["c"]}),
        "rows 2, 3 (lines 2, 3)",
        source="",
        beside={"dev.conll": "a O\n\n", "test.conll": "b O\n\n"},
    ),
)
kind(
    "one tag only",
    "the training rows have 1 different tags",
    "give rows with at least two, or name the column with data.columns.tags",
    bad(
        "train.conll",
        "Ann O\nran O\n\n" * 4,
        "",
        source="",
        beside={"dev.conll": "a O\n\n", "test.conll": "b O\n\n"},
    ),
    bad(
        "train.jsonl",
        lines(*[{"tokens": ["安"], "tags": ["O"]}] * 4),
        "",
        source="",
        beside={"dev.conll": "a O\n\n", "test.conll": "b O\n\n"},
    ),
    bad("a.conll", "".join(f"word{i} O\n\n" for i in range(30)), "", split_fractions=(0.0, 0.1)),
)

kind(
    "spans outside their text",
    "the span \\w+ at \\d+ to \\d+ lies outside its text of \\d+ characters; likely cause: .*",
    "mark the span again, or delete it",
    bad(
        "a.jsonl",
        lines(*({"id": i, "text": "Ann ran", "label": [[0, 3, "PER"], [5, 9, "X"]]} for i in (1, 2))),
        ("line 1", "line 2"),
    ),
    bad(
        "a.jsonl",
        lines({"id": 1, "text": "李雷", "entities": [{"id": 1, "label": "PER", "start_offset": 0, "end_offset": 6}]}),
        "line 1",
    ),
    bad("a.ann", "T1\tPER 0 3\tAnn\nT2\tLOC 8 12\tKyiv\n", "line 2", beside={"a.txt": "Ann ran\n"}),
)

# ----------------------------------------------------------------------------------------------------- texts, labels

FILL = "fill it in, or delete the row"
kind(
    "an empty text",
    "the text is empty",
    FILL,
    bad("a.csv", HEAD + rows(3) + ",good\n" + rows(3), "row 4 (line 5)"),
    bad("a.csv", HEAD + '"   ",good\n' + rows(3) + "\u3000\u3000,bad\n", ("row 1 (line 2)", "row 5 (line 6)")),
    bad("a.csv", HEAD + '"two\nlines",good\n"\n\n",bad\nx y,bad\n', "row 2 (line 4)"),
    bad("a.tsv", "text\tlabel\na b\tx\n\ty\n" + "c d\tx\ne f\ty\n", "row 2 (line 3)"),
    bad(
        "a.jsonl",
        lines(*labelled(2), {"label": "good"}, *labelled(2), {"text": None, "label": "bad"}),
        ("row 3 (line 3)", "row 6 (line 6)"),
    ),
    bad("a.json", json.dumps([*labelled(2), {"text": "", "label": "good"}], indent=0), "row 3 (line 10)"),
    bad("a.parquet", parquet([*labelled(2), {"text": None, "label": "good"}]), "row 3 (line 3)"),
    bad("a.jsonl", lines({"text": "a document"}, {"text": " "}), "row 2 (line 2)", DOCUMENTS),
)
kind(
    "a text that is none",
    "the text is not a text but a (list|dict|bool)",
    "give one text a row",
    bad("a.jsonl", lines(*labelled(4), {"text": ["a", "b"], "label": "good"}), "row 5 (line 5)"),
    bad("a.json", json.dumps([*labelled(4), {"text": {"de": "a"}, "label": "good"}]), "row 5 (line 1)"),
    bad(
        "a.parquet",
        parquet([{"text": ["a", "b"], "label": "x"}, {"text": ["c"], "label": "y"}]),
        ("row 1 (line 1)", "row 2 (line 2)"),
        TextClassification(),
    ),
)
LISTS = lines({"text": "dev", "label": ["good"]})
SPLITS_OF_LISTS = {"dev.jsonl": LISTS, "test.jsonl": LISTS.replace("dev", "test")}
SPLITS = {"dev.csv": HEAD + rows(4, 100), "test.csv": HEAD + rows(4, 200)}
kind(
    "a training row without its label",
    "the row has no label(: 2 rows)?",
    "fill it in, or delete the row; where another column has them: data.columns.label=NAME",
    bad("train.csv", HEAD + rows(4) + "no label,\n", "row 5 (line 6)", source="", beside=SPLITS),
    bad(
        "train.jsonl",
        lines({"text": "a b", "label": None}, *labelled(4), {"text": "c"}),
        "rows 1, 6 (lines 1, 6)",
        source="",
        beside=SPLITS,
    ),
    bad(
        "train.parquet",
        parquet([{"text": "好", "label": 1.0}, {"text": "坏", "label": 0.0}, {"text": "中", "label": float("nan")}]),
        "row 3 (line 3)",
        SINGLE,
        source="",
        beside={"dev.csv": HEAD + "a,1\n", "test.csv": HEAD + "b,0\n"},
    ),
    bad("train.csv", HEAD + rows(4) + 'd e,"  "\n', "row 5 (line 6)", source="", beside=SPLITS),
)
kind(
    "a test row without its label",
    "the row has no (label|tags)(: 2 rows)?",
    "fill it in, or give a (validation|test) file without such rows; they are for whet predict",
    bad(
        "test.csv",
        HEAD + rows(4) + "no label,\nnone,\n",
        "rows 5, 6 (lines 6, 7)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
    bad(
        "dev.jsonl",
        lines(*labelled(4), {"text": "无"}),
        "row 5 (line 5)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
    bad(
        "test.conll",
        WORDS + "She\nsat\n\n",
        "row 2 (line 4)",
        source="",
        beside={"train.conll": WORDS * 9, "dev.conll": WORDS},
    ),
)
kind(
    "a label that is an object",
    "the label \\{.*\\} is not one label",
    "give one, or set task.kind=multi",
    bad(
        "a.jsonl", lines(*labelled(4), {"text": "a", "label": {"name": "good"}}), "row 5 (line 5)", TextClassification()
    ),
    bad(
        "a.json",
        json.dumps([{"text": "a", "label": {"id": 1}}, {"text": "b", "label": {"id": 2}}]),
        ("row 1 (line 1)", "row 2 (line 1)"),
        TextClassification(),
    ),
    bad("a.parquet", parquet([{"text": "a", "label": {"x": "y"}}]), "row 1 (line 1)", SINGLE),
)
kind(
    "a list where one label is expected",
    "the label \\[.*\\] is not one label",
    "give one, or set task.kind=multi",
    bad("a.jsonl", lines(*labelled(4), {"text": "a", "label": ["good", "bad"]}), "row 5 (line 5)", SINGLE),
    bad("a.json", json.dumps([*labelled(4), {"text": "a", "label": []}], indent=0), "row 5 (line 18)", SINGLE),
    bad(
        "a.parquet",
        parquet([{"text": "a", "label": ["x"]}, {"text": "b", "label": ["y"]}]),
        ("row 1 (line 1)", "row 2 (line 2)"),
        SINGLE,
    ),
)
kind(
    "a list in a test file beside single labels",
    "the label is a list, and training has one label a row",
    "give one label, or set task.kind=multi",
    bad(
        "test.jsonl",
        lines(*labelled(4), {"text": "a", "label": ["good"]}),
        "row 5 (line 5)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
    bad(
        "dev.jsonl",
        lines({"text": "坏", "label": ["bad"]}, *labelled(4)),
        "row 1 (line 1)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
    bad(
        "test.csv",
        HEAD + rows(4) + 'x,"[""good""]"\n',
        "row 5 (line 6)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
)
kind(
    "one class only",
    "every row has the one label '(gut|1|bad|good|x(, y)?)': there is nothing to learn",
    "give rows with other labels too \\(a file that is sorted by them may have been cut off\\), or name the right column: "
    "data.columns.label=NAME",
    bad("a.csv", HEAD + "".join(f"Satz Nummer {i},gut\n" for i in range(40))),
    bad("a.jsonl", lines(*({"text": f"text {i}", "label": 1} for i in range(40)))),
    bad("train.csv", HEAD + "a,1\nb,1\n", source="", beside={"dev.csv": HEAD + "c,1\n", "test.csv": HEAD + "d,1\n"}),
    bad("train.csv", HEAD + rows(30), source="", beside=SPLITS, max_rows=1),
    bad("a.jsonl", lines(*({"text": f"text {i}", "label": ["x"]} for i in range(40)))),
    bad("a.csv", HEAD + "".join(f"text number {i},x\n" for i in range(40)), task=TextClassification(kind="multi")),
    bad("a.parquet", parquet([{"text": f"句子{i}", "label": ["x", "y"]} for i in range(40)])),
)
kind(
    "a scale on which every row stands at one place",
    "every row has the one label '(3.5|0)': there is nothing to learn",
    "give rows with other labels too .*",
    bad("a.csv", "text,score\n" + "".join(f"text {i},3.5\n" for i in range(40)), task=REGRESSION),
    bad("a.csv", "text,score\n" + "".join(f"text {i},3.5{'0' * (i % 3)}\n" for i in range(40)), task=REGRESSION),
    bad("a.jsonl", lines(*({"text": f"文{i}", "score": 0} for i in range(40))), task=REGRESSION),
)
kind(
    "a class that training never saw",
    "the label '.*' is not among those seen in training \\(.*\\)(: 2 rows)?",
    "(did you mean '.*'\\? )?mend the label, or add training rows that have it",
    bad(
        "test.csv",
        HEAD + rows(4) + "a b,goood\n",
        "row 5 (line 6)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
    bad(
        "dev.csv",
        HEAD + rows(4) + "a b,好\nc d,好\n",
        "rows 5, 6 (lines 6, 7)",
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
    bad(
        "test.conll",
        "Rom B-loc\nbrennt O\n\n",
        "row 1 (line 1)",
        source="",
        beside={"train.conll": WORDS * 9, "dev.conll": WORDS},
    ),
    bad(
        "test.jsonl",
        lines(*labelled(4), {"text": "a", "label": "x"}, {"text": "b", "label": "y"}),
        ("row 5 (line 5)", "row 6 (line 6)"),
        source="",
        beside={"train.csv": HEAD + rows(30, 50)},
    ),
)
kind(
    "a target that is no number",
    "the target '.*' is not a number",
    "give a finite number",
    bad(
        "a.csv",
        "text,score\n" + "".join(f"text {i},{i / 7:.3f}\n" for i in range(9)) + "a b,sehr gut\n",
        "row 10 (line 11)",
        REGRESSION,
    ),
    bad("a.csv", "text,score\na,1.5\nb,NaN\nc,2\nd,inf\n", ("row 2 (line 3)", "row 4 (line 5)"), REGRESSION),
    bad("a.jsonl", lines({"text": "a", "score": 1.5}, {"text": "b", "score": "3,5"}), "row 2 (line 2)", REGRESSION),
)
kind(
    "a target that is no number among others, unasked",
    "the target '.*' is not a number, the others are",
    "mend the row, or set task.kind=single",
    bad(
        "train.csv",
        "text,score\n" + "".join(f"text {i},{i / 7:.3f}\n" for i in range(40)) + "a b,gut\n",
        "row 41 (line 42)",
        source="",
        beside={"dev.csv": "text,score\na,1.5\n", "test.csv": "text,score\nb,1.5\n"},
    ),
    bad(
        "train.tsv",
        "text\tscore\na\tn/a\n" + "".join(f"text {i}\t{i / 7:.3f}\n" for i in range(40)),
        "row 1 (line 2)",
        source="",
        beside={"dev.csv": "text,score\na,1.5\n", "test.csv": "text,score\nb,1.5\n"},
    ),
    bad(
        "train.jsonl",
        lines(*({"text": f"文{i}", "score": i / 7} for i in range(40)), {"text": "x", "score": "无"}),
        "row 41 (line 41)",
        source="",
        beside={"dev.csv": "text,score\na,1.5\n", "test.csv": "text,score\nb,1.5\n"},
    ),
)
kind(
    "words in a test file beside a scale",
    "the target '.*' is no number, and training has a scale(: 2 rows)?",
    "mend the row, or set task.kind=single",
    bad(
        "test.csv",
        "text,score\na,gut\n",
        "row 1 (line 2)",
        source="",
        beside={"train.csv": "text,score\n" + "".join(f"text {i},{i / 7:.3f}\n" for i in range(40))},
    ),
    bad(
        "dev.csv",
        "text,score\na,1.5\nb,4/5\nc,4/5\n",
        "rows 2, 3 (lines 3, 4)",
        source="",
        beside={"train.csv": "text,score\n" + "".join(f"text {i},{i / 7:.3f}\n" for i in range(40))},
    ),
    bad(
        "test.jsonl",
        lines({"text": "a", "score": "x"}, {"text": "b", "score": "y"}),
        ("row 1 (line 1)", "row 2 (line 2)"),
        source="",
        beside={"train.csv": "text,score\n" + "".join(f"text {i},{i / 7:.3f}\n" for i in range(40))},
    ),
)
kind(
    "a weight that is no weight",
    "the weight .* is not a positive number",
    "give a number above 0",
    bad("a.csv", "text,label,w\na b,x,1\nc d,y,0\ne f,x,2\n", "row 2 (line 3)", weight_column="w"),
    bad(
        "a.csv",
        "text,label,w\na b,x,-1\nc d,y,1\ne f,x,viel\n",
        ("row 1 (line 2)", "row 3 (line 4)"),
        weight_column="w",
    ),
    bad(
        "a.jsonl",
        lines({"text": "a", "label": "x", "w": True}, {"text": "b", "label": "y", "w": [1]}),
        ("row 1 (line 1)", "row 2 (line 2)"),
        weight_column="w",
    ),
)

UNIT = TextClassification()
kind(
    "lists and single labels in one column",
    "the label (is a list, and \\d+ other rows have one label each|stands alone, and \\d+ other rows have lists of them)"
    "(: \\d rows)?",
    "write all labels as lists .*, or one a row; task.kind=multi reads one alone as a list",
    bad("a.jsonl", lines(*labelled(20), {"text": "a", "label": ["good", "new"]}), "row 21 (line 21)"),
    bad(
        "train.jsonl",
        lines(
            *({"text": f"t {i}", "label": [("bad", "good")[i % 2]]} for i in range(20)), {"text": "a", "label": "x, y"}
        ),
        "row 21 (line 21)",
        source="",
        beside=SPLITS_OF_LISTS,
    ),
    bad(
        "train.csv",
        HEAD + rows(9) + "".join(f'text {i},"[""good""]"\n' for i in range(3)),
        "rows 10, 11, 12 (lines 11, 12, 13)",
        source="",
        beside=SPLITS_OF_LISTS,
    ),
)
kind(
    "no name in a list of labels",
    "(label|tag|word) \\d is (\\{.*\\}|\\[.*\\]), not a name",
    'write names alone, as in \\["a", "b"\\]',
    bad("a.jsonl", lines({"text": "a", "label": ["x", {"a": 1}]}, {"text": "b", "label": ["x"]}), "row 1 (line 1)"),
    bad("a.json", json.dumps([{"text": "a", "label": [["x"]]}, {"text": "b", "label": ["x"]}]), "row 1 (line 1)", UNIT),
    bad("a.csv", HEAD + 'a b,"[{""id"": 1}]"\nc d,"[""x""]"\n', "row 1 (line 2)"),
    bad("a.jsonl", lines({"tokens": ["a", "b"], "tags": ["O", {"tag": "B-x"}]}), "row 1 (line 1)"),
    bad("a.jsonl", lines({"tokens": ["a", ["b"]], "tags": ["O", "B-x"]}), "row 1 (line 1)"),
)
kind(
    "nothing in a list of labels",
    "(label|tag) \\d is empty",
    "fill it in, or delete the row",
    bad("a.jsonl", lines({"text": "a", "label": ["x", None]}, {"text": "b", "label": ["x"]}), "row 1 (line 1)"),
    bad("a.parquet", parquet([{"text": "a", "label": ["x", ""]}, {"text": "b", "label": ["y"]}]), "row 1 (line 1)"),
    bad("a.jsonl", lines({"tokens": ["a", "b"], "tags": ["O", None]}), "row 1 (line 1)"),
)

kind(
    "a label column that is really an id",
    "\\d+ of \\d+ labels in the column '(label|Klasse|category)' are different: it looks like an id, or a text",
    "name the right column: data.columns.label=NAME",
    bad("a.csv", HEAD + "".join(f"text {i},row-{i}\n" for i in range(40))),
    bad("a.jsonl", lines(*({"text": f"第{i}条", "category": i} for i in range(30)))),
    bad(
        "a.csv",
        "text,Klasse\n" + "".join(f"Satz {i},Das ist Satz {i}\n" for i in range(25)),
        columns={"label": "Klasse"},
    ),
)
kind(
    "ten classes with one row each",
    "\\d+ rows have 10 different labels: most would have nothing to be measured with",
    "give two rows of each at least, or merge labels; if '(label|class)' is another column than meant: "
    "data.columns.label=NAME",
    bad("a.csv", HEAD + "".join(f"text {i},{name}\n" for i, name in enumerate("abcdefghij"))),
    bad("a.jsonl", lines(*({"text": f"第{i}条", "class": f"类{i % 10}"} for i in range(12)))),
    bad("a.tsv", "text\tlabel\n" + "".join(f"Satz {i}\tk{i % 10}\n" for i in range(19))),
)

# ------------------------------------------------------------------------------------------------------ too few rows

kind(
    "too few rows to split",
    "\\d rows? (is|are) too few to make a (test|validation) split of them( \\(\\d different, for equal and nearly equal .*\\))?",
    "give more rows, or a (test|validation) file; a text's documents are separated by blank lines or <\\|endoftext\\|>",
    bad("a.txt", "One document only.\nIt has two lines.\n"),
    bad("a.csv", HEAD + rows(2)),
    bad("a.jsonl", lines({"text": "同", "label": "x"}, {"text": "同", "label": "y"}, {"text": "同", "label": "x"})),
    bad("a.csv", HEAD + rows(30), max_rows=2),
    bad("a.conll", WORDS),
)

# ------------------------------------------------------------------------------------------------- files and folders

kind(
    "a path that leads nowhere",
    "there is no such file or folder",
    "check the path; a hub data set is hf:NAME",
    bad("here.csv", HEAD, "=FOLDER/there.csv", source="there.csv"),
    bad("here.csv", HEAD, "=FOLDER/no/such/folder", source="no/such/folder"),
    bad("here.csv", HEAD, "=FOLDER/here.csv/inside", source="here.csv/inside"),
    bad("here.csv", HEAD, "=FOLDER/数据.csv", source="数据.csv"),
    bad("here.csv", HEAD, "=FOLDER/" + "x" * 300, source="x" * 300),
    bad("here.csv", HEAD, "=FOLDER/there.csv", train="FOLDER/there.csv"),
    bad("here.csv", HEAD, "=FOLDER/" + "字" * 300, train="FOLDER/" + "字" * 300),
)
kind(
    "a named file that leads nowhere",
    "the file does not exist",
    "check the path",
    bad("train.csv", HEAD + rows(), "=data.test=FOLDER/none.csv", source="", test="FOLDER/none.csv"),
    bad(
        "train.csv",
        HEAD + rows(),
        ("=data.validation=FOLDER/a.csv", "=data.test=FOLDER/b.csv"),
        source="",
        validation="FOLDER/a.csv",
        test="FOLDER/b.csv",
    ),
    bad("a.csv", HEAD + rows(), "=data.validation=FOLDER/无.csv", validation="FOLDER/无.csv"),
)
kind(
    "a link that leads nowhere",
    "the link leads to a file that does not exist",
    "mend it: ls -l .*",
    bad("a.csv", lambda path: path.symlink_to("gone.csv")),
    bad(
        "train.csv",
        HEAD + rows(),
        "=data.test=FOLDER/t.csv",
        source="",
        test="FOLDER/t.csv",
        beside={"t.csv": lambda path: path.symlink_to("gone.csv")},
    ),
    bad("b.csv", lambda path: path.symlink_to("c.csv"), beside={"c.csv": lambda path: path.symlink_to("d.csv")}),
)
kind(
    "links that lead in a circle",
    "the file cannot be read: Too many levels of symbolic links",
    "check the path and the disk",
    bad("a.csv", lambda path: path.symlink_to("a.csv")),
    bad("a.csv", lambda path: path.symlink_to("b.csv"), beside={"b.csv": lambda path: path.symlink_to("a.csv")}),
    bad(
        "a.csv",
        HEAD + rows(),
        "=data.test=FOLDER/t.csv",
        test="FOLDER/t.csv",
        beside={"t.csv": lambda path: path.symlink_to("t.csv")},
    ),
)
kind(
    "a pipe",
    "this is a pipe, a socket or a device, not a file",
    "save the rows in a file; `whet predict RUN -` reads standard input",
    bad("a.csv", lambda path: os.mkfifo(path)),
    bad("here.csv", HEAD, "=/dev/null", source="/dev/null"),
    bad("a.csv", HEAD + rows(), "=data.test=/dev/null", test="/dev/null"),
)
kind(
    "a folder where a file is expected",
    "this is a folder, not a file",
    "give one file",
    bad("a.csv", HEAD + rows(), "=data.test=FOLDER/more", test="FOLDER/more", beside={"more/x.csv": HEAD}),
    bad("a.csv", HEAD + rows(), "=data.validation=FOLDER", validation="FOLDER"),
    bad("a.csv", HEAD + rows(), "=FOLDER", source="", train="FOLDER"),
)
kind(
    "a name too long for any file",
    "the file cannot be read: File name too long",
    "check the path and the disk",
    bad("a.csv", HEAD + rows(), "=data.test=FOLDER/" + "x" * 300, test="FOLDER/" + "x" * 300),
    bad("a.csv", HEAD + rows(), "=data.validation=FOLDER/" + "字" * 100, validation="FOLDER/" + "字" * 100),
    bad("train.csv", HEAD, "=data.validation=FOLDER/" + "x" * 999, source="", validation="FOLDER/" + "x" * 999),
)
kind(
    "a folder in which nothing is named train",
    "no file's name says that it holds the training rows; found .*",
    "name one file train, or set data.train",
    bad("more", lambda path: path.mkdir(), "=FOLDER/more"),
    bad("cat.png", PNG, "=FOLDER", source="", beside={"dog.jpg": b"\xff\xd8\xff"}),
    bad("one.csv", HEAD, "=FOLDER", source="", beside={"two.csv": HEAD}),
    bad("test.csv", HEAD + rows(), "=FOLDER", source=""),
    bad("readme.md", "# 数据", "=FOLDER", source=""),
)
kind(
    "two files for one split",
    "2 files claim the split (train|test|validation): .*, .*",
    "set data.(train|test|validation)",
    bad("train.csv", HEAD + rows(), "=FOLDER", source="", beside={"train.jsonl": lines(*labelled())}),
    bad("train.csv", HEAD + rows(), "=FOLDER", source="", beside={"val.csv": HEAD + rows(), "dev.csv": HEAD + rows()}),
    bad("train.csv", HEAD + rows(), "=FOLDER", source="", beside={"a-test.tsv": "a\tb\n", "b-test.tsv": "a\tb\n"}),
)
kind(
    "shards that are missing",
    "\\d of \\d shards are missing: .*",
    "fetch them too, or give this one another name",
    bad("train-00000-of-00002.parquet", parquet(labelled())),
    bad("train-00000-of-00003.csv", HEAD + rows(), beside={"train-00002-of-00003.csv": HEAD + rows()}),
    bad("a-0-of-4.jsonl", lines(*labelled())),
)
