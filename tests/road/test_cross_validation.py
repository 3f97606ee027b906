"""``evaluate.folds``: every row is answered by a model that never saw it, and what ships learnt from all of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from sklearn.metrics import accuracy_score

import whet
from road.conftest import FAST, write_rows
from whet import room
from whet.core import rundir
from whet.core.errors import DataError, UsageError
from whet.core.events import Said
from whet.core.rundir import RunDir
from whet.core.yamlfile import read

FOLDS = ("evaluate.folds=3",)
MEAN = ("model.pooling=mean", "train.learning_rate=1e-3")


@pytest.fixture(scope="module")
def crossed(rows, small, tmp_path_factory):
    out = tmp_path_factory.mktemp("crossed") / "run"
    return RunDir(whet.run(rows, model=small, out=out, settings=[*FAST, *MEAN, *FOLDS]).path)


def answered(place: RunDir) -> dict[int, dict]:
    return {line["row"]: line for line in rundir.read_lines(place.predictions("test"))}


def test_every_row_is_answered_once_by_the_model_that_never_saw_it(crossed):
    lines = list(rundir.read_lines(crossed.predictions("test")))
    assert [line["row"] for line in lines] == list(range(1, 61))
    for fold in crossed.folds():
        own = answered(fold)
        assert {row: line for row, line in answered(crossed).items() if row in own} == own
        trained = rundir.read_json(fold.metrics)["data"]["read"]["used"]
        assert trained == {"train": 36, "validation": 4, "test": 20}
    assert Counter(row for fold in crossed.folds() for row in answered(fold)) == Counter(range(1, 61))


def test_the_figures_are_those_of_all_rows_and_of_each_fold(crossed):
    metrics = rundir.read_json(crossed.metrics)
    lines = list(rundir.read_lines(crossed.predictions("test")))
    right = accuracy_score([line["target"] for line in lines], [line["prediction"] for line in lines])
    assert metrics["test"]["accuracy"]["value"] == pytest.approx(right, abs=1e-12)
    assert [fold["rows"] for fold in metrics["folds"]] == [20, 20, 20]
    for number, fold in enumerate(metrics["folds"]):
        own = rundir.read_json(crossed.fold(number).metrics)["test"]["accuracy"]["value"]
        assert fold["accuracy"] == pytest.approx(own, abs=1e-12)
    read = metrics["data"]["read"]
    assert (read["read"], read["repeated"], read["used"]) == (60, 60, {"train": 54, "validation": 6, "test": 60})
    (found,) = [one for one in rundir.read_json(crossed.findings) if one["kind"] == "folds"]
    assert "3 folds" in found["text"]


def test_what_ships_is_the_model_that_all_rows_make(crossed, rows, small, tmp_path):
    """A run with files of the same training and validation rows, and no fold anywhere, has the same weights."""
    recipe = read(crossed.recipe.read_text("utf-8"), "")
    assert recipe["evaluate"]["folds"] == 3 and recipe["data"]["fold"] is None
    head, *lines = rows.read_text("utf-8").splitlines(keepends=True)
    held = {line["row"] for line in rundir.read_lines(crossed.predictions("validation"))}
    parts = {
        "train": [line for row, line in enumerate(lines, 1) if row not in held],
        "validation": [line for row, line in enumerate(lines, 1) if row in held],
        "test": ["a film of which nobody heard,good\n", "a film that nobody saw,bad\n"],
    }
    for name, part in parts.items():
        (tmp_path / f"{name}.csv").write_text(head + "".join(part), "utf-8")
    plain = RunDir(whet.run(tmp_path, model=small, out=tmp_path / "run", settings=[*FAST, *MEAN]).path)
    weights = [
        {path.name: rundir.digest(path) for path in place.model.glob("*.safetensors")} for place in (plain, crossed)
    ]
    assert weights[0] == weights[1] and len(weights[0]) == 2


def test_the_folds_leave_their_papers_and_no_weights(crossed):
    for fold in crossed.folds():
        assert fold.status() == "finished" and fold.report.is_file()
        assert not list(fold.root.rglob("*.safetensors"))


def test_the_report_says_how_it_was_measured(crossed):
    for page in (crossed.report.read_text("utf-8"), crossed.card.read_text("utf-8")):
        assert "each held out from one of 3 trainings" in page
        assert "The model that ships learnt from all rows" in page
        assert "neither training nor any choice has seen" not in page


def test_a_fold_is_a_run_of_its_own(crossed, rows, tmp_path):
    """Its recipe alone makes it again, to the same answers."""
    again = whet.run(whet.Recipe.read(crossed.fold(1).recipe), out=tmp_path / "again")
    assert answered(RunDir(again.path)) == answered(crossed.fold(1))


def test_the_untuned_score_is_of_the_same_rows(crossed, rows, tmp_path):
    """A model that can answer before training is asked about all rows, as the folds' models are after theirs."""
    run = whet.run(rows, model=str(crossed.model), out=tmp_path / "run", settings=[*FAST, *FOLDS])
    before = whet.load(crossed.model).predict([line["text"] for line in rundir.read_lines(crossed.predictions("test"))])
    targets = [line["target"] for line in rundir.read_lines(crossed.predictions("test"))]
    right = accuracy_score(targets, [line["prediction"] for line in before])
    assert run.metrics["untuned"]["accuracy"] == pytest.approx(right, abs=1e-12)


def test_documents_are_shared_out_too(small, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"The {n}th day was fine, and day {n + 1} will be too." for n in range(24)), "utf-8")
    settings = [*FAST, "evaluate.folds=2", "task.objective=masked"]
    run = whet.run(text, task="language-modeling", model=small, out=tmp_path / "run", settings=settings)
    assert [fold["rows"] for fold in run.metrics["folds"]] == [12, 12]


def test_few_rows_propose_it_and_many_do_not(tmp_path):
    for count, proposed in ((299, True), (300, False)):
        said: list[str] = []
        rows = write_rows(tmp_path / f"{count}.csv", count)
        whet.plan(rows, tell=lambda event, said=said: said.append(event.text) if isinstance(event, Said) else None)
        assert any("evaluate.folds=5" in text for text in said) == proposed, said


def test_the_plan_says_how_much_longer_it_takes(rows):
    assert any("3 folds" in note for note in whet.plan(rows, settings=[*FAST, *FOLDS]).notes)


def test_a_budget_is_shared_out_and_all_train_alike(rows, small, tmp_path, monkeypatch):
    """Whatever the machine seems to do later on, the first fold says for all how many epochs there are."""
    forecast, slower = room.forecast, iter(range(1, 9))
    monkeypatch.setattr(room, "forecast", lambda leg: replace(forecast(leg), train_seconds=10.0 * next(slower)))
    run = whet.run(
        rows, model=small, out=tmp_path / "run", settings=[*FAST, *MEAN, *FOLDS, "train.epochs=40"], budget="4s"
    )
    places = [RunDir(run.path), *RunDir(run.path).folds()]
    epochs = {read(place.recipe.read_text("utf-8"), "")["train"]["epochs"] for place in places}
    assert list(epochs) == [pytest.approx(40 * (4 / 3 * 2 / 3) / 10)]


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        (("data.fold=[3, 3]",), UsageError, "is not one of several folds"),
        (("data.fold=[0, 3]", *FOLDS), UsageError, "is not one of several folds"),
        (("evaluate.folds=61",), DataError, "60 different texts cannot be shared out to 61 folds"),
        (("evaluate.folds=1",), UsageError, "greater than or equal to 2"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(settings, error, said, rows, tmp_path):
    with pytest.raises(error, match=said.replace("[", r"\[")):
        whet.run(rows, out=tmp_path / "run", settings=[*FAST, *settings])
    assert not (tmp_path / "run").exists()


def test_a_test_file_and_folds_do_not_go_together(rows, tmp_path):
    with pytest.raises(UsageError, match="a test file is named too"):
        whet.run(rows, out=tmp_path / "run", settings=[*FAST, *FOLDS, f"data.test={rows}"])
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("train", "test"):
        write_rows(folder / f"{name}.csv", 60 if name == "train" else 12)
    with pytest.raises(DataError, match="there are test rows already"):
        whet.run(folder, out=tmp_path / "run", settings=[*FAST, *FOLDS, "data.on_leak=allow"])


def test_what_is_mixed_in_may_not_hold_the_answers(rows, small, tmp_path):
    """Copies of measured rows in another file are refused before any fold trains; dropped they are gone."""
    more = write_rows(tmp_path / "more.csv", 20)
    settings = [*FAST, *FOLDS, "data.mix={'" + str(more) + "': 1}"]
    with pytest.raises(DataError, match="stand in the training rows too"):
        whet.run(rows, model=small, out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()
    run = whet.run(rows, model=small, out=tmp_path / "run", settings=[*settings, "data.on_leak=allow"])
    assert "without_leaks" in run.metrics
    (leak,) = [one for one in json.loads(RunDir(run.path).findings.read_text("utf-8")) if one["kind"] == "leak"]
    assert {entry["row"] for entry in leak["rows"]} == set(range(1, 21))
