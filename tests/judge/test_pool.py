"""The pool's ranking: doubt first, no two alike, in bounded memory, labels not looked at, faults before training."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tasks import tiny_models
from whet.assemble.model import Model
from whet.assemble.nearest import drawn, neighbours
from whet.assemble.predictor import Predictor
from whet.core.errors import DataError
from whet.judge import pool
from whet.prepare.prints import text_prints
from whet.tasks.contract import TASKS, Example, Limits, Pair, Prediction, Schema

TASK, SINGLE = TASKS["text-classification"](), Schema("single", ("bad", "good"))
COPIED = "the same old story"
WORDS = ("cat", "ship", "tower", "letter", "bread", "song", "river", "stone")


class Doubting:
    """A tiny model's states, and answers whose doubt stands in the text: ``... 90`` is a margin of 0.1."""

    def __init__(self, schema: Schema = SINGLE) -> None:
        engine = tiny_models.engine(TASK.head(schema))
        self.model = Model(
            engine, tiny_models.tokenizer(), TASK, schema, Limits(32, "head"), None, "family", 512,
            {"text": "text", "label": "label"},
        )  # fmt: skip

    def pairs(self, split):
        assert all(example.target is None for example in split.examples), "a label was looked at"
        for example in split.examples:
            share = 1 - int(example.inputs[0].split()[-1]) / 200
            yield Pair(example, Prediction("good", {"bad": 1 - share, "good": share}))


@pytest.fixture(scope="module")
def doubting():
    return Doubting()


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def ranked(doubting, path, kept=pool.KEPT, heard=None):
    tell = (lambda event: None) if heard is None else lambda event: heard.append(event.text)
    return pool.rank(doubting, path, None, "en", tell, kept)


def test_ten_copies_of_the_most_doubtful_row_take_one_rank(doubting, tmp_path):
    rows = [{"text": f"{COPIED} 99"}] * 10 + [
        {"text": f"a {word} by the road {80 + k}"} for k, word in enumerate(WORDS)
    ]
    lines = ranked(doubting, written(tmp_path / "pool.jsonl", rows)).lines
    assert [line["rank"] for line in lines] == list(range(1, 10))
    assert (lines[0]["row"], lines[0]["copies"], lines[0]["doubt"]) == (1, 10, pytest.approx(0.99))
    assert sum(line["text"].startswith(COPIED) for line in lines) == 1


def test_ten_near_copies_do_not_take_the_first_ten_ranks(doubting, tmp_path):
    """By doubt alone all ten of them would come first."""
    story = f"{COPIED} of a house by the sea that nobody in the village has ever wanted to hear a word about"
    near = [{"text": f"{story} {k} 99"} for k in range(10)]
    rows = near + [{"text": f"a {word} by the road {80 + k}"} for k, word in enumerate(WORDS)]
    lines = ranked(doubting, written(tmp_path / "pool.jsonl", rows)).lines
    assert len(lines) == 18 and lines[0]["doubt"] == pytest.approx(0.99)
    assert sum(COPIED in line["text"] for line in lines[:5]) <= 2
    assert [line["score"] for line in lines] == sorted((line["score"] for line in lines), reverse=True)


def test_what_the_model_is_sure_of_comes_last(doubting, tmp_path):
    rows = [{"text": f"a {word} by the road {doubted}"} for word in WORDS for doubted in (0, 90)]
    lines = ranked(doubting, written(tmp_path / "pool.jsonl", rows)).lines
    assert {line["doubt"] > 0.5 for line in lines[: len(WORDS)]} == {True}


def test_only_the_most_doubtful_are_held(doubting, tmp_path):
    rows = [{"text": f"a {WORDS[k % 8]} of {k} days {k % 100}"} for k in range(1500)]
    lines = ranked(doubting, written(tmp_path / "pool.jsonl", rows), kept=30).lines
    assert len(lines) == 30
    assert sorted({line["doubt"] for line in lines}) == pytest.approx([0.98, 0.99])


def test_a_label_in_the_file_is_not_looked_at_and_said(doubting, tmp_path):
    heard: list[str] = []
    path = written(tmp_path / "pool.jsonl", [{"text": f"a {word} 50", "label": "good"} for word in WORDS])
    lines = ranked(doubting, path, heard=heard).lines
    assert [text for text in heard if "its label is not looked at" in text]
    assert all(line["label"] == "good" and "target" not in line for line in lines)


def test_what_stands_in_the_run_already_is_left_out_and_counted(doubting, tmp_path):
    rows = [{"text": f"a {word} by the road {90 - k}"} for k, word in enumerate(WORDS)]
    path = written(tmp_path / "pool.jsonl", rows)
    own = text_prints([Example(1, ("A  Cat by the road 90",)), Example(2, (rows[3]["text"],))])
    found = pool.rank(doubting, path, None, "en", labelled=own)
    assert sorted(line["row"] for line in found.lines) == [2, 3, 5, 6, 7, 8]
    assert (found.finding.evidence["rows"], found.finding.evidence["known"]) == (6, 2)
    assert "2 further rows of it stand in the run's own data already" in found.finding.text
    every = text_prints([Example(k, (row["text"],)) for k, row in enumerate(rows)])
    none = pool.rank(doubting, path, None, "en", labelled=every)
    assert none.lines == [] and "there is none to label" in none.finding.text and none.finding.evidence["known"] == 8


def test_the_finding_names_the_first_rows_and_their_doubt(doubting, tmp_path):
    path = written(tmp_path / "pool.jsonl", [{"text": f"a {word} {90 - k}"} for k, word in enumerate(WORDS)])
    found = ranked(doubting, path)
    assert (found.finding.kind, set(found.finding.splits)) == ("next", {"pool"})
    assert list(found.finding.rows) == [line["row"] for line in found.lines]
    assert found.finding.evidence["mean_doubt"] == pytest.approx(np.mean([line["doubt"] for line in found.lines]))
    assert "pool.jsonl ranks 8" in found.finding.text and "0.865" in found.finding.text
    assert "undecided between good" in found.lines[0]["why"]
    assert ["unlike the rows ranked above" in line["why"] for line in found.lines] == [False] + [True] * 7


def test_a_pool_of_one_row_is_told_as_one(doubting, tmp_path):
    found = ranked(doubting, written(tmp_path / "pool.jsonl", [{"text": "a cat 50"}]))
    assert found.finding.text.startswith("Of pool.jsonl only row 1 is left to label: its doubt is ")


def test_a_number_is_ranked_by_its_distance_from_training(tmp_path):
    scale = Schema("regression", scale=(0.0, 1.0))
    predictor = Predictor(Doubting(scale).model)
    known = [Example(k + 1, (f"a {word} by the road",)) for k, word in enumerate(WORDS)]
    near = neighbours(predictor.model, drawn(known, [{}] * len(known), 0))
    rows = [{"text": known[2].inputs[0]}, {"text": "zebras zigzag zealously, 7 times"}]
    lines = pool.rank(predictor, written(tmp_path / "pool.jsonl", rows), near, "en").lines
    assert [line["row"] for line in lines] == [2, 1]
    assert lines[1]["doubt"] == pytest.approx(0, abs=1e-4) and "cosine distance" in lines[0]["why"]


def test_every_row_that_cannot_be_read_is_named_before_training(tmp_path):
    path = written(tmp_path / "pool.jsonl", [{"text": "fine"}, {"text": ""}, {"text": "fine"}, {"text": " "}])
    with pytest.raises(DataError) as told:
        pool.check(path, TASK, {"text": "text"})
    assert [fault.where for fault in told.value.faults] == [f"{path}, row {row}" for row in (2, 4)]


@given(
    arrays.arrays(np.float64, (12, 4), elements=st.floats(-1, 1)),
    arrays.arrays(np.float64, 12, elements=st.floats(0, 1)),
)
def test_farthest_first_takes_each_once_from_the_most_doubtful_on(states, doubts):
    order, scores = pool.farthest_first(states, doubts)
    assert sorted(order) == list(range(12))
    assert doubts[order[0]] == doubts.max() and scores == sorted(scores, reverse=True)
