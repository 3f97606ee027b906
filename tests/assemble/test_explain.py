"""One answer explained: a planted word weighs most, a planted copy is nearest, whatever the task's answers are like."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import tiny_models
from whet.assemble.claims import claims, doubt
from whet.assemble.explain import MOST, explain, pieces, without
from whet.assemble.model import Model
from whet.assemble.nearest import MOST as MOST_LEARNT
from whet.assemble.nearest import drawn, neighbours, places
from whet.assemble.predictor import Predictor
from whet.tasks.contract import TASKS, Example, Limits, Pair, Prediction, Schema

TEXTS, TAGS, DOCUMENTS = (
    TASKS[name]() for name in ("text-classification", "token-classification", "language-modeling")
)
SINGLE, SCALE = Schema("single", ("bad", "good")), Schema("regression", scale=(3.0, 2.0))
MANY, BIO = Schema("multi", ("cold", "warm")), Schema("bio", ("O", "B-PER", "I-PER"))
WEIGHTS = {"splendid": 3.0, "dull": -2.0}


def sure(example: Example) -> float:
    """The log-odds of a reader who knows two words."""
    return sum(weight * " ".join(example.inputs).count(word) for word, weight in WEIGHTS.items())


def sorted_by_words(schema: Schema):
    """A reader for each kind of answer, whose claims' scores are sums over words."""

    def answer(examples):
        for example in examples:
            chance = 1 / (1 + math.exp(-sure(example)))
            if schema.kind == "regression":
                yield Prediction(sure(example), None, (sure(example),))
            elif schema.kind == "multi":
                yield Prediction(["warm"], {"cold": 0.2, "warm": chance})
            else:
                yield Prediction("good", {"bad": 1 - chance, "good": chance})

    return answer


def told(schema: Schema, *inputs: str):
    example = Example(1, inputs)
    answer = sorted_by_words(schema)
    (claim,) = explain(TEXTS, schema, [Pair(example, *answer([example]))], answer)[0]
    return claim


@pytest.mark.parametrize("schema", [SINGLE, MANY, SCALE], ids=["one label", "several labels", "a number"])
def test_a_words_weight_is_what_goes_with_it(schema):
    text = "A splendid, if dull, film"
    claim = told(schema, text)
    assert claim.get("of") == {"single": "good", "multi": "warm", "regression": None}[schema.kind]
    assert claim["score"] == pytest.approx(1.0)
    assert all(text[part["start"] : part["end"]] == part["text"] for part in claim["parts"])
    weights = {part["text"]: part["weight"] for part in claim["parts"]}
    assert weights == pytest.approx(
        {"A": 0, "splendid": 3, ",": 0, "if": 0, "dull": -2, "film": 0} | {",": 0}, abs=1e-9
    )


def test_the_words_of_both_texts_of_a_pair():
    claim = told(SINGLE, "A film", "It is splendid")
    assert [(part["input"], part["text"]) for part in claim["parts"]][-1] == ("text_pair", "splendid")
    assert claim["parts"][-1]["weight"] == pytest.approx(3.0)


def test_chinese_is_explained_by_the_character():
    assert [part["text"] for part in told(SINGLE, "电影好")["parts"]] == ["电", "影", "好"]


class Names:
    """Tags Ann where ``Mrs`` stands before her."""

    def __call__(self, examples):
        for example in examples:
            raw = np.tile([4.0, 0.0, 0.0], (len(example.inputs), 1))
            for word, text in enumerate(example.inputs):
                if text == "Ann" and word and example.inputs[word - 1] == "Mrs":
                    raw[word] = [0.0, 5.0, 0.0]
            tags = ["BIO"[0] + "-PER" if row[1] > row[0] else "O" for row in raw]
            entities = [{"type": "PER", "words": [k, k + 1]} for k, tag in enumerate(tags) if tag != "O"]
            yield Prediction(tags, None, raw, {"entities": entities})


def test_an_entity_is_explained_by_the_word_that_makes_it_one():
    example = TAGS.parse({"tokens": "Then Mrs Ann left."}, 1)
    (claim,) = explain(TAGS, BIO, [Pair(example, *Names()([example]))], Names())[0]
    assert (claim["of"], claim["words"]) == ("PER", [2, 3])
    heaviest = max(claim["parts"], key=lambda part: part["weight"])
    assert heaviest["text"] in ("Mrs", "Ann") and heaviest["weight"] > 5
    assert {part["text"]: part["weight"] for part in claim["parts"]}["left"] == pytest.approx(0)
    assert (claim["parts"][1]["start"], claim["parts"][1]["end"]) == (5, 8)


def test_documents_claim_nothing():
    example = Example(1, ("Once upon a time",))
    pair = Pair(example, Prediction({"perplexity": 2.0}, None, (1.0, 2)))
    assert explain(DOCUMENTS, Schema("causal"), [pair], lambda rows: []) == [None]
    assert claims(DOCUMENTS, Schema("causal"), pair.prediction) == []


@given(st.lists(st.text("ab .中", max_size=400), min_size=1, max_size=2), st.booleans())
def test_pieces_are_few_and_hold_every_word_once(inputs, tagged):
    task, schema = (TAGS, BIO) if tagged else (TEXTS, SINGLE)
    example = Example(1, tuple(inputs))
    found = pieces(task, schema, example)
    assert len(found) <= MOST
    covered = [place for piece in found for place in piece.places]
    assert covered == [place for piece in pieces(task, schema, example, 10**6) for place in piece.places]
    for piece in found:
        gone = without(example, piece)
        assert len(gone.inputs) == len(inputs)
        assert sum(map(len, gone.inputs)) < sum(map(len, inputs)) or not any(map(len, inputs)) or tagged


@pytest.mark.parametrize(
    ("task", "schema", "prediction", "expected"),
    [
        (TEXTS, SINGLE, Prediction("good", {"bad": 0.3, "good": 0.7}), 0.6),
        (TEXTS, MANY, Prediction(["warm"], {"cold": 0.0, "warm": 0.75}), 0.25),
        (TEXTS, SCALE, Prediction(3.0, None, (0.0,)), None),
        (TAGS, BIO, Prediction(["O", "O"], None, np.array([[50.0, 0, 0], [0.0, 0, -50]])), 0.5),
        (TAGS, BIO, Prediction(["O", "O"], None, np.array([[50.0, 0, 0], [np.nan] * 3])), 0.0),
        (DOCUMENTS, Schema("causal"), Prediction({}, None, (6.0, 3)), 2.0),
    ],
)
def test_doubt_by_the_kind_of_answer(task, schema, prediction, expected):
    assert doubt(task, schema, prediction) == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.fixture(scope="module")
def model():
    engine = tiny_models.engine(TEXTS.head(SINGLE))
    return Model(engine, tiny_models.tokenizer(), TEXTS, SINGLE, Limits(32, "windows"), None, "family", 512)


ROWS = [f"the {word} was {n} days old" for n, word in enumerate(("cat", "ship", "tower", "letter", "bread", "song"))]


def test_a_near_copy_is_found_first(model):
    rows = [*ROWS, "the tower was 2 days old!"]
    examples = [Example(k + 1, (text,), "good") for k, text in enumerate(rows)]
    originals = [{"text": text, "label": "good"} for text in rows]
    found = neighbours(model, drawn(examples, originals, 0))
    (near,) = found.nearest(places(model, [Example(1, (ROWS[2],))]), 2)
    assert [one["row"] for one in near] == [3, 7]
    assert near[0]["similarity"] == pytest.approx(1, abs=1e-4) and near[0]["similarity"] > near[1]["similarity"]
    assert near[1] | {"similarity": 0} == {
        "row": 7, "text": rows[6], "label": "good", "target": "good", "similarity": 0,
    }  # fmt: skip


def test_a_long_rows_place_does_not_hang_on_its_company(model):
    long = Example(2, (" ".join(ROWS * 3),))
    alone, among = places(model, [long]), places(model, [Example(1, (ROWS[0],)), long])
    assert alone[0] == pytest.approx(among[1], abs=1e-5)
    assert np.linalg.norm(among, axis=1) == pytest.approx(1, abs=1e-5)


def test_of_many_rows_some_are_drawn_the_same_every_time():
    rows = [Example(k + 1, (str(k),)) for k in range(MOST_LEARNT + 10)]
    found = drawn(rows, [{}] * len(rows), 3)
    numbers = [example.row for example in found.examples]
    assert len(numbers) == MOST_LEARNT and found.of == len(rows) and numbers == sorted(set(numbers))
    assert numbers == [example.row for example in drawn(rows, [{}] * len(rows), 3).examples]
    assert numbers != [example.row for example in drawn(rows, [{}] * len(rows), 4).examples]


def test_a_predictor_explains_and_asks_for_the_training_rows_once(model):
    asked = []

    def learnt():
        asked.append(1)
        return drawn([Example(1, (ROWS[0],), "bad")], [{"text": ROWS[0]}], 0)

    told = Predictor(model, learnt).explain([*ROWS, {"text": ROWS[1], "explanation": "mine"}])
    assert asked == [1] and json.dumps(told)
    assert all(row["explanation"]["nearest"][0]["row"] == 1 for row in told[:-1])
    assert told[-1]["explanation"] == "mine" and told[-1]["prediction_explanation"]["claims"]
    plain = Predictor(model).explain(ROWS[0])[0]
    assert "nearest" not in plain["explanation"]
    assert {k: plain[k] for k in plain if k != "explanation"} == Predictor(model).predict(ROWS[0])[0]


def test_one_word_and_a_text_beyond_the_limit_can_be_explained(model):
    (one,) = Predictor(model).explain("splendid")
    assert [part["text"] for part in one["explanation"]["claims"][0]["parts"]] == ["splendid"]
    (long,) = Predictor(model).explain(" ".join(ROWS * 10))
    assert len(long["explanation"]["claims"][0]["parts"]) <= MOST
