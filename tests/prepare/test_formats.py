"""The field's annotation formats: their rows, what is mended in them, and every fault with its place and cause."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepare.made_rows import write
from whet.core.errors import DataError
from whet.metrics import entities
from whet.prepare.readers import _spans
from whet.prepare.readers._objects import objects
from whet.prepare.readers._shape import shape
from whet.prepare.readers.contract import READERS, Line, look, read
from whet.prepare.readers.parallel import companion, parting
from whet.tasks._words import words_in

FORMATS = ("brat", "doccano", "label-studio", "messages", "parallel", "semeval", "squad")
IN_JSON = ("doccano", "label-studio", "messages", "squad")


def lines_in(text: str | list | dict, entry: str) -> list[Line]:
    text = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
    return list(read(io.StringIO(text, newline="\n"), "x", entry))


def row_of(text: str | list | dict, entry: str) -> Line:
    (line,) = lines_in(text, entry)
    assert line.fault is None, line.fault
    return line


def fault_of(text: str | list | dict, entry: str) -> str:
    (line,) = lines_in(text, entry)
    assert line.fault and not line.cells
    return str(line.fault)


def placed(folder: Path, files: dict[str, str]) -> Path:
    """The files in the folder; the first of them."""
    paths = [write(folder / name, text) for name, text in files.items()]
    return paths[0]


@pytest.mark.parametrize("entry", FORMATS)
def test_the_sample_is_known_by_its_content_and_read(entry, tmp_path):
    sample = READERS[entry].sample()
    files = sample.files or {f"x{READERS[entry].endings[0]}": sample.text}
    path = placed(tmp_path, files)
    assert look(path).entry == entry
    lines = list(read(path))
    assert tuple(line.cells for line in lines) == sample.rows
    assert [(line.fault, line.mended) for line in lines] == [(None, "")] * len(lines)


# --- spans as tags ---------------------------------------------------------------------------------------------------

PIECES = ("李", "雷", "Kyiv", "it's", "a@b.org", "😀", "👩‍🚀", "👍🏽", "ñandú", "3.5", "。", ",", "か", "𫚭")


@st.composite
def marked_texts(draw):
    """A text of words with spaces or none between them, and spans of whole words that do not overlap."""
    pieces = st.tuples(st.sampled_from(PIECES), st.sampled_from(("", " ", "\n"))).map("".join)
    text = "".join(draw(st.lists(pieces, min_size=1)))
    words, spans, at = words_in(text), [], 0
    while at < len(words):
        size = draw(st.integers(0, 3))
        if size:
            last = words[min(at + size, len(words)) - 1]
            spans.append(_spans.Span(words[at][0], last[1], draw(st.sampled_from(("PER", "LOC", "a b")))))
        at += max(1, size)
    return text, words, spans


@given(marked_texts())
def test_spans_of_whole_words_come_back_from_their_tags(made):
    text, words, spans = made
    tagged = _spans.tag(text, spans)
    assert tagged.mended == () and tagged.tokens == [text[start:end] for start, end in words]
    found = [(words[s.start][0], words[s.end - 1][1], s.type) for s in entities.spans(tagged.tags)]
    assert found == [(s.start, s.end, s.label) for s in spans]


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from("XY"))))
def test_any_spans_give_a_tag_a_word_and_no_more_entities_than_spans(text, given_):
    spans = [_spans.Span(start, min(start + size, len(text)), label) for start, size, label in given_]
    spans = [span for span in spans if span.start < span.end]
    tagged = _spans.tag(text, spans)
    assert len(tagged.tags) == len(tagged.tokens)
    found = entities.spans(tagged.tags)
    lost = sum("left out" in said for said in tagged.mended)
    assert len(found) == len(set(spans)) - lost
    assert all(tag == "O" or tag[:2] in ("B-", "I-") for tag in tagged.tags)


def tags_of(text: str, *spans: tuple[int, int, str]) -> tuple[str, tuple[str, ...]]:
    tagged = _spans.tag(text, [_spans.Span(*span) for span in spans])
    return " ".join(tagged.tags), tagged.mended


def test_what_tags_cannot_say_is_mended_and_told():
    assert tags_of("Maria's dog", (0, 5, "P")) == ("B-P O", ("P at 0 to 5 cuts a word: moved out to 0 to 7",))
    assert tags_of("a b c", (0, 3, "X"), (2, 3, "Y")) == (
        "B-X I-X O",
        ("Y at 2 to 3 overlaps a longer span and is left out",),
    )
    assert tags_of("a b c", (2, 3, "Y"), (2, 5, "X"))[0] == "O B-X I-X"
    assert tags_of("a b", (0, 1, "X"), (0, 1, "X")) == ("B-X O", ("a span is marked twice",))
    assert tags_of("a Maria", (4, 7, "P")) == ("O B-P", ("P at 4 to 7 cuts a word: moved out to 2 to 7",))
    assert tags_of("a  b", (1, 3, "X")) == ("O O", ("X at 1 to 3 holds no word and is left out",))
    assert tags_of("a b ", (2, 4, "X")) == ("O B-X", ())


@pytest.mark.parametrize(
    ("start", "end", "label", "said"),
    [
        (0, 99, "P", "lies outside its text of 7 characters; likely cause: the text was changed"),
        (6, 8, "P", "likely cause: numbers that count UTF-16 units"),
        (6, 12, "P", "likely cause: numbers that count bytes"),
        (-1, 2, "P", "lies outside"),
        (3, 3, "P", "ends before it begins, or is empty"),
        (1, 2, "P", "holds white space only"),
        ("0", 2, "P", "expected two whole numbers"),
        (True, 2, "P", "expected two whole numbers"),
        (0, 2, "", "has no label"),
        (0, 2, None, "has no label"),
    ],
)
def test_a_span_that_cannot_be_is_a_fault_with_its_likely_cause(start, end, label, said):
    assert said in _spans.wrong("a 李😀 Bo", start, end, label)
    assert _spans.wrong("a 李😀 Bo", 2, 4, "P") == ""


@pytest.mark.parametrize(
    ("text", "start", "piece", "found"),
    [
        ("𫚭，俗名", 3, "俗名", (2, "UTF-16 units")),
        ("李雷 met Bo", 11, "Bo", (7, "bytes of UTF-8")),
        ("a\r\nb\r\nBo", 4, "Bo", (6, "characters, each line end as one")),
        ("a\nBo", 0, "a Bo", (0, "")),
        ("Bo and Bo", 7, "Bo", (7, "")),
        ("Bo and Bo", 6, "Bo", None),
        ("Bo", -1, "Bo", None),
        ("Bo", 7, "Bo", None),
        ("😀 Bo", 1, "x", None),
    ],
)
def test_a_piece_is_found_where_another_way_of_counting_leads_to_it_and_nowhere_else(text, start, piece, found):
    assert _spans.place(text, start, piece) == found


# --- JSON: objects one after the other -------------------------------------------------------------------------------

value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",)), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab[]{},"\\ :', max_size=3), inner, max_size=3),
    max_leaves=9,
)


@given(
    st.lists(st.dictionaries(st.text('k,]}"', max_size=3), value, max_size=3), max_size=5),
    st.integers(1, 40),
    st.booleans(),
)
def test_an_array_is_cut_into_its_objects_wherever_the_pieces_end(rows, size, pretty):
    text = json.dumps(rows, ensure_ascii=False, indent=1 if pretty else None)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = list(objects(iter(pieces), "x"))
    assert [cells for _, _, cells in found] == rows
    decoder, at = json.JSONDecoder(), 1
    for line, _, _ in found:
        at += len(text[at:]) - len(text[at:].lstrip(" \n,"))
        assert line == text.count("\n", 0, at) + 1
        at = decoder.raw_decode(text, at)[1]


def test_blank_lines_before_an_array_are_no_matter():
    assert list(objects(iter(["\n", " \n", '[{"a": 1}]']), "x")) == [(3, "x, row 1 (line 3)", {"a": 1})]


def test_a_broken_object_does_not_hide_those_after_it():
    text = '[{"a": 1},\n{"a": NaN}, {"a": 1, "a": 2},\n{"a" 1}, [2], {"a": "\\ud800"}, {"a": 3}]'
    found = [str(cells) if not isinstance(cells, dict) else cells for _, _, cells in objects(iter([text]), "x")]
    assert found[0] == {"a": 1} and found[6] == {"a": 3} and len(found) == 7
    expected = ("NaN is not JSON", "'a' comes twice", "at character 6 of the row", "found a list", "surrogate")
    assert all(said in fault for said, fault in zip(expected, found[1:6], strict=True))
    assert "x, row 4 (line 3)" in found[3]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2', '[{"a": "b}]', "[] {}", '[{"a": 1},]'])
def test_an_array_must_end_where_it_ends(text):
    with pytest.raises(DataError, match="x, line 1: "):
        list(objects(iter([text]), "x"))


def test_the_shape_of_a_beginning_that_breaks_off_anywhere():
    text = '[{"a": "x", "b": [{"c": [1, "2", [null]], "d": {"e": true}}, {"f": {}}], "g": 1}]'
    whole = shape(text)
    assert whole["a"] == {"text"} and whole["b[].c[]"] == {"number", "text", "array"} and whole["b[].d.e"] == {"bool"}
    assert whole["b[].f"] == {"object"} and whole["g"] == {"number"} and whole["b[].c[][]"] == {"null"}
    assert shape(text[1:-1] + "\n" + text[1:-1]) == whole
    for end in range(len(text)):
        assert shape(text[:end]).keys() <= whole.keys()


@pytest.mark.parametrize("opens", ["[", '{"a":', '[{"a":'])
def test_the_paths_of_a_beginning_do_not_grow_with_its_brackets(opens):
    """Ten thousand levels had paths of twenty thousand letters, and took six seconds."""
    assert max(map(len, shape('{"b":' + opens * 10_000))) < 500


@pytest.mark.parametrize("entry", IN_JSON)
def test_whatever_stands_in_the_objects_the_answer_is_rows_and_faults(entry):
    """Values of a good file are replaced by others, one after the other and two at a time."""
    whole = json.loads(READERS[entry].sample().text)
    others = (None, True, 3, -1, "", "x", [], ["x"], [[1]], {}, {"x": 1})
    draw = random.Random(1)

    def places(node, path=()):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            yield (*path, key)
            yield from places(inner, (*path, key))

    tried = [[(path, other)] for path in places(whole) for other in others]
    tried += [[(path, draw.choice(others)) for path in draw.sample([*places(whole)], 2)] for _ in range(300)]
    faulty = 0
    for changes in tried:
        made = copy.deepcopy(whole)
        for path, other in sorted(changes, key=lambda change: -len(change[0])):
            node = made
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = other
        lines = lines_in(made, entry)
        assert all(bool(line.cells) != bool(line.fault) for line in lines)
        faulty += any(line.fault for line in lines)
    assert faulty > 20


# --- each format -----------------------------------------------------------------------------------------------------


def squad(context: str, answers: list, **more) -> dict:
    asked = {"id": "q", "question": "?", "answers": answers, **more}
    return {"data": [{"title": "t", "paragraphs": [{"context": context, "qas": [asked]}]}]}


def test_squad_mends_a_place_that_was_counted_otherwise_and_keeps_a_text_without_one():
    found = row_of(squad("𫚭，俗名龙尖", [{"text": "俗名", "answer_start": 3}]), "squad")
    assert found.cells["answers"] == [{"text": "俗名", "start": 2}]
    assert found.mended == "the place of answer 1 counts UTF-16 units: 3 is 2 in characters"
    found = row_of(squad("李雷 met Bo", [{"text": "Bo", "answer_start": 11}]), "squad")
    assert found.cells["answers"] == [{"text": "Bo", "start": 7}] and "bytes" in found.mended
    found = row_of(squad("Bo ran", [{"text": "Bo flew", "answer_start": -1}]), "squad")
    assert found.cells["answers"] == [{"text": "Bo flew", "start": None}] and "no place (-1)" in found.mended


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            squad("Bo ran home", [{"text": "ran", "answer_start": 5}]),
            "'ran' should stand at 5, and 'n h' stands there; it stands at 3",
        ),
        (squad("Bo ran", [{"text": "flew", "answer_start": 99}]), "at 99, and nothing stands there; it stands nowhere"),
        (squad("Bo ran", [{"text": "Bo", "answer_start": "0"}]), "answer_start '0', expected a whole number"),
        (squad("Bo ran", [{"text": "", "answer_start": 0}]), "answer 1 has no text"),
        (
            squad("Bo ran", [{"text": "Bo", "answer_start": 0}], is_impossible=True),
            "is_impossible is true, and there are 1",
        ),
        (squad("Bo ran", [], is_impossible=False), "is_impossible is false, and there are 0"),
        (squad("", []), "no context"),
        ({"data": [{"title": "t"}]}, "article 1 has no paragraphs"),
        (squad("Bo", "Bo"), "answers is no list"),
    ],
)
def test_squad_faults(made, said):
    assert said in fault_of(made, "squad")


def test_squad_names_the_question_and_its_line_and_reads_on():
    made = squad("Bo ran", [{"text": "x", "answer_start": 0}])
    good = {"id": "r", "question": 'why "question": so?', "answers": []}
    made["data"][0]["paragraphs"][0]["qas"].append(good)
    text = json.dumps(made, indent=1)
    starts = [number for number, line in enumerate(text.split("\n"), 1) if '"question":' in line]
    bad, fine = lines_in(text, "squad")
    assert [bad.number, fine.number] == starts and f"x, line {starts[0]} (question q)" in str(bad.fault)
    assert fine.cells["question"] == good["question"]


def test_squad_and_cmrc_are_read_whole(shared_data):
    lines = list(read(shared_data / "squad" / "dev-v1.1.json"))
    assert len(lines) == 10570 and not any(line.fault or line.mended for line in lines)
    for name, count, mended in (("trial", 1002, 5), ("dev", 3219, 176)):
        path = shared_data / "cmrc2018" / "squad-style-data" / f"cmrc2018_{name}.json"
        lines = list(read(path))
        assert look(path).entry == "squad" and len(lines) == count and not any(line.fault for line in lines)
        assert sum(bool(line.mended) for line in lines) == mended
        for line in lines:
            placed_ = [answer for answer in line.cells["answers"] if answer["start"] is not None]
            assert all(line.cells["context"][a["start"] :].startswith(a["text"]) for a in placed_)


BLOCK = '1\t"The <e1>cat</e1> sat on a <e2>mat</e2>."\nOther\nComment: x\n\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</e2>", "", "found the marks <e1> </e1> <e2>, expected each of"),
        ("<e1>cat</e1>", "<e1></e1>", "an entity holds no word"),
        ("<e1>cat</e1> sat on a <e2>mat</e2>", "<e1>cat <e2>mat</e1></e2>", "stand in the order <e1> <e2> </e1> </e2>"),
        ("Other\n", "", "no line with the relation"),
        ("Other", "Cause-Effect(e1,e1)", "expected a name with (e1,e2) or (e2,e1)"),
        ("Comment: x", "Comment: x\ny", "found 2 lines with a relation"),
        ('mat</e2>."', "mat</e2>.", "a quote on one side only"),
        ("1\t", "one ", "expected a number, a tab and a sentence"),
    ],
)
def test_semeval_faults_name_line_and_id_and_reading_goes_on(old, new, said):
    lines = lines_in(
        BLOCK + BLOCK.replace("1\t", "2\t").replace(old, new).replace("2\t", new if old == "1\t" else "2\t") + BLOCK,
        "semeval",
    )
    assert [bool(line.fault) for line in lines] == [False, True, False]
    assert said in str(lines[1].fault) and "x, line 5" in str(lines[1].fault)


def test_semeval_without_labels_and_with_the_second_entity_first():
    (line,) = lines_in('1\t"A <e2>b</e2> c <e1>d e</e1>."\n', "semeval")
    assert (line.cells["text"], line.cells["e1_span"], line.cells["e2_span"]) == ("A b c d e.", [6, 9], [2, 3])
    assert line.cells["relation"] is None
    plain = "".join(f'{number}\t"A <e1>b</e1> c <e2>d</e2>."\n' for number in (1, 2, 3))
    assert [line.cells["id"] for line in lines_in(plain, "semeval")] == ["1", "2", "3"]


def test_semeval_2010_is_read_whole(shared_data):
    for name, count in (("TRAIN_FILE.TXT", 8000), ("TEST_FILE_FULL.TXT", 2717)):
        path = shared_data / "semeval2010-task8" / name
        lines = list(read(path))
        assert look(path).entry == "semeval" and len(lines) == count and not any(line.fault for line in lines)
        for cells in (line.cells for line in lines):
            assert all(cells["text"][slice(*cells[f"{e}_span"])] == cells[e] for e in ("e1", "e2"))


def said_by(*roles: str) -> list[dict]:
    return [{"role": role, "content": f"{role} {place}"} for place, role in enumerate(roles)]


def test_the_three_forms_of_messages_give_the_same_row():
    turns = [{"role": "system", "content": "s"}, *said_by("user", "assistant")]
    openai = row_of({"messages": turns}, "messages").cells
    called = {"user": "human", "assistant": "gpt"}
    shared = [{"from": called[t["role"]], "value": t["content"]} for t in turns[1:]]
    sharegpt = row_of({"conversations": shared, "system": "s"}, "messages").cells
    alpaca = {"instruction": "user", "input": "0", "output": "assistant 1", "system": "s"}
    assert openai == {"messages": turns, "prompt": "user 0", "response": "assistant 1"}
    assert sharegpt == {"system": "s", **openai}
    made = row_of([alpaca], "messages").cells
    assert made["prompt"] == "user\n0" and made["response"] == "assistant 1" and made["instruction"] == "user"
    history = row_of([{**alpaca, "history": [["a", "b"]]}], "messages").cells["messages"]
    assert [turn["role"] for turn in history] == ["system", "user", "assistant", "user", "assistant"]


def test_a_call_is_the_assistants_turn_and_what_comes_back_is_the_tools():
    turns = [("human", "hi"), ("function_call", "{}"), ("observation", "3"), ("gpt", "three")]
    given_ = {"conversations": [{"from": who, "value": what} for who, what in turns], "tools": "[]", "prompt": "own"}
    cells = row_of(given_, "messages").cells
    assert [turn["role"] for turn in cells["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert (cells["tools"], cells["prompt"], cells["input_prompt"]) == ("[]", "hi", "own")
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]}
    line = row_of({"messages": [*said_by("user"), call]}, "messages")
    assert line.cells["response"] == '{"name": "f"}' and "tool call" in line.mended


def test_messages_mend_what_loses_nothing_that_can_be_learnt():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    turns = [
        {"role": "system", "content": ""},
        {"role": "user", "content": parts, "weight": 0},
        *said_by("assistant", "user"),
    ]
    line = row_of({"messages": turns}, "messages")
    assert line.cells["prompt"] == "a\nb" and [turn["role"] for turn in line.cells["messages"]] == ["user", "assistant"]
    for said in (
        "empty system turn",
        "joined by line breaks",
        "left out: weight",
        "after the last answer are left out: 1",
    ):
        assert said in line.mended


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"messages": said_by("user", "narrator")}, "turn 2 has the role 'narrator', expected one of system"),
        ({"messages": said_by("user")}, "no turn is the assistant's: found user"),
        ({"messages": said_by("assistant")}, "no user turn comes before the answer"),
        ({"messages": said_by("tool", "user", "assistant")}, "turn 1 is a tool's, and nobody called"),
        ({"messages": [*said_by("user"), {"role": "assistant", "content": " "}]}, "turn 2 (assistant) is empty"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "part 1 is image_url, not text"),
        ({"messages": [{"role": "user", "content": 3}]}, "turn 1 (user) holds a number, expected a text"),
        ({"messages": "hi"}, "messages is a text, expected a list"),
        ({"messages": ["hi"]}, "turn 1 is a text, expected an object"),
        ({"question": "x"}, "found the keys question; expected messages (OpenAI)"),
        ({"instruction": "a", "output": ""}, "turn 2 (assistant) is empty"),
        ({"instruction": ["a"], "output": "b"}, "instruction is a list, expected a text"),
        ({"instruction": "a", "output": "b", "history": ["c"]}, "history is not a list of pairs"),
        ({"conversations": [], "chosen": {}, "rejected": {}}, "the row compares answers"),
        ({"messages": said_by("user", "assistant"), "label": True}, "the row compares answers"),
    ],
)
def test_messages_faults(cells, said):
    assert said in fault_of(cells, "messages") and "x, line 1" in fault_of(cells, "messages")


def test_the_demo_conversations_are_read_whole_and_preferences_are_plain_rows(shared_data):
    for name, count in (
        ("alpaca_en", 999),
        ("alpaca_zh", 1000),
        ("glaive_toolcall_en", 300),
        ("glaive_toolcall_zh", 300),
    ):
        path = shared_data / "llama-factory-demo" / f"{name}_demo.json"
        lines = list(read(path))
        assert look(path).entry == "messages" and len(lines) == count
        assert not any(line.fault or line.mended for line in lines)
    for name in ("dpo_en", "dpo_zh", "kto_en"):
        path = shared_data / "llama-factory-demo" / f"{name}_demo.json"
        assert look(path).entry == "json" and len(list(read(path))) == 300


def pair(folder: Path, left: str, right: str) -> Path:
    write(folder / "train.de", right)
    return write(folder / "train.en", left)


def test_a_pair_of_files_is_told_by_the_partner(tmp_path):
    path = pair(tmp_path, "one\r\ntwo \u2028 2\n\n", "eins\nzwei\n\n")
    seen = look(path)
    assert seen.entry == "parallel" and "train.de and train.en are read as a pair" in seen.notes[0]
    assert [line.cells for line in read(path)] == [{"de": "eins", "en": "one"}, {"de": "zwei", "en": "two \u2028 2"}]
    write(tmp_path / "test.en.gz", gzip.compress(b"a\n"))
    write(tmp_path / "test.zh-CN.gz", gzip.compress(b"b\n"))
    assert [line.cells for line in read(tmp_path / "test.en.gz")] == [{"en": "a", "zh-CN": "b"}]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a.en", "a.de"), "a.de"),
        (("a.txt.java", "a.txt.cs"), "a.txt.cs"),
        (("a.eng_Latn", "a.deu_Latn"), "a.deu_Latn"),
        (("a.en",), None),
        (("a.en", "a.en.gz"), None),
        (("a.en", "b.de"), None),
        (("a.en", "a.de", "a.fr"), None),
        (("a.en", "a.txt"), None),
        (("a.txt", "a.ann"), None),
        (("a.csv", "a.json"), None),
        (("a.en", "a.md"), None),
    ],
)
def test_a_partner_is_the_only_other_file_with_a_language_for_its_ending(names, expected, tmp_path):
    first = placed(tmp_path, dict.fromkeys(names, "x\n"))
    assert companion(first) == (expected and tmp_path / expected)
    assert (look(first).entry == "parallel") == bool(expected)


def test_sides_of_different_length_are_a_fault_with_both_counts_and_the_place(tmp_path):
    draw = random.Random(0)
    sides = [["x" * draw.randrange(1, 90)] for _ in range(400)]
    texts = ["".join(f"{side[0]}\n" for side in chosen) for chosen in (sides, sides[:100] + sides[101:])]
    *rows, last = read(pair(tmp_path, *texts))
    assert len(rows) == 399 and "train.de has 399 lines and train.en 400; they seem to part near line 10" in str(
        last.fault
    )
    sizes = [len(side[0]) for side in sides]
    assert parting(sizes, sizes[:-5]) == "; the shorter one seems to be cut off at its end"
    assert parting([5] * 9, [5] * 3) == ""


def test_real_pairs_are_read_whole(shared_data):
    assert len(list(read(shared_data / "multi30k" / "raw" / "val.de"))) == 1014
    lines = list(read(shared_data / "codexglue-java-cs" / "valid.java-cs.txt.java"))
    assert len(lines) == 499 and list(lines[0].cells) == ["cs", "java"] and not any(line.fault for line in lines)


def task(*results: dict, text: str = "Bo is in Kyiv", **more) -> dict:
    return {"id": 7, "data": {"text": text, "source": "web"}, "annotations": [{"result": [*results], **more}]}


def choice(*chosen: str, group: str = "mood") -> dict:
    return {"type": "choices", "from_name": group, "to_name": "text", "value": {"choices": [*chosen]}}


def region(start: int, end: int, *labels: str, **more) -> dict:
    return {
        "type": "labels",
        "from_name": "l",
        "to_name": "text",
        "value": {"start": start, "end": end, "labels": [*labels], **more},
    }


def test_label_studio_choices_are_labels():
    found = [line.cells for line in lines_in([task(choice("good")), task(choice("bad")), task()], "label-studio")]
    assert found[0] == {"id": 7, "source": "web", "text": "Bo is in Kyiv", "label": "good"}
    assert [cells["label"] for cells in found] == ["good", "bad", None]
    several = lines_in([task(choice("a", "b")), task(choice("a")), task()], "label-studio")
    assert [line.cells["label"] for line in several] == [["a", "b"], ["a"], []]
    groups = row_of([task(choice("a"), choice("x", group="topic"))], "label-studio").cells
    assert (groups["mood"], groups["topic"]) == ("a", "x") and "label" not in groups


def test_label_studio_spans_are_tags_and_a_task_without_any_is_all_outside():
    first, second = lines_in([task(region(0, 2, "P")), task()], "label-studio")
    assert first.cells["tags"] == ["B-P", "O", "O", "O"] and first.cells["spans"] == [
        {"start": 0, "end": 2, "label": "P"}
    ]
    assert second.cells["tags"] == ["O"] * 4 and second.cells["spans"] == []
    line = row_of([task(region(3, 5, "P", text="Bo"), text="😀 Bo")], "label-studio")
    assert line.cells["spans"] == [{"start": 2, "end": 4, "label": "P"}] and "UTF-16" in line.mended


def test_label_studio_takes_one_annotation_and_tells_who_disagrees():
    made = task(choice("bad"), was_cancelled=True)
    made["annotations"] += [{"result": [choice(name)]} for name in ("good", "bad", "good")]
    line = row_of([made], "label-studio")
    assert line.cells["label"] == "good" and line.mended == "1 of 3 annotations say otherwise than the one taken"
    made["annotations"][2]["ground_truth"] = True
    line = row_of([made], "label-studio")
    assert line.cells["label"] == "bad" and "2 of 3" in line.mended


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (task(choice("a"), was_cancelled=True), "no annotation counts: found 1, 1 of them cancelled"),
        ({"id": 1, "data": {"text": "a"}, "annotations": []}, "no annotation counts: found 0"),
        ({"id": 1, "annotations": []}, "found the keys id, annotations; expected data"),
        (
            task({"type": "rectanglelabels", "value": {"x": 1}}),
            "the annotation holds rectanglelabels; expected choices",
        ),
        (task(region(0, 99, "P")), "lies outside its text of 13 characters"),
        (task(region(0, 2, "P", text="is")), "should hold 'is', and 'Bo' stands there; it stands at 3"),
        (task(region("/p[1]", "/p[1]", "P")), "expected two whole numbers"),
        ({"id": 1, "data": {"a": "x", "b": "y"}, "annotations": [{"result": [choice("c")]}]}, "found a, b"),
        (task(choice("a"), text=""), None),
    ],
)
def test_label_studio_faults(made, said):
    (line,) = lines_in([made], "label-studio")
    assert (said in str(line.fault) and "x, row 1 (line 1)" in str(line.fault)) if said else line.cells["text"] == ""


def test_label_studio_tells_what_it_leaves_out():
    relation = {"type": "relation", "from_id": "a", "to_id": "b"}
    assert row_of([task(region(0, 2, "P", "Q"), relation)], "label-studio").mended == (
        "left out: 1 further labels of a span; left out: 1 relation"
    )


def test_doccano_spans_in_each_of_its_forms():
    entity = {"id": 1, "label": "P", "start_offset": 0, "end_offset": 2}
    relation = {"id": 1, "from_id": 1, "to_id": 1, "type": "is"}
    forms = [{"label": [[0, 2, "P"]]}, {"labels": [[0, 2, "P"]]}, {"entities": [entity], "relations": [relation]}]
    for form in forms:
        cells = row_of({"id": 3, "text": "Bo ran", **form}, "doccano").cells
        assert cells["tags"] == ["B-P", "O"] and cells["id"] == 3 and "label" not in cells and "entities" not in cells
    assert cells["relations"] == [{"type": "is", "from": 1, "to": 1}]


def test_doccano_categories_are_names_where_texts_have_one_each():
    def labels(*given_: list) -> list:
        made = [{"id": 1, "text": "a", "label": one} for one in given_]
        return [line.cells["label"] for line in lines_in("".join(json.dumps(one) + "\n" for one in made), "doccano")]

    assert labels(["a"], ["b"], []) == ["a", "b", None]
    assert labels(["a"], ["a", "b"], []) == [["a"], ["a", "b"], []]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id": 1, "text": "a", "label": ["x"], "Comments": []}', "doccano"),
        ('{"id": 1, "text": "a", "label": [[0, 1, "x"]], "meta": 1}', "doccano"),
        ('{"text": "a", "label": ["x"]}', "json-lines"),
        ('{"id": 1, "text": "a", "label": "x"}', "json-lines"),
        ('{"id": 1, "text": "a", "label": ["x"], "split": "y"}', "json-lines"),
        ('{"messages": "hello", "label": 1}', "json-lines"),
        ('{"instruction": "a", "response": "b"}', "json-lines"),
        ('[{"data": 1, "annotations": 2}]', "json"),
    ],
)
def test_plain_rows_stay_plain_rows(text, expected, tmp_path):
    ending = "json" if text.startswith("[") else "jsonl"
    assert look(write(tmp_path / f"x.{ending}", text + "\n")).entry == expected


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"text": "Bo", "label": [[0, 3, "P"]]}, "P at 0 to 3 lies outside its text of 2 characters"),
        ({"text": "", "label": [[0, 3, "P"]]}, "the text is empty"),
        ({"text": "Bo", "label": [[0, 2]]}, "is neither a list of three nor an object"),
        ({"text": "Bo", "label": None}, "no list of spans: found text, label"),
    ],
)
def test_doccano_faults(made, said):
    good = json.dumps({"text": "Bo", "label": [[0, 2, "P"]]}) + "\n"
    lines = lines_in(good + json.dumps(made) + "\n" + good, "doccano")
    assert [bool(line.fault) for line in lines] == [False, True, False]
    assert said in str(lines[1].fault) and "x, line 2" in str(lines[1].fault)


def test_all_spans_outside_one_text_are_told():
    assert len(lines_in({"text": "Bo", "label": [[0, 3, "P"], [5, 9, "Q"]]}, "doccano")) == 2


def brat(folder: Path, marks: str, text: str = "Bo and Al met in Kyiv") -> list[Line]:
    write(folder / "a.txt", text)
    return list(read(write(folder / "a.ann", marks)))


def test_brat_pieces_relations_and_what_is_left(tmp_path):
    marks = "T1\tP 0 2;7 9\tBo Al\nT2\tL 17 21\tKyiv\nR1\tin Arg1:T1 Arg2:T2\nA1\tNeg T1\n#1\tNote T1\tx\n\n"
    (line,) = brat(tmp_path, marks)
    assert line.cells["tags"] == ["B-P", "I-P", "I-P", "O", "O", "B-L"]
    assert line.cells["spans"][0] == {"id": "T1", "pieces": [[0, 2], [7, 9]], "start": 0, "end": 9, "label": "P"}
    assert line.cells["relations"] == [{"type": "in", "from": "T1", "to": "T2"}]
    assert line.mended == "T1 has 2 pieces and is tagged as one, 0 to 9; left out: 1 attributes; left out: 1 notes"


def test_brat_names_every_fault_with_its_line(tmp_path):
    marks = "T1\tP 0 99\tBo\nT2\tP 0 2\tAl\nfoo\nR1\tin Arg1:T1 Arg2:T9\nT3\tP 0 2;3 6\tBo or\n"
    faults = [str(line.fault) for line in brat(tmp_path, marks)]
    for number, said in (
        (1, "lies outside"),
        (2, "should hold 'Al'"),
        (3, "found 'foo'"),
        (4, "names T9"),
        (5, "should hold"),
    ):
        assert any(f"a.ann, line {number}: " in fault and said in fault for fault in faults), (number, faults)
    assert len(faults) == 5
    (line,) = brat(tmp_path, "T1\tP 3 5\tBo\n", "\r\n\r\nBo")
    assert "outside" not in str(line.fault) and line.fault


def test_a_brat_folder_is_one_source_and_its_texts_without_marks_are_told(tmp_path):
    for name in "ba":
        write(tmp_path / f"{name}.txt", "Bo")
        write(tmp_path / f"{name}.ann", "T1\tP 0 2\tBo\n")
    write(tmp_path / "README.txt", "read me")
    write(tmp_path / "c.ann", "")
    seen = look(tmp_path)
    assert seen.entry == "brat" and "not read: README.txt" in seen.notes[0]
    assert [path.name for path in READERS["brat"]().files(tmp_path)] == ["a.txt", "a.ann", "b.txt", "b.ann"]
    lines = list(read(tmp_path))
    assert [line.cells.get("id") for line in lines] == ["a", "b", None] and "no text c.txt beside it" in str(
        lines[2].fault
    )
