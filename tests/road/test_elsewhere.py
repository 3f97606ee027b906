"""The bundle is nobody's secret: plain transformers and plain PEFT give the same logits in a process without whet."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

import whet
from road.conftest import FAST, in_a_process
from whet.nn import kernels
from whet.nn.heads import MeanHead
from whet.nn.layout import Flat
from whet.nn.packed import Engine
from whet.prepare.batch import collate
from whet.prepare.encode import encode
from whet.tasks.contract import Split

TEXTS = (
    "a fine film, in spring",
    "no",
    "flat and false and cold and silly, last night at home with friends on a train",
)
FAMILY = ("model.pooling=family",)

PLAIN = """
import json, sys, torch, transformers
model, texts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
network = transformers.AutoModelForSequenceClassification.from_pretrained(model).eval()
with torch.no_grad():
    print(json.dumps(network(**tokenizer(texts, padding=True, return_tensors="pt")).logits.tolist()))
assert not any(name.startswith("whet") for name in sys.modules)
"""
MEAN = """
import json, sys, torch, transformers
from safetensors.torch import load_file
model, texts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
network = transformers.AutoModel.from_pretrained(model).eval()
head = load_file(model + "/head.safetensors")
rows = tokenizer(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    states, mask = network(**rows).last_hidden_state, rows["attention_mask"].unsqueeze(-1)
    mean = (states * mask).sum(1) / mask.sum(1)
    print(json.dumps((mean @ head["classifier.weight"].T + head["classifier.bias"]).tolist()))
assert not any(name.startswith("whet") for name in sys.modules)
"""
PEFT = """
import json, sys, torch, transformers, peft
model, texts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
network = peft.AutoPeftModelForSequenceClassification.from_pretrained(model).eval()
with torch.no_grad():
    print(json.dumps(network(**tokenizer(texts, padding=True, return_tensors="pt")).logits.tolist()))
assert not any(name.startswith("whet") for name in sys.modules)
"""
PEFT_MEAN = MEAN.replace("import json", "import peft, json").replace(
    "transformers.AutoModel.from_pretrained(model)",
    "peft.AutoPeftModelForFeatureExtraction.from_pretrained(model)",
)


def ours(place) -> torch.Tensor:
    """The logits as whet's own engine gives them, before temperature."""
    model = whet.load(place).model
    model.network.eval()
    examples = tuple(model.task.parse({"text": text}, number) for number, text in enumerate(TEXTS, 1))
    split = encode(Split("input", examples), model.task, model.tokenizer, model.limits, model.schema).split
    with torch.inference_mode():
        return model.engine.sequence(collate(split.features).flat)


@pytest.mark.parametrize(
    ("strategy", "settings", "program"),
    [
        ("full", FAMILY, PLAIN),
        ("full", (), MEAN),
        ("lora", FAMILY, PEFT),
        ("lora", (), PEFT_MEAN),
    ],
    ids=["full-family", "full-mean", "lora-family", "lora-mean"],
)
def test_the_same_logits_without_whet(strategy, settings, program, made, tmp_path):
    run = made(None if strategy == "full" else strategy, settings)
    theirs = in_a_process("-W", "ignore", "-c", program, run.model, json.dumps(TEXTS), cwd=tmp_path, HF_HUB_OFFLINE="1")
    found = torch.tensor(json.loads(theirs.stdout.splitlines()[-1]))
    wanted = ours(run.model)
    assert wanted.shape == (3, 2) and float(wanted.std()) > 0.01
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)


SEVERAL = """
import json, sys, torch, transformers
model, kind, found = sys.argv[1], sys.argv[2], []
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
network = getattr(transformers, kind).from_pretrained(model).eval()
for texts in json.loads(sys.argv[3]):
    rows = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        told = network(**rows)
    found.append(told.logits if "logits" in told else told.last_hidden_state[rows["attention_mask"].bool()])
print(json.dumps([one.tolist() for one in found]))
assert not any(name.startswith("whet") for name in sys.modules)
"""


TOGETHER = (TEXTS, TEXTS[:1], TEXTS[1:2])
"""Padded together, a row, a word: all asked of one process, for to begin one takes five seconds."""


@pytest.mark.parametrize(
    ("settings", "kind"),
    [(FAMILY, "AutoModelForSequenceClassification"), ((), "AutoModel")],
    ids=["logits", "states"],
)
def test_bit_for_bit_where_the_products_have_the_same_shape(settings, kind, made, tmp_path):
    """The same rows padded alike give the same bits: what differs on the flat path is the order of sums alone.

    Of a mean head the states are compared, for a mean taken in another order differs by 1e-8.
    """
    run = made("full" if settings else None, settings)
    theirs = in_a_process(
        "-W", "ignore", "-c", SEVERAL, run.model, kind, json.dumps(TOGETHER), cwd=tmp_path, HF_HUB_OFFLINE="1"
    )
    model = whet.load(run.model).model
    engine = Engine(model.network.eval(), model.anatomy, "padded", "float32")
    for texts, told in zip(TOGETHER, json.loads(theirs.stdout.splitlines()[-1]), strict=True):
        flat = Flat.join(model.tokenizer(list(texts)).input_ids)
        with torch.inference_mode(), kernels.plain():
            wanted = engine.sequence(flat) if settings else engine.states(flat)
        assert float(wanted.std()) > 1e-3 and torch.equal(torch.tensor(told), wanted)


def test_the_bundle_of_the_run_is_the_trained_model_and_not_its_base(made):
    """Else equal logits would also be had from a bundle in which nothing was learnt."""
    network = whet.load(made().model).model.network
    assert isinstance(network, MeanHead)
    base = whet.load(made("lora", ()).model).model.network
    different = [
        name
        for (name, one), (_, other) in zip(network.base.named_parameters(), base.named_parameters(), strict=False)
        if one.shape == other.shape and not torch.equal(one, other)
    ]
    assert different


@pytest.mark.parametrize("name", ["model.safetensors", "head.safetensors"])
def test_altered_weights_are_refused(name, made, tmp_path):
    place = shutil.copytree(made().model, tmp_path / "bundle")
    assert whet.load(place)
    whole = bytearray((place / name).read_bytes())
    whole[-1] ^= 1
    (place / name).write_bytes(whole)
    with pytest.raises(whet.ModelError, match=f"{name} is (missing or )?not what was written"):
        whet.load(place)
    (place / name).unlink()
    with pytest.raises(whet.ModelError):
        whet.load(place)


TOKEN_BY_TOKEN = """
import json, sys, torch, transformers
model, kind, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
network = getattr(transformers, kind).from_pretrained(model).eval()
rows = tokenizer(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    print(json.dumps(network(**rows).logits[rows["attention_mask"].bool()][:, :50].tolist()))
assert not any(name.startswith("whet") for name in sys.modules)
"""
SENTENCES = "Ann\tB-PER\nran\tO\n\nBob\tB-PER\nsat\tO\nin\tO\nRome\tB-LOC\n"
DOCUMENTS = "Once there was a boat.\n\nIt rained on the roof.\n\nNobody minded the rain.\n"


@pytest.mark.parametrize(
    ("task", "ending", "text", "kind", "settings"),
    [
        ("token-classification", "conll", SENTENCES, "AutoModelForTokenClassification", ()),
        ("language-modeling", "txt", DOCUMENTS, "AutoModelForMaskedLM", ("task.objective=masked",)),
    ],
    ids=["tagging", "masked language model"],
)
def test_the_same_logits_token_by_token(task, ending, text, kind, settings, small, tmp_path):
    data = tmp_path / f"rows.{ending}"
    data.write_text("\n".join(text.replace("Ann", f"Ann{n}").replace("boat", f"boat {n}") for n in range(12)), "utf-8")
    run = whet.run(data, task=task, model=small, out=tmp_path / "run", settings=[*FAST, *settings])
    theirs = in_a_process(
        "-W", "ignore", "-c", TOKEN_BY_TOKEN, run.model, kind, json.dumps(TEXTS), cwd=tmp_path, HF_HUB_OFFLINE="1"
    )
    found = torch.tensor(json.loads(theirs.stdout.splitlines()[-1]))
    model = whet.load(run.path).model
    flat = Flat.join(model.tokenizer(list(TEXTS)).input_ids)
    with torch.inference_mode():
        ours = (
            model.engine.tokens(flat)
            if task == "token-classification"
            else model.engine.language(flat, torch.arange(flat.tokens))
        )[:, :50]
    assert float(ours.std()) > 0.01
    torch.testing.assert_close(found, ours, atol=1e-4, rtol=1e-4)
