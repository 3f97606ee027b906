"""What a file is, seen before it is read: encodings, gzip, what cannot be opened, how large a row may be."""

from __future__ import annotations

import builtins
import gzip
import io
import os
import pickle
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepare.made_rows import SHARED, write
from whet.core.errors import DataError
from whet.prepare.readers import _bytes
from whet.prepare.readers._bytes import unpacked
from whet.prepare.readers._caps import LONGEST_ROW, MOST_COLUMNS
from whet.prepare.readers._languages import is_chinese, is_western
from whet.prepare.readers.contract import files_of, look, read

CHINESE = "text,label\n房间很大，服务也不错。,1\n早餐一般，不会再来住了。,0\n"
GERMAN = "text,label\nDie Brötchen waren süß und größer,1\nÜberall Müll – „schön“ ist anders,0\n"
FRENCH = "text,label\nLe café était très bon,1\nOù est l’âme de ce château déçu ?,0\n"
KOREAN = "text,label\n이 영화는 정말 재미있었습니다,1\n다시 보고 싶은 작품이다,0\n"
JAPANESE = "text,label\nこの映画はとても面白かったです,1\nもう一度見たい作品です,0\n"
TRADITIONAL = "text,label\n房間很乾淨服務也很好,1\n早餐非常豐富下次還會再來,0\n"
POLISH = "text,label\nZażółć gęślą jaźń i książka była świetna,1\n"
CZECH = "text,label\nPříliš žluťoučký kůň úpěl ďábelské ódy,1\n"
HUNGARIAN = "text,label\nŐszintén szólva nőtt a bőröm tőle, űrlap,1\n".replace(", űrlap", " űrlap")
RUSSIAN = "text,label\nЭто очень хороший фильм,1\n"


def cells(path: Path) -> list[dict]:
    lines = list(read(path))
    assert not [line.fault for line in lines if line.fault]
    return [line.cells for line in lines]


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (GERMAN, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-32", "utf-32"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "gb2312", "gb18030"),
        (CHINESE + "🙂很好的,1\n", "gb18030", "gb18030"),
        (TRADITIONAL, "gbk", "gb18030"),
        (GERMAN, "cp1252", "cp1252"),
        (FRENCH.replace("’", "'"), "latin-1", "cp1252"),
        (FRENCH, "cp1252", "cp1252"),
    ],
)
def test_encodings_are_found_read_and_said(text, encoding, found, tmp_path):
    seen = look(write(tmp_path / "x.csv", text.encode(encoding)))
    assert (seen.entry, seen.encoding) == ("csv", found)
    assert ["read as" in note for note in seen.notes] == [True] * (found != "utf-8")
    assert cells(tmp_path / "x.csv") == cells(write(tmp_path / "y.csv", text))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TRADITIONAL, "big5"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "euc_kr"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859-2"),
        (CZECH, "cp1250"),
        (HUNGARIAN, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (GERMAN.replace("–", "-").replace("„", "").replace("“", ""), "cp850"),
        (FRENCH, "mac_roman"),
    ],
)
def test_what_cannot_be_decided_is_refused_with_its_line(text, encoding, tmp_path):
    with pytest.raises(DataError, match=r"x\.csv, line 2: byte 0x.* is not UTF-8, and the file is neither[\s\S]*iconv"):
        look(write(tmp_path / "x.csv", text.encode(encoding)))


def test_what_else_an_encoding_can_be_is_named(tmp_path):
    with pytest.raises(DataError, match=r"it decodes as .*big5"):
        look(write(tmp_path / "x.csv", TRADITIONAL.encode("big5")))


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (
            [b"f\xc3\xbcr,1", b"sch\xc3\xb6n,1", "größe,1".encode("latin-1")],
            "line 4: the line reads as CP1252, while 2",
        ),
        (
            ["房间很好,1".encode(), b"a,1", "服务不好,1".encode("gbk")],
            "line 4: the line reads as GB18030, while 1 other",
        ),
        (
            ["房间很好,1".encode("gbk")] * 2 + ["服务不好的,1".encode()],
            "line 4: the line is UTF-8, while 2 others are GB",
        ),
        (["房间很好,1".encode("gbk")] * 2 + ["für schön,1".encode()], "line 4: the line is UTF-8, while 2 others"),
        (["房间很好,1".encode(), "größe,1".encode("latin-1")], "line 3: the line reads as CP1252, while 1 other"),
        (["这个房间很好,1".encode("gbk")] * 200 + [b"\xff\xff,1"], "line 202: the file reads as GB18030 but for this"),
    ],
)
def test_two_encodings_in_one_file_are_refused_at_the_line_that_differs(rows, match, tmp_path):
    with pytest.raises(DataError, match=match):
        look(write(tmp_path / "x.csv", b"text,label\n" + b"\n".join(rows) + b"\n"))


def test_a_character_that_is_utf8_by_chance_does_not_mix_a_file(tmp_path):
    """没 and 忙 in GB18030 are û and æ in UTF-8."""
    path = write(tmp_path / "x.csv", "text,label\n房间很好,1\n没,0\n忙,0\n".encode("gbk"))
    assert [row["text"] for row in cells(path)] == ["房间很好", "没", "忙"]


def test_the_whole_file_is_judged(tmp_path):
    path = write(tmp_path / "x.csv", "text,label\n" + "plain words,1\n" * 100_000 + "房间很好,1\n")
    path.write_bytes(path.read_bytes().decode().encode("gbk"))
    assert cells(path)[-1]["text"] == "房间很好"
    with pytest.raises(DataError, match="line 100002: byte 0xff"):
        look(write(path, b"text,label\n" + b"plain words,1\n" * 100_000 + b"\xff\xfe\xff,1\n"))


def test_a_json_document_on_one_line_is_cut_between_characters(tmp_path):
    text = "[" + ",".join('{"text":"这是一个很好的房间，我们都喜欢"}' for _ in range(40_000)) + "]"
    path = write(tmp_path / "x.json", text.encode("gbk"))
    assert look(path).encoding == "gb18030" and len(cells(path)) == 40_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data sets")
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-16", "utf-16-be"])
def test_real_chinese_reviews_in_other_encodings_are_the_same_rows(encoding, tmp_path):
    text = (SHARED / "chnsenticorp" / "dev.tsv").read_text("utf-8").encode("gbk", "ignore").decode("gbk")
    whole = cells(write(tmp_path / "x.tsv", text))
    assert len(whole) > 1000 and cells(write(tmp_path / "y.tsv", text.encode(encoding))) == whole
    with pytest.raises(DataError, match="decodes as big5"):
        look(write(tmp_path / "z.tsv", text.encode("big5", "ignore")))


@pytest.mark.skipif(not (SHARED / "multi30k").is_dir(), reason="needs the shared data sets")
def test_real_german_sentences_in_latin_1(tmp_path):
    text = (SHARED / "multi30k" / "raw" / "val.de").read_text("utf-8").encode("latin-1", "ignore")
    assert look(write(tmp_path / "x.txt", text)).encoding == "cp1252"
    assert "".join(line.cells["text"] for line in read(tmp_path / "x.txt")) == text.decode("latin-1").strip()


def test_judging_a_language():
    assert is_chinese("服务很好") and not is_chinese("乚乛亅亍") and not is_chinese("plain")
    assert is_western("Überall süß") and not is_western("Zaż³ó³æ") and not is_western("ÄãºÃ")


SEVEN_BIT = {
    "iso2022_jp": ("この映画は本当に良かった", "ISO-2022-JP"),
    "iso2022_kr": ("이 영화는 정말 좋았어요", "ISO-2022-KR"),
    "hz": ("这部电影真的很好看，我们都喜欢", "HZ"),
}


@pytest.mark.parametrize("encoding", SEVEN_BIT)
@pytest.mark.parametrize("before", [0, 40_000])
def test_seven_bit_encodings_are_read_by_their_escapes_and_said(encoding, before, tmp_path):
    film, called = SEVEN_BIT[encoding]
    plain = "".join(f"plain row {i},0\n" for i in range(before))
    text = f"text,label\n{plain}{film},1\nplain words,0\n{film} 2,1\n"
    path = write(tmp_path / "a.csv", text.encode(encoding))
    assert path.read_bytes().isascii()
    assert look(path).notes == (f"{path}: read as {called}, since it holds the escapes of that encoding",)
    *_, first, second, third = read(path)
    assert [one.cells["text"] for one in (first, second, third)] == [film, "plain words", f"{film} 2"]


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred\x1b(B\x1b[m,1\n", "{~{x}~},1\n", "~{ab~},1\n", "a ~ b ~~ c,1\n", "\x1b,1\n", "\x1b$B größer,1\n"],
)
def test_what_only_looks_like_an_escape_stays_as_it_is(text, tmp_path):
    path = write(tmp_path / "a.csv", "text,label\n" + text)
    if "ö" in text:
        with pytest.raises(
            DataError, match=r"a.csv, line 2: the line holds an escape of ISO-2022-JP, while others are"
        ):
            look(path)
    else:
        assert look(path).encoding == "utf-8" and next(read(path)).cells["text"] == text.rpartition(",")[0]


def test_escapes_that_lead_nowhere_are_refused_by_name(tmp_path):
    good, called = SEVEN_BIT["iso2022_jp"][0].encode("iso2022_jp"), "the file holds escapes of ISO-2022-JP"
    path = write(tmp_path / "a.csv", b"text,label\n" + good + b",1\nx\x1b$B\x7f\x7f\x1b(B,0\n")
    with pytest.raises(DataError) as error:
        look(path)
    assert str(error.value).startswith(
        f"{path}, line 3: {called}, and this line is not in it\n  cure: save it as UTF-8:"
    )
    path = write(tmp_path / "b.csv", b"text,label\n\x1b$)A\x0e0lP\x0f,1\n")
    with pytest.raises(DataError, match=r"line 2: the file holds escapes of ISO-2022-CN, which is not read"):
        look(path)


@pytest.mark.parametrize(
    "text", ["Vitamin O\n", "I like B-movies\nYou like S-bahnen\n", "{so} it is\n", "[sic] he said\n"]
)
def test_a_few_words_are_no_other_format(text, tmp_path):
    assert look(write(tmp_path / "a.csv", text)).entry == "csv"


def test_a_stream_is_utf8_or_what_its_mark_says():
    rows = "text,label\n你好,1\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert [line.cells for line in read(io.BytesIO(rows.encode(encoding)))] == [{"text": "你好", "label": "1"}]
    with pytest.raises(DataError, match="standard input, line 2: byte 0xc4"):
        list(read(io.BytesIO(rows.encode("gbk"))))
    with pytest.raises(DataError, match="line 2: byte 0xed"):
        list(read(io.StringIO("text,label\n\ud800,1\n")))


PLAIN = b"text,label\n" + b"".join(b"film number %d,%d\n" % (i, i % 2) for i in range(1000))


@pytest.mark.parametrize("name", ["x.csv.gz", "x.CSV.GZ", "x.csv", "x"])
def test_gzip_is_seen_by_its_content_and_the_inner_ending_decides(name, tmp_path):
    path = write(tmp_path / name, gzip.compress(PLAIN))
    assert (look(path).entry, look(path).packed) == ("csv", "gzip")
    assert len(cells(path)) == 1000


def test_several_members_encodings_and_other_formats_in_gzip(tmp_path):
    assert (
        len(cells(write(tmp_path / "a.csv.gz", gzip.compress(PLAIN) + gzip.compress(b"more,1\n") + b"\0" * 512)))
        == 1001
    )
    assert look(write(tmp_path / "b.csv.gz", gzip.compress(CHINESE.encode("gbk")))).encoding == "gb18030"
    assert look(write(tmp_path / "c.jsonl.gz", gzip.compress(b'{"a": 1}\n'))).entry == "json-lines"
    assert look(write(tmp_path / "d.json.gz", gzip.compress(b'[{"a": 1}]'))).entry == "json"


PACKED = gzip.compress(PLAIN)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (PACKED[: len(PACKED) // 2], "end too early"),
        (PACKED[:-4], "end too early"),
        (PACKED[:500] + bytes([PACKED[500] ^ 4]) + PACKED[501:], "damaged"),
        (PACKED + b"garbage", "damaged"),
        (b"\x1f\x8b", "end too early"),
        (gzip.compress(PACKED), "packed twice"),
    ],
)
def test_broken_gzip_is_refused(data, match, tmp_path):
    with pytest.raises(DataError, match=match):
        look(write(tmp_path / "x.csv.gz", data))


def test_a_bomb_is_refused_after_a_few_megabytes(tmp_path):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"a" * (1 << 20)) for _ in range(64)) + packer.flush()
    made = 0
    with pytest.raises(DataError, match="gzip data grow to"):
        for piece in unpacked([bomb], "x"):
            made += len(piece)
            assert len(piece) <= _bytes.PIECE
    assert made < 20 << 20
    with pytest.raises(DataError, match=r"grow to[\s\S]*gunzip"):
        look(write(tmp_path / "x.csv.gz", bomb))


def test_there_is_an_end_to_what_gzip_may_grow_to(monkeypatch):
    monkeypatch.setattr(_bytes, "MOST", 10_000)
    noise = os.urandom(20_000)
    with pytest.raises(DataError, match="grow to"):
        list(unpacked([gzip.compress(noise)], "x"))


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_unpacking_gives_what_was_packed(data, size):
    packed = gzip.compress(data)
    assert b"".join(unpacked([packed[at : at + size] for at in range(0, len(packed), size)], "x")) == data


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00\x00", "xz"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"old Excel[\s\S]*save it as \.xlsx"),
        (b"%PDF-1.4", "PDF"),
        (pickle.dumps({"text": 1}), "never opens"),
    ],
)
def test_what_no_reader_reads_is_called_by_its_name(data, match, tmp_path):
    with pytest.raises(DataError, match=match):
        look(write(tmp_path / "x.csv", data))


def test_what_cannot_be_opened_says_why(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, match in {
        "pipe": "a pipe",
        "link": "the link leads to a file that does not exist",
        "loop": "cannot be read",
        "none": "does not exist",
        "a" * 300: "cannot be read",
        ".": "a folder",
    }.items():
        with pytest.raises(DataError, match=match):
            look(tmp_path / name)
    path = write(tmp_path / "x.csv", "text\na\n")
    seen = look(path)
    path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        list(read(path, entry=seen))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    write(path, "text\na\n")
    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"no permission[\s\S]*chmod"):
        look(path)


def faults(path: Path) -> list[str]:
    try:
        return [str(line.fault) for line in read(path) if line.fault]
    except DataError as error:
        return [str(fault) for fault in error.faults]


def test_a_row_is_no_longer_than_a_book(tmp_path):
    long = "a" * (LONGEST_ROW + 1)
    found = faults(write(tmp_path / "x.csv", f"text,label\na,1\n{long},0\nb,1\nc,d,e\n"))
    assert "line 3: the row has 1,000,002 characters" in found[0] and "line 5: 3 fields" in found[1]
    found = faults(write(tmp_path / "x.jsonl", f'{{"text": "a"}}\n{{"text": ["{long}"]}}\n{{"text": "a"}}\n'))
    assert len(found) == 1 and "row 2 (line 2): the row has 1,000,001 characters" in found[0]
    found = faults(write(tmp_path / "x.json", f'[{{"text": "a"}},\n{{"text": "{long}"}},\n{{"text": 1, "text": 2}}]'))
    assert (
        "row 2 (line 2): the row has more than 1,000,000" in found[0] and "row 3 (line 3): the key 'text'" in found[1]
    )
    assert len(cells(write(tmp_path / "x.txt", f"{long}\n\nb\n"))) == 2


def test_a_line_without_end_is_refused_before_it_is_held(tmp_path):
    for ending in (".csv", ".jsonl", ".txt", ".tsv"):
        with pytest.raises(DataError, match="line 2: the line has more than 8,000,000"):
            list(read(write(tmp_path / f"x{ending}", b"text\n" + b"a" * 9_000_000)))
    with pytest.raises(DataError, match="line 2: a field has more than 8,000,000 characters: a quote"):
        list(read(write(tmp_path / "x.csv", b'text,label\n"' + b"many words\n" * 800_000)))


def test_columns_have_their_most(tmp_path):
    wide = ",".join(["a"] * (MOST_COLUMNS + 1))
    assert "line 3: 10,001 columns" in faults(write(tmp_path / "x.csv", f"text,label\na,b\n{wide}\nc,d\n"))[0]
    with pytest.raises(DataError, match="line 1: 10,001 columns"):
        list(read(write(tmp_path / "x.csv", f"{wide}\na,b\n")))


def test_shards_are_one_table(tmp_path):
    first = write(tmp_path / "train-00000-of-00002.csv", "text,label\na,1\n")
    write(tmp_path / "train-00001-of-00002.csv", "text,label\n好的,0\nc\n".encode("gbk"))
    seen = look(first)
    assert "2 shards are read as one, to train-00001-of-00002.csv" in seen.notes[0]
    lines = list(read(first))
    assert [line.cells.get("text") for line in lines] == ["a", "好的", None]
    assert "train-00001-of-00002.csv, line 3" in str(lines[2].fault)
    assert [path.name[-12:] for path in files_of(first, "csv")] == ["of-00002.csv"] * 2
    assert len(list(read(tmp_path / "train-00001-of-00002.csv"))) == 2
    (tmp_path / "train-00001-of-00002.csv").unlink()
    with pytest.raises(DataError, match="1 of 2 shards are missing: train-00001"):
        look(first)
