"""Hub data sets, with the hub replaced: names of classes, missing labels, silence and refusals."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest

from whet.core.errors import DataError
from whet.prepare import hub
from whet.prepare.corpus import prepare
from whet.prepare.options import DataOptions


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
    assert next(hub.lines(part)).cells == {"tokens": ["a", "b"], "tags": ["O", "B-x"], "label": None}


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
