"""The model card: metadata that the Hub parses, honest loading code, figures with intervals."""

import ast
import re
from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard

from judge.made_facts import language_facts, scale_facts, sorting_facts, tagging_facts
from whet.judge.card import base_name, card, metadata


def head_and_body(text):
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("make", [sorting_facts, tagging_facts, language_facts])
def test_the_head_is_yaml_with_the_scores_unrounded(make, language):
    facts = make(language)
    head, body = head_and_body(card(facts))
    result = head["model-index"][0]["results"][0]
    assert {m["type"]: m["value"] for m in result["metrics"]} == {
        n: p["value"] for n, p in facts.metrics["test"].items()
    }
    assert head["tags"][:2] == ["whet", facts.metrics["task"]]
    for name, part in facts.metrics["test"].items():
        line = next(line for line in body.splitlines() if line.startswith(f"| `{name}`"))
        assert f"{part['low']:.3f} … {part['high']:.3f}" in line


@pytest.mark.parametrize(
    ("weights", "contains", "missing"),
    [
        (("model.safetensors",), "AutoModelForSequenceClassification.from_pretrained", "peft"),
        (("adapter_model.safetensors",), "PeftModel.from_pretrained", "no class"),
        (("head.safetensors", "model.safetensors"), "no class in plain transformers", "AutoModel"),
        ((), "no class in plain transformers", "AutoModel"),
    ],
)
def test_loading_code_fits_the_files_and_parses(weights, contains, missing):
    facts = replace(sorting_facts(), bundle={"weights": dict.fromkeys(weights, "ab"), "labels": ["a", "b"]})
    text = card(facts)
    assert contains in text
    loading = text[text.index("## How to load") : text.index("## All scores")]
    assert missing not in loading
    blocks = re.findall(r"```python\n(.*?)```", loading, re.S)
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_a_path_of_this_machine_is_not_told(tmp_path):
    facts = sorting_facts()
    for path in (str(tmp_path / "mymodel"), r"C:\models\mymodel"):
        text = card(replace(facts, metrics={**facts.metrics, "model": path}))
        assert path not in text
        assert "mymodel" in text
        assert "base_model" not in metadata(replace(facts, metrics={**facts.metrics, "model": path}))
    assert metadata(replace(facts, metrics={**facts.metrics, "model": "org/name"}))["base_model"] == "org/name"
    assert base_name("org/name") == "org/name"


def test_text_of_the_data_is_not_markup():
    facts = replace(
        sorting_facts(), findings=[{"kind": "weakness", "text": "<b>|*x*\n# y", "rows": [], "evidence": {}}]
    )
    line = next(line for line in card(facts).splitlines() if "x" in line and line.startswith("- \\<b"))
    assert line == r"- \<b\>\|\*x\*" + r" \# y"


@pytest.mark.parametrize(
    ("kind", "one"), [("single", True), ("binary", True), ("multi", False), ("bio", False), ("", False)]
)
def test_that_it_gives_one_label_is_said_only_where_it_does(kind, one):
    facts = replace(sorting_facts(), bundle={"labels": ["a", "b"], "schema": {"kind": kind}})
    assert ("cannot say that none fits" in card(facts)) == one
    assert "a, b" in card(facts)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("make", [sorting_facts, tagging_facts, language_facts, scale_facts])
def test_the_hub_reads_the_card_and_finds_the_scores(make, language):
    facts = make(language)
    read = ModelCard(card(facts))
    found = {(one.metric_type, one.metric_value) for one in read.data.eval_results}
    assert found == {(name, part["value"]) for name, part in facts.metrics["test"].items()}
    assert {one.dataset_split for one in read.data.eval_results} == {"test"}
    assert read.data.library_name == facts.load and read.text.count("# ") > 3


@pytest.mark.parametrize(
    ("train", "datasets", "named"),
    [
        ("hf:owner/set:config", ["owner/set"], "set:config"),
        ("/home/someone/reviews-en/train.csv", None, "reviews-en"),
        ("reviews.csv", None, "reviews"),
    ],
)
def test_the_data_are_named_without_the_folders_of_this_machine(train, datasets, named):
    facts = replace(sorting_facts(), recipe=yaml.safe_dump({"data": {"train": train}}))
    found = metadata(facts)
    assert found.get("datasets") == datasets
    dataset = found["model-index"][0]["results"][0]["dataset"]
    assert (dataset["name"], dataset["type"]) == (named, (datasets or ["custom"])[0])
    assert "someone" not in yaml.safe_dump(found)


@pytest.mark.parametrize(
    ("weights", "relation"), [("model.safetensors", "finetune"), ("adapter_model.safetensors", "adapter")]
)
def test_the_base_and_how_the_model_came_from_it_are_named_as_the_hub_knows_them(weights, relation):
    facts = replace(sorting_facts(), bundle={"weights": {weights: "ab"}})
    found = metadata(replace(facts, metrics={**facts.metrics, "model": "all-MiniLM-L6-v2"}))
    assert found["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert found["base_model_relation"] == relation
    assert "base_model_relation" not in metadata(replace(facts, metrics={**facts.metrics, "model": "my-own"}))
