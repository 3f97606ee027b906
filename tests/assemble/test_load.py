"""What loading refuses, draws anew and reports; and that no code of a model's author is run."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

import families
import whet.assemble.source as sources
from whet.assemble.bundle import _paper_of
from whet.assemble.load import load
from whet.assemble.options import ModelOptions
from whet.core.errors import ModelError
from whet.tasks.contract import Head


def saved(place, family: str, kind: str, **settings):
    families.FAMILIES[family](kind, **settings).save_pretrained(place)
    return sources.find(str(place))


def changed(place, **entries) -> None:
    config = json.loads((place / "config.json").read_text("utf-8"))
    (place / "config.json").write_text(json.dumps({**config, **entries}), "utf-8")


@pytest.mark.parametrize(
    ("family", "made", "kind", "cure"),
    [
        ("bert", "masked", "causal", "masked"),
        ("roberta", "masked", "causal", "masked"),
        ("bart", "seq2seq", "causal", "decoder"),
        ("bart", "seq2seq", "masked", "encoder"),
    ],
)
def test_a_language_head_that_could_see_its_answer_or_not_give_it_is_refused(family, made, kind, cure, tmp_path):
    source = saved(tmp_path, family, made)
    with pytest.raises(ModelError) as refused:
        load(source, Head(kind), ModelOptions(), 0)
    assert cure in refused.value.faults[0].cure


@pytest.mark.parametrize(("family", "kind"), [("llama", "causal"), ("gpt2", "causal"), ("bert", "masked")])
def test_the_right_language_head_is_not(family, kind, tmp_path):
    assert not load(saved(tmp_path, family, kind), Head(kind), ModelOptions(), 0).head_is_new


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "llama", "bart"])
def test_a_head_for_other_labels_is_drawn_anew_and_a_known_one_kept(family, tmp_path):
    source = saved(tmp_path, family, "sequence", id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1})
    held = load_file(tmp_path / "model.safetensors")
    same, other = (
        load(source, Head("sequence", 2, None, names), ModelOptions(), 1) for names in (("bad", "good"), ("no", "yes"))
    )
    assert not same.new
    matrices = [name for name, tensor in same.network.named_parameters() if name in held and tensor.ndim == 2]
    heads = [name for name in matrices if name.startswith(tuple(same.anatomy.head))]
    assert heads and set(heads) <= set(other.new)
    for name in matrices:
        assert same.network.get_parameter(name).equal(held[name])
        assert other.network.get_parameter(name).equal(held[name]) != (name in heads), name


def test_a_head_of_another_size_is_reported(tmp_path):
    source = saved(tmp_path, "bert", "sequence")
    found = load(source, Head("sequence", 5, None, tuple("abcde")), ModelOptions(), 0)
    assert "classifier.weight" in found.mismatched
    assert any("did not fit" in sentence and "classifier.weight" in sentence for sentence in found.sentences())


def test_several_end_tokens_and_no_padding_token(tmp_path):
    source = saved(tmp_path, "llama", "causal")
    changed(tmp_path, eos_token_id=[7, 8], pad_token_id=None)
    assert load(source, Head("causal"), ModelOptions(), 0).network.config.pad_token_id == 7


def test_no_code_of_a_model_is_run(tmp_path):
    source = saved(tmp_path, "bert", "sequence")
    changed(tmp_path, auto_map={"AutoModelForSequenceClassification": "own.Own", "AutoConfig": "own.Conf"})
    ran = tmp_path / "ran"
    (tmp_path / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\n", "utf-8")
    load(source, Head("sequence", 2, None, ("LABEL_0", "LABEL_1")), ModelOptions(), 0)
    assert not ran.exists()


def test_a_pickle_is_refused_with_a_cure(tmp_path):
    saved(tmp_path, "bert", "sequence")
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickles are never loaded"):
        sources.find(str(tmp_path))


@pytest.mark.parametrize(
    ("entries", "kind"),
    [
        ({"problem_type": "multi_label_classification"}, "multi"),
        ({"problem_type": "regression"}, "regression"),
        ({"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}, "regression"),
        ({}, "single"),
    ],
)
def test_a_plain_classifier_says_what_its_answers_are(entries, kind, tmp_path):
    source = saved(tmp_path, "bert", "sequence")
    changed(tmp_path, **entries)
    assert _paper_of(source)["schema"]["kind"] == kind


def test_a_relative_place_is_kept_in_full(tmp_path, monkeypatch):
    saved(tmp_path / "model", "bert", "sequence")
    monkeypatch.chdir(tmp_path)
    assert sources.find("model").directory == (tmp_path / "model").resolve()
