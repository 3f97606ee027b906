"""What every metric of the shelf must answer, asked of every entry on made-up answers of each kind that it names."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from whet.core import yamlfile
from whet.core.errors import UsageError
from whet.judge.paired import difference
from whet.judge.words import sentences
from whet.measures.contract import KINDS, METRICS, Metric, chosen, key_of, kind_of, refuse, score
from whet.metrics.scores import LOWER_IS_BETTER, Scores, better
from whet.recipe import Recipe
from whet.tasks.contract import Example, Pair, Prediction, Schema
from whet.tasks.text_classification import TextClassification

NAMES = METRICS.names()
LABELS = {"two": ("1", "2"), "five": ("1", "2", "3", "4", "5")}
every_name = pytest.mark.parametrize("name", NAMES)
every_kind = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in NAMES for kind in METRICS[name].answers if kind in ("label", "labels")]
)


def answered(kind: str, labels: tuple[str, ...], skill: float, rows: int = 120) -> tuple[list[Pair], Schema]:
    """Rows whose answers are as good as ``skill`` says: 1 is perfect, 0 chance."""
    draw, pairs = np.random.default_rng(0), []
    for row in range(rows):
        own = draw.random(len(labels)) < 0.4
        own[draw.integers(len(labels))] |= kind == "label" or not own.any()
        if kind == "label":
            own = np.arange(len(labels)) == np.flatnonzero(own)[0]
        chances = draw.random(len(labels)) * (1 - skill) + own * skill
        if kind == "label":
            chances = chances / chances.sum()
        known = dict(zip(labels, chances.tolist(), strict=True))
        carried = tuple(label for label, has in zip(labels, own, strict=True) if has)
        given = [label for label, chance in known.items() if chance > 0.5]
        answer = max(known, key=known.__getitem__) if kind == "label" else given
        target = carried[0] if kind == "label" else carried
        pairs.append(Pair(Example(row + 1, ("x",), target), Prediction(answer, known)))
    return pairs, Schema("multi" if kind == "labels" else "single", labels)


def scores_of(metric: Metric, pairs: list[Pair], schema: Schema) -> Scores:
    return score(TextClassification(), pairs, schema, [metric])


def value(metric: Metric, pairs: list[Pair], schema: Schema) -> float:
    return metric.measure(metric.columns(pairs, schema))


def test_there_are_metrics():
    assert {"roc-auc", "average-precision", "brier", "cohen-kappa", "balanced-accuracy"} <= set(NAMES)


@every_name
def test_builds_from_its_defaults_as_a_value_and_has_a_name_in_both_languages(name):
    metric = METRICS[name]()
    assert metric == METRICS[name]() and key_of(metric) == name.replace("-", "_")
    assert set(metric.answers) <= set(KINDS) and metric.answers
    assert sentences()[f"metric_{key_of(metric)}"].keys() == {"en", "zh"}
    for field in dataclasses.fields(metric):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(metric, field.name, getattr(metric, field.name))


@every_name
def test_survives_a_recipe_and_yaml_with_every_option_written_down(name):
    recipe = Recipe.of({"evaluate": {"metrics": [name.replace("-", "_")]}})
    (written,) = recipe.stages[0].evaluate.metrics
    assert written.keys() == {"name", *(field.name for field in dataclasses.fields(METRICS[name]))}
    assert Recipe.of(yamlfile.read(recipe.as_yaml(), "recipe")) == recipe
    assert chosen(recipe.stages[0].evaluate.metrics, None) == (METRICS[name](),)


@every_kind
@pytest.mark.parametrize("labels", LABELS)
def test_perfect_answers_score_best_and_chance_worse_than_skill(name, kind, labels):
    metric, known = METRICS[name](), LABELS[labels]
    chosen([name], None)
    perfect, some, none = (value(metric, *answered(kind, known, skill)) for skill in (1.0, 0.3, 0.0))
    assert perfect == (0.0 if metric.lower_is_better else 1.0)
    assert better(key_of(metric), perfect, some) and better(key_of(metric), some, none)


@every_kind
def test_the_order_of_rows_does_not_matter_and_every_column_has_an_entry_a_row(name, kind):
    metric, (pairs, schema) = METRICS[name](), answered(kind, LABELS["five"], 0.3)
    turned = [pairs[k] for k in np.random.default_rng(1).permutation(len(pairs))]
    assert value(metric, turned, schema) == pytest.approx(value(metric, pairs, schema), abs=1e-12)
    assert {len(column) for column in metric.columns(pairs, schema).values()} == {len(pairs)}


@every_kind
def test_intervals_and_paired_differences_hold(name, kind):
    metric = METRICS[name]()
    (good, schema), (poor, _) = (answered(kind, LABELS["five"], skill) for skill in (0.3, 0.0))
    key = chosen([name], None) and key_of(metric)
    ours, theirs = scores_of(metric, good, schema), scores_of(metric, poor, schema)
    found = ours.intervals(draws_count=60)
    assert found[key].low < found[key].value < found[key].high
    assert set(found) == {*TextClassification().score(good, schema).measures, key}
    half = np.arange(0, len(good), 2)
    assert ours.at(half).values()[key] == pytest.approx(value(metric, good[::2], schema), abs=1e-12)
    gap = difference(ours, theirs, key, 0.95, 0, 60)
    assert (gap.high < 0) if key in LOWER_IS_BETTER else (gap.low > 0)


@every_kind
def test_where_it_has_no_value_it_is_not_a_number(name, kind):
    """No rows, and rows of one class alone, which some metrics need two of; in the middle of a bootstrap both come."""
    metric, (pairs, schema) = METRICS[name](), answered(kind, LABELS["two"], 0.3)
    columns = metric.columns(pairs, schema)
    assert np.isnan(metric.measure({key: column[:0] for key, column in columns.items()}))
    alone = [k for k, pair in enumerate(pairs) if pair.example.target in ("1", ("1",))]
    of_one = metric.measure({key: column[alone] for key, column in columns.items()})
    assert np.isnan(of_one) or 0 <= of_one <= 1


@every_kind
def test_a_label_that_the_model_never_learnt_makes_an_answer_worse(name, kind):
    metric, (pairs, schema) = METRICS[name](), answered(kind, LABELS["five"], 0.6)
    chosen([name], None)
    strange = [
        dataclasses.replace(pair, example=dataclasses.replace(pair.example, target="7" if kind == "label" else ("7",)))
        for pair in pairs[:40]
    ]
    assert better(key_of(metric), value(metric, pairs, schema), value(metric, [*strange, *pairs[40:]], schema))


OTHERS = {
    "number": Prediction(0.5),
    "tags": Prediction(["O", "B-PER"]),
    "other": Prediction({"tokens": 3, "log_likelihood": -1.0}),
}


@every_name
@pytest.mark.parametrize("kind", OTHERS)
def test_answers_that_it_is_not_for_are_refused_by_name(name, kind):
    metric, pair = METRICS[name](), Pair(Example(1, ("x",), "x"), OTHERS[kind])
    assert kind_of(pair) == kind
    with pytest.raises(UsageError, match=f"the metric '{key_of(metric)}' is of .*; this task gives {KINDS[kind]}"):
        refuse([metric], pair, Schema(), Scores({}, {}))


@every_name
def test_answers_without_probabilities_are_refused_where_they_are_needed(name):
    metric, pair = METRICS[name](), Pair(Example(1, ("x",), "1"), Prediction("1"))
    if not metric.needs_probabilities:
        refuse([metric], pair, Schema("single", LABELS["two"]), Scores({}, {}))
        return
    with pytest.raises(UsageError, match="needs probabilities"):
        refuse([metric], pair, Schema("single", LABELS["two"]), Scores({}, {}))


def test_what_is_asked_for_twice_or_measured_already_is_refused():
    pairs, schema = answered("label", LABELS["two"], 0.3)
    with pytest.raises(UsageError, match="'brier' is asked for twice"):
        chosen(["brier", {"name": "brier"}], None)
    own = Scores({}, {"brier": lambda got: 0.0})
    with pytest.raises(UsageError, match="measures 'brier' already"):
        refuse([METRICS["brier"]()], pairs[0], schema, own)


def test_options_that_do_not_fit_the_labels_are_refused():
    names = Schema("single", ("good", "bad"))
    for metric, what in (
        (METRICS["cohen-kappa"](weights="linear"), "needs labels that are numbers; 'good' has no place"),
        (METRICS["average-precision"](positive="fine"), "looks for 'fine' of two labels; the labels are good, bad"),
    ):
        assert what in metric.objection(names) and METRICS[METRICS.name_of(type(metric))]().objection(names) == ""
