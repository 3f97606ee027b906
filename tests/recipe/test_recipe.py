"""The recipe: every fault at once with the nearest name, stages that inherit, and a way to YAML and back."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from whet.core import yamlfile
from whet.core.errors import UsageError
from whet.core.fields import fields_of
from whet.recipe import ENTRIES, SECTIONS, Recipe
from whet.recipe_forms import json_schema, template
from whet.recipe_settings import apply, read_values
from whet.train.options import TrainOptions

EVERY = [*SECTIONS.values(), *(shelf[name] for shelf in ENTRIES.values() for name in shelf.names())]


def test_unknown_keys_are_refused_with_the_nearest_and_all_at_once():
    with pytest.raises(UsageError) as refused:
        Recipe.of({"trian": {}, "train": {"epoch": 2, "batch_size": "many", "warmup": 3}, "strategy": "lara"}, "r.yaml")
    told = str(refused.value)
    assert len(refused.value.faults) == 5
    for words in ("did you mean 'train'?", "did you mean 'epochs'?", "did you mean 'lora'?", "batch_size", "warmup"):
        assert words in told
    assert all("r.yaml" in fault.where for fault in refused.value.faults)


def test_options_without_an_entry_name_the_entries_that_have_them():
    with pytest.raises(UsageError) as refused:
        Recipe.of({"task": {"label_smoothing": 0.1}})
    assert refused.value.faults[0].cure == "name one: task.name=text-classification"


def test_a_key_given_twice_is_refused_with_both_lines(tmp_path):
    (tmp_path / "r.yaml").write_text("seed: 1\ntrain: {epochs: 1}\nseed: 2\n", "utf-8")
    with pytest.raises(UsageError, match="line 3: 'seed' stands twice, first on line 1"):
        read_values(tmp_path / "r.yaml")


def test_every_option_has_a_sentence():
    assert [(cls.__name__, one.name) for cls in EVERY for one in fields_of(cls) if not one.sentence] == []


def test_the_central_fields_are_few():
    assert sum(len(fields_of(cls)) for cls in SECTIONS.values()) <= 42


def test_a_bare_word_is_short_for_the_name():
    assert Recipe.of({"strategy": "lora", "model": "x"}) == Recipe.of(
        {"strategy": {"name": "lora"}, "model": {"name": "x"}}
    )


def test_stages_inherit_key_by_key_unless_they_name_another_entry():
    recipe = Recipe.of(
        {
            "strategy": {"name": "lora", "rank": 3},
            "train": {"epochs": 2, "batch_size": 5},
            "stages": [{"train": {"epochs": 7}}, {"strategy": "head"}, {"strategy": {"name": "lora", "alpha": 9}}],
        }
    )
    first, second, third = recipe.stages
    assert (first.train.epochs, first.train.batch_size, first.strategy.rank) == (7, 5, 3)
    assert (second.strategy_name, second.train.epochs) == ("head", 2)
    assert (third.strategy.rank, third.strategy.alpha) == (3, 9)


def test_settings_reach_into_stages_and_names():
    values = apply({"stages": [{}, {"strategy": "lora"}]}, ["stages.1.strategy.rank=8", "train.learning_rate=1e-4"])
    recipe = Recipe.of(values)
    assert recipe.stages[1].strategy.rank == 8
    assert recipe.stages[0].train.learning_rate == 1e-4
    with pytest.raises(UsageError, match="there is no stage '2'"):
        apply({"stages": [{}, {}]}, ["stages.2.seed=1"])
    with pytest.raises(UsageError, match="not section.key=value"):
        apply({}, ["train.epochs"])


def test_a_setting_of_all_stages_goes_over_what_a_stage_says_itself():
    values = {
        "train": {"epochs": 3},
        "stages": [{"strategy": "head", "train": {"epochs": 1}}, {"train": {"warmup": 0}}],
    }
    again = Recipe.of(Recipe.of(values, "here").as_dict(), "there").as_dict()
    for written in (values, again):
        asked = ["train.epochs=7", "evaluate.pool=p.csv", "evaluate.retain=r.csv", "stages.1.train.batch_size=4"]
        first, second = Recipe.of(apply(written, asked), "here").stages
        assert (first.train.epochs, first.train.batch_size, first.evaluate.pool) == (7, 32, "p.csv")
        assert (second.train.epochs, second.train.batch_size, second.evaluate.retain) == (7, 4, "r.csv")
        assert (first.strategy_name, second.train.warmup) == ("head", 0)


def test_a_setting_reaches_a_stage_that_names_its_entry_in_one_word():
    written = {"stages": [{"strategy": "head"}, {"strategy": "lora", "task": "text-classification"}, {}]}
    first, second, third = Recipe.of(apply(written, ["strategy.name=bitfit"]), "here").stages
    assert {one.strategy_name for one in (first, second, third)} == {"bitfit"}
    assert second.task_name == "text-classification"


def test_an_option_that_no_stage_would_take_is_refused_with_the_stage_to_name():
    each_its_own = {"stages": [{"strategy": "head"}, {"strategy": "lora"}]}
    with pytest.raises(UsageError, match="none takes this option") as refused:
        apply(each_its_own, ["strategy.rank=4"])
    assert refused.value.faults[0].cure == "name the stage: --set stages.1.strategy.rank=4"
    one_open = {"strategy": "lora", "stages": [{"strategy": "head"}, {}]}
    assert Recipe.of(apply(one_open, ["strategy.rank=4"]), "here").stages[1].strategy.rank == 4


@pytest.mark.parametrize("setting", ["seed.deep=1", "stages.0=1", "train.epochs.more=2"])
def test_a_setting_that_leads_nowhere_is_wrong_use_and_no_crash(setting):
    with pytest.raises(UsageError):
        Recipe.of(apply({"seed": 0, "train": {"epochs": 1}, "stages": [{}]}, [setting]))


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        TrainOptions,
        epochs=st.floats(1e-6, 1e6),
        batch_size=st.integers(1, 10**6),
        learning_rate=st.none() | st.floats(1e-30, 1e3),
        warmup=st.floats(0, 1),
        patience=st.none() | st.integers(1, 99),
        device=st.none() | st.sampled_from(["cpu", "cuda", "mps"]),
    ),
    st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8),
    st.sampled_from(ENTRIES["strategy"].names()),
    st.integers(0, 2**62),
)
def test_from_a_recipe_to_yaml_and_back(train, metric, strategy, seed):
    recipe = Recipe.of({"strategy": strategy, "seed": seed})
    stage = dataclasses.replace(recipe.stages[0], train=train).with_("evaluate", metric=metric)
    recipe = recipe.with_stage(0, stage)
    assert Recipe.of(yamlfile.read(recipe.as_yaml(), "r.yaml")) == recipe


def test_several_stages_to_yaml_and_back():
    recipe = Recipe.of(
        {"stages": [{"task": "language-modeling"}, {"strategy": {"name": "lora", "targets": ["query"]}}]}
    )
    assert Recipe.of(yamlfile.read(recipe.as_yaml(), "r.yaml")) == recipe


def test_the_template_is_the_default_recipe():
    assert Recipe.of(yamlfile.read(template(), "t.yaml")) == Recipe.of({})
    assert Recipe.of(yamlfile.read(template("my rows: 1.csv"), "t.yaml")).stages[0].data.train == "my rows: 1.csv"


def test_the_schema_knows_every_option():
    schema = json_schema()["properties"]
    for section, options in SECTIONS.items():
        assert list(schema[section]["properties"]) == [one.name for one in fields_of(options)]
    for section, shelf in ENTRIES.items():
        forms = [one for one in schema[section]["anyOf"] if "enum" in one.get("properties", {}).get("name", {})]
        groups = {one["properties"]["name"]["enum"][0]: one for one in forms}
        assert list(groups) == shelf.names()
        for name in shelf.names():
            assert set(groups[name]["properties"]) == {"name", *(one.name for one in fields_of(shelf[name]))}


def misfits(values) -> list[str]:
    """What the schema has against a recipe's values."""
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(values)]


TWO_STAGES = {
    "strategy": {"name": "lora", "rank": 3},
    "stages": [{"task": {"name": None}, "strategy": {"rank": 4}}, {"strategy": "head", "model": "x", "train": None}],
}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"task": None, "strategy": {"name": None, "head_rate": 2}, "model": "x", "train": None},
        {"task": {"name": None}, "strategy": {"head_rate": 2.0}},
        {"task": "text-classification", "strategy": "lora", "data": {"train": "x.csv", "columns": {"text": "body"}}},
        TWO_STAGES,
        yamlfile.read(template(), "t.yaml"),
        Recipe.of(TWO_STAGES).as_dict(),
        *(Recipe.of({"strategy": name}).as_dict() for name in ENTRIES["strategy"].names()),
        *(Recipe.of({"task": name}).as_dict() for name in ENTRIES["task"].names()),
    ],
)
def test_what_is_a_recipe_fits_the_schema(values):
    Recipe.of(values)
    assert misfits(values) == []


@pytest.mark.parametrize(
    "values",
    [
        {"trian": {}},
        {"strategy": "lara"},
        {"strategy": {"rank": 8}},
        {"task": {"name": None, "label_smoothing": 0.1}},
        {"train": {"epochs": 0}},
        {"train": "x"},
        {"stages": [{"strategy": {"name": "lora", "rnk": 3}}]},
    ],
)
def test_what_is_no_recipe_does_not_fit_the_schema(values):
    with pytest.raises(UsageError):
        Recipe.of(values)
    assert misfits(values)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(json_schema())
