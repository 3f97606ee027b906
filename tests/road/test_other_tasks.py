"""Tagging and language modelling walk the same road, on real rows, without a line of it that knows them."""

from __future__ import annotations

import json
import math

import pytest

import stories
import whet
from road.conftest import FAST


@pytest.fixture(scope="module")
def tagged(small, tmp_path_factory, request):
    shared = request.getfixturevalue("shared_data")
    place = tmp_path_factory.mktemp("wnut")
    sentences = (shared / "wnut17" / "wnut17train.conll").read_text("utf-8").split("\n\n")
    (place / "train.conll").write_text("\n\n".join(sentences[:160]) + "\n", "utf-8")
    settings = [*FAST, "data.split_fractions=[0.2,0.2]"]
    return whet.run(place / "train.conll", model=small, out=place / "run", settings=settings)


def test_tagging_is_guessed_measured_and_answered(tagged):
    assert tagged.metrics["task"] == "token-classification"
    assert {"f1", "precision", "recall"} <= set(tagged.metrics["test"])
    answer = whet.load(tagged.path).predict(["Anna lives in Paris ."])[0]
    assert len(answer["prediction"]) == 5


def test_a_text_file_becomes_a_better_language_model(tmp_path, shared_data):
    model = stories.convert(shared_data / "stories260K", tmp_path / "model")
    told = (
        (shared_data / "tinystories-sample" / "tinystories_sample_2MiB.txt").read_text("utf-8").split("<|endoftext|>")
    )
    (tmp_path / "stories.txt").write_text("<|endoftext|>".join(told[:60]), "utf-8")
    settings = ["train.epochs=1", "train.batch_size=8", "task.end=bos", "encode.max_tokens=256"]
    run = whet.run(
        tmp_path / "stories.txt",
        task="language-modeling",
        model=str(model),
        out=tmp_path / "run",
        settings=[*settings, "train.learning_rate=3e-4"],
    )
    test = run.metrics["test"]["perplexity"]["value"]
    assert 2 < test < 10
    assert run.metrics["untuned"]["perplexity"] < 10
    assert run.metrics["baseline"]["perplexity"] > 5 * test
    assert not run.below_baseline
    row = json.loads((run.path / "predictions" / "test.jsonl").read_text("utf-8").splitlines()[0])
    assert math.isfinite(row["prediction"]["perplexity"] if isinstance(row["prediction"], dict) else row["prediction"])
