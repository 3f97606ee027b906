"""A whole run says what was forgotten; ``--retain`` in its three cases; an adapter that is switched off."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import stories
import whet
import whet.assemble.build as building
from conftest import BAD, FAST, GOOD
from whet import remember
from whet.assemble.bundle import open_predictor
from whet.assemble.load import load, tokenizer_of
from whet.assemble.options import ModelOptions
from whet.assemble.source import find
from whet.core.errors import DataError
from whet.core.events import Began, Said, silent
from whet.core.rundir import RunDir, read_json
from whet.judge.looking import look
from whet.judge.shipped import asked
from whet.nn.lowrank import switched_off
from whet.nn.packed import Engine
from whet.recipe import Recipe
from whet.tasks.contract import Head


def told(run) -> str:
    (found,) = [one for one in read_json(RunDir(run.path).findings) if one["kind"] == "retention"]
    return found["text"]


def other_rows(path: Path) -> Path:
    """Rows of another task: whether a sentence is about animals or about machines."""
    words = {
        "animal": ("the cat sleeps", "a horse runs", "the dog barks"),
        "machine": ("the pump leaks", "a motor hums", "the crane lifts"),
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for k in range(48):
            label = ("animal", "machine")[k % 2]
            rows.writerow([f"{words[label][k // 2 % 3]} near house {k} of the street", label])
    return path


def test_every_run_says_what_was_forgotten(made):
    run = made()
    found = run.metrics["retention"]
    assert [probe["name"] for probe in found["probes"]] == ["likeness_en", "topics_en"]
    assert len(found["cka"]) == 6 and all(0.5 < value <= 1 for value in found["cka"]) and min(found["cka"]) < 1
    assert list(found["left_out"]) == ["zh"] and "adapter_off_is_base" not in found
    assert 0 < run.metrics["timing"]["retention_seconds"] < run.metrics["timing"]["total_seconds"]
    assert told(run) in (run.path / "report.html").read_text("utf-8").replace("&#x27;", "'")
    assert "CKA" in (run.path / "README.md").read_text("utf-8")


def test_a_head_alone_forgets_nothing(made):
    run = made("head")
    assert run.metrics["retention"]["unchanged"] and set(run.metrics["retention"]["cka"]) == {1.0}
    assert told(run).startswith("Nothing was forgotten")


def test_an_adapter_that_is_off_is_the_base_in_the_run_and_in_its_bundle(made):
    run = made("lora")
    found = run.metrics["retention"]
    assert found["adapter_off_is_base"] and min(found["cka"]) < 1
    assert "With the adapter switched off it is the base model, bit for bit." in told(run)
    source = find("all-MiniLM-L6-v2")
    texts, _ = asked(tokenizer_of(source), 256, "sequence")
    loaded = load(source, Head("sequence", 2), ModelOptions(), 0)
    base = look(Engine(loaded.network, loaded.anatomy), texts, "sequence")
    saved = open_predictor(str(run.path)).model
    engine = Engine(saved.network, saved.anatomy)
    with switched_off(saved.network):
        off = look(engine, texts, "sequence")
    assert all(np.array_equal(a, b) for a, b in zip(base.layers, off.layers, strict=True))
    assert np.array_equal(base.answers["en"], off.answers["en"])
    assert not np.array_equal(look(engine, texts, "sequence").answers["en"], base.answers["en"])


def test_rows_that_the_base_cannot_answer_are_asked_of_a_linear_probe(rows, tmp_path):
    other = other_rows(tmp_path / "other.csv")
    run = whet.run(rows, strategy="head", out=tmp_path / "run", settings=FAST, retain=other)
    probe = run.metrics["retention"]["probes"][-1]
    assert (probe["name"], probe["how"], probe["file"], probe["rows"]) == ("retain", "probe", "other.csv", 24)
    assert probe["metric"] == "accuracy" and probe["before"] == probe["after"] == 1.0
    assert "the earlier task in other.csv, accuracy 1.000 before" in told(run)


def test_a_base_with_a_head_for_the_rows_is_asked_with_it(small, rows, tmp_path):
    other = other_rows(tmp_path / "other.csv")
    settings = [*FAST, "train.epochs=2", "train.learning_rate=1e-2"]
    first = whet.run(other, model=small, out=tmp_path / "first", settings=settings)
    second = whet.run(rows, model=str(first.path), out=tmp_path / "run", settings=settings, retain=other)
    probe = second.metrics["retention"]["probes"][-1]
    served = whet.evaluate(first.path, other, out=tmp_path / "asked").metrics["test"]["accuracy"]["value"]
    assert probe["how"] == "head" and probe["rows"] == 48 and probe["before"] == served > 0.6
    still = whet.run(rows, model=str(first.path), strategy="head", out=tmp_path / "still", settings=FAST, retain=other)
    same = still.metrics["retention"]["probes"][-1]
    assert same["how"] == "head" and same["before"] == same["after"] == probe["before"]


def test_a_language_model_is_asked_for_the_loss_of_texts(tmp_path, shared_data):
    model = stories.convert(shared_data / "stories260K", tmp_path / "model")
    place = shared_data / "tinystories-sample" / "tinystories_sample_2MiB.txt"
    parts = place.read_text("utf-8").split("<|endoftext|>")
    (tmp_path / "new.txt").write_text(
        "<|endoftext|>".join(["7 + 5 = 12 and 3 * 3 = 9. " * 8 + str(k) for k in range(40)]), "utf-8"
    )
    (tmp_path / "old.txt").write_text("<|endoftext|>".join(parts[:30]), "utf-8")
    settings = [
        "train.epochs=2",
        "train.batch_size=8",
        "encode.max_tokens=128",
        "train.learning_rate=1e-2",
        "task.end=bos",
        "data.on_leak=allow",
    ]
    run = whet.run(
        tmp_path / "new.txt",
        task="language-modeling",
        model=str(model),
        out=tmp_path / "run",
        settings=settings,
        retain=tmp_path / "old.txt",
    )
    *texts, own = run.metrics["retention"]["probes"]
    assert "text_en" in [probe["name"] for probe in texts]
    assert (own["how"], own["metric"], own["better"], own["rows"]) == ("loss", "loss", "lower", 30)
    assert own["lost"] and own["after"] > own["before"] + 0.5  # sums at such a rate leave nothing of the stories
    assert told(run).startswith("The model forgot some of what it knew")


def test_a_language_head_that_is_new_is_not_asked_what_it_knew(small, tmp_path):
    """The trunk has no language head: its loss starts at chance, and can only fall."""
    (tmp_path / "new.txt").write_text("\n\n".join(f"{words} {k}" for k in range(6) for words in GOOD + BAD), "utf-8")
    (tmp_path / "old.txt").write_text("\n\n".join(f"{words}, {k}" for k in range(4) for words in BAD), "utf-8")
    settings = [*FAST, "task.objective=masked", "data.on_leak=allow"]
    heard = []
    run = whet.run(
        tmp_path / "new.txt",
        task="language-modeling",
        model=small,
        out=tmp_path / "run",
        settings=settings,
        retain=tmp_path / "old.txt",
        tell=heard.append,
    )
    said = [isinstance(event, Said) and "old.txt no better than chance" in event.text for event in heard]
    assert sum(said) == 1 and said.index(True) < [isinstance(event, Began) for event in heard].index(True)
    found = run.metrics["retention"]
    assert {probe["name"].partition("_")[0] for probe in found["probes"]} == {"likeness", "topics"}
    assert [(one["name"], one["file"]) for one in found["at_chance"]] == [("retain", "old.txt")]


def test_where_only_the_last_stage_models_language_the_earlier_rows_are_labelled_ones(small, rows, tmp_path):
    (tmp_path / "new.txt").write_text("\n\n".join(f"{words} {k}" for k in range(6) for words in GOOD + BAD), "utf-8")
    learnt = [{"task": "text-classification", "data": {"train": str(rows)}}]
    read = [
        {
            "task": {"name": "language-modeling", "objective": "masked"},
            "data": {"train": str(tmp_path / "new.txt"), "on_leak": "allow"},
        }
    ]
    recipe = Recipe.of({"model": {"name": small}, "stages": learnt + read}, "here")
    other = other_rows(tmp_path / "other.csv")
    run = whet.run(recipe, out=tmp_path / "run", settings=FAST, retain=other)
    assert run.metrics["retention"]["probes"][-1]["how"] == "probe"


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_a_bad_file_is_refused_before_training(verb, rows, tmp_path):
    (tmp_path / "bad.csv").write_text("text,label\nonly one,\nanother,a\n", "utf-8")
    for file, said in (("bad.csv", "bad.csv"), ("none.csv", "there is no such file")):
        with pytest.raises(DataError, match=said):
            getattr(whet, verb)(rows, out=tmp_path / "run", settings=FAST, retain=tmp_path / file)
        assert not (tmp_path / "run" / "model").exists()


def test_odd_columns_of_the_earlier_file_have_a_cure_that_leaves_the_runs_own_alone(rows, tmp_path):
    odd = tmp_path / "odd.csv"
    odd.write_text("number,size\n" + "".join(f"{k},{k * 2}\n" for k in range(80)), "utf-8")
    with pytest.raises(DataError) as refused:
        whet.plan(rows, settings=FAST, retain=odd)
    cures = [fault.cure for fault in refused.value.faults]
    assert any("call the column of the text 'text'" in cure for cure in cures), cures
    assert not any("data.columns" in cure for cure in cures)


def test_a_fold_measures_nothing_of_it():
    recipe = Recipe.of({"data": {"train": "x.csv", "fold": [0, 5]}})
    assert remember.before(recipe, [None], None, silent) is None


def test_no_second_model_is_loaded_for_it(small, rows, tmp_path, monkeypatch):
    loaded, load_it = [], building.load
    monkeypatch.setattr(building, "load", lambda *given: loaded.append(given) or load_it(*given))
    run = whet.run(rows, model=small, out=tmp_path / "run", settings=FAST)
    assert len(loaded) == 1 and run.metrics["retention"]["probes"]


def test_equal_weights_are_asked_once_and_others_again(small, rows, tmp_path, monkeypatch):
    looked, look_at = [], remember.look
    monkeypatch.setattr(remember, "look", lambda *given: looked.append(given) or look_at(*given))
    for strategy, rate, times in (("head", 0.1, 1), ("bitfit", 0.1, 2)):
        looked.clear()
        settings = [*FAST, f"train.learning_rate={rate}"]
        run = whet.run(rows, model=small, strategy=strategy, out=tmp_path / strategy, settings=settings)
        assert len(looked) == times and run.metrics["retention"].get("unchanged", False) is (times == 1)
