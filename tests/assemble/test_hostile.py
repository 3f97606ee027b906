"""Model folders made by an enemy: nothing of theirs is run, fetched or unpickled, and each is refused with a cure.

Every test stands guard: who unpickles, opens a socket or asks at the terminal is caught at the end of the test even
where an error in between was swallowed, and so is whoever ran the code that lies in the folder.
"""

from __future__ import annotations

import builtins
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import families
import whet
import whet.assemble.source as sources
from whet.assemble.load import load, tokenizer_of
from whet.assemble.options import ModelOptions
from whet.assemble.vetting import refuse_larger
from whet.cli import main
from whet.core.errors import ModelError
from whet.core.foreign import Held
from whet.strategies import _peft
from whet.tasks.contract import Head

CODE = "open({!r}, 'w').close()\n"
NAMES = ("own", "modeling_own", "evil", "tokenization_own")
HEAD = Head("sequence", 2, None, ("bad", "good"))


class Evil:
    """Writes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.canary), "w")


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A tiny classifier with a tokenizer, as plain transformers saves it."""
    place = tmp_path_factory.mktemp("good") / "model"
    families.FAMILIES["bert"]("sequence", id2label={0: "bad", 1: "good"}).save_pretrained(place)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(families.WORDS - 5))]
    transformers.BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def lora(good, tmp_path_factory) -> Path:
    """An adapter for it, whose base is named in full, as PEFT saves it for a base on the disk."""
    place = tmp_path_factory.mktemp("lora") / "adapter"
    place.mkdir()
    target = "bert.encoder.layer.0.attention.self.query"
    tensors = {f"{target}.A": torch.ones(2, 32), f"{target}.B": torch.zeros(32, 2)}
    adapter = _peft.Adapter(2, 4.0, 0.0, "plain", (target,), (), tensors, str(good))
    _peft.write(place, _peft.config_of(adapter, "SEQ_CLS", False), _peft.state_of(adapter))
    return place


@pytest.fixture
def canary(tmp_path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def place(good, tmp_path, canary) -> Path:
    """A copy of the good model, with modules beside it that write the canary when they are imported."""
    found = shutil.copytree(good, tmp_path / "model")
    for name in NAMES:
        (found / f"{name}.py").write_text(CODE.format(str(canary)), "utf-8")
    return found


@pytest.fixture(autouse=True)
def guard(monkeypatch, canary, tmp_path):
    """Nothing is unpickled, fetched, asked or imported; looked at when the test is over."""
    touched: list[str] = []

    def caught(name: str) -> Callable[..., Any]:
        def catch(*args: Any, **options: Any) -> Any:
            touched.append(name)
            raise AssertionError(f"{name} was reached")

        return catch

    class Socket(socket.socket):
        def __init__(self, *args: Any, **options: Any) -> None:
            caught("a socket")()

    monkeypatch.setattr(socket, "socket", Socket)
    monkeypatch.setattr(builtins, "input", caught("a question at the terminal"))
    monkeypatch.setattr(pickle, "load", caught("pickle.load"))
    monkeypatch.setattr(pickle, "Unpickler", caught("pickle.Unpickler"))
    monkeypatch.setattr(torch, "load", caught("torch.load"))
    monkeypatch.setattr(np, "load", caught("numpy.load"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield touched
    assert touched == []
    assert not canary.exists()
    assert not [name for name in set(sys.modules) - before if name.startswith("transformers_modules") or name in NAMES]


def altered(path: Path, **entries: Any) -> None:
    """Set entries of a JSON file; None removes one."""
    found = {**(json.loads(path.read_text("utf-8")) if path.exists() else {}), **entries}
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}), "utf-8")


def config(**entries: Any) -> Callable[[Path], None]:
    return lambda place: altered(place / "config.json", **entries)


def words(**entries: Any) -> Callable[[Path], None]:
    return lambda place: altered(place / "tokenizer_config.json", **entries)


def text(name: str, whole: str) -> Callable[[Path], None]:
    return lambda place: (place / name).write_text(whole, "utf-8") and None


def only_a_pickle(name: str) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        (place / "model.safetensors").unlink()
        (place / name).write_bytes(pickle.dumps(Evil(place.parent / "canary")))

    return change


def header(**tensors: Any) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        raw = json.dumps(tensors).encode()
        (place / "model.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + b"\0" * 16)

    return change


def index(shard: Any) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        (place / "model.safetensors").rename(place.parent / "x.safetensors")
        weights = dict.fromkeys(load_file(place.parent / "x.safetensors"), shard)
        (place / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}), "utf-8")

    return change


def long_header(place: Path) -> None:
    (place / "model.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")


def outward(name: str) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        (place / name).rename(place.parent / name)
        (place / name).symlink_to(f"../{name}")

    return change


def not_a_number(place: Path) -> None:
    weights = load_file(place / "model.safetensors")
    weights["classifier.weight"][1, 2] = float("nan")
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})


def huge(place: Path) -> None:
    with (place / "tokenizer_config.json").open("wb") as file:
        file.truncate(500_000_000)


@dataclass(frozen=True)
class Case:
    """What is done to the model, and the words with which it is refused."""

    change: Callable[[Path], None]
    where: str
    what: str
    cure: str


DEEP = '{"a":' * 20_000 + "1" + "}" * 20_000
CASES = {
    "weights only as a pickle": Case(only_a_pickle("pytorch_model.bin"), "model", "pytorch_model.bin found", "convert"),
    "another name of it": Case(only_a_pickle("model.pt"), "model", "pickles are never loaded", "convert once"),
    "trust_remote_code": Case(config(trust_remote_code=True), "config.json", "trust_remote_code", "remove"),
    "the same, nested": Case(
        config(text_config={"trust_remote_code": True}), "config.json", "text_config.trust_remote_code", "remove"
    ),
    "the same for words": Case(words(trust_remote_code=True), "tokenizer_config.json", "trust_remote_code", "remove"),
    "a kernel": Case(config(_attn_implementation="org/kernel"), "config.json", "_attn_implementation", "remove"),
    "a kernel, inside": Case(
        config(_attn_implementation_internal="org/kernel:f"), "config.json", "fetched and run", "remove"
    ),
    "a kernel by part": Case(
        config(attn_implementation={"text_config": "org/kernel"}), "config.json", "attn_implementation.t", "remove"
    ),
    "a kernel, nested": Case(
        config(text_config={"attn_implementation": "org/k@v1"}), "config.json", "text_config.attn_imp", "remove"
    ),
    "a kernel in a list": Case(
        config(parts=[[{"_attn_implementation": "org/k"}]]), "config.json", "parts._attn_implementation", "remove"
    ),
    "experts": Case(config(_experts_implementation="org/experts"), "config.json", "_experts_implementation", "remove"),
    "kernel_config": Case(config(kernel_config={"a": "org/k"}), "config.json", "kernel_config", "remove"),
    "quantised by code": Case(
        config(quantization_config={"quant_method": "own.Evil"}), "config.json", "quantization_config", "before it was"
    ),
    "another file of weights": Case(
        config(transformers_weights="adapter_model.bin"), "config.json", "transformers_weights", "remove"
    ),
    "another configuration": Case(
        config(configuration_files=["config.4.0.0.json"]), "config.json", "configuration_files", "remove"
    ),
    "a backbone": Case(
        config(vision_config={"use_pretrained_backbone": True, "backbone": "org/x"}),
        "config.json",
        "backbone",
        "remove",
    ),
    "an unknown family": Case(
        config(model_type="own", auto_map={"AutoConfig": "own.Conf", "AutoModel": "own.Own"}),
        "config.json",
        "model_type is 'own'",
        "a family that transformers has",
    ),
    "an unknown family, nested": Case(
        config(text_config={"model_type": "org/own"}), "config.json", "text_config.model_type is 'org/own'", "family"
    ),
    "a family that is no text": Case(config(model_type=["bert"]), "config.json", "model_type is", "family"),
    "no family": Case(config(model_type=None), "config.json", "no model_type", "bert"),
    "a tokenizer that is a model": Case(
        words(tokenizer_class="AutoModelForCausalLM"), "tokenizer_config.json", "is no tokenizer", "PreTrainedTok"
    ),
    "a tokenizer that begins anew": Case(
        words(tokenizer_class="AutoTokenizer"), "tokenizer_config.json", "is no tokenizer", "PreTrainedTokenizerFast"
    ),
    "a tokenizer by its path": Case(
        words(tokenizer_class="evil.Evil"), "tokenizer_config.json", "'evil.Evil', which is no", "tokenizer.json"
    ),
    "a tokenizer with code only": Case(
        lambda place: (
            (place / "tokenizer.json").unlink(),
            words(tokenizer_class="Own", auto_map={"AutoTokenizer": ["own.Own", None]})(place),
        )[1],
        "tokenizer_config.json",
        "'Own', which transformers lacks",
        "tokenizer.json",
    ),
    "a thousand million words": Case(words(extra_ids=10**9), "tokenizer_config.json", "extra_ids", "correct"),
    "a wide one": Case(config(hidden_size=4 * 10**9), "config.json", "implies more than 4 times", "correct its sizes"),
    "many words": Case(config(vocab_size=10**12), "config.json", "implies more than 4 times", "correct its sizes"),
    "beyond 64 bits": Case(config(vocab_size=10**30), "", "cannot be", ""),
    "many places": Case(config(max_position_embeddings=10**10), "config.json", "4 times", "correct its sizes"),
    "many blocks": Case(config(num_hidden_layers=10**6), "config.json", "num_hidden_layers", "correct"),
    "fewer, still many": Case(config(num_hidden_layers=200_000), "config.json", "4 times", "correct its sizes"),
    "many labels": Case(config(num_labels=10**10, id2label=None), "config.json", "num_labels", "correct"),
    "deep": Case(text("config.json", DEEP), "config.json", "nested too deep", "get the file again"),
    "deep, beside": Case(text("generation_config.json", DEEP), "generation_config.json", "too deep", "get the file"),
    "deep words": Case(text("tokenizer.json", DEEP), "model", "tokenizer cannot be read", "tokenizer.json"),
    "huge": Case(huge, "tokenizer_config.json", "500,000,000 bytes", "get the file again"),
    "no object": Case(text("config.json", "[1, 2]"), "config.json", "a list", "get the file again"),
    "no JSON": Case(text("config.json", "{'a': 1"), "config.json", "cannot be read", "get the file again"),
    "not for its family": Case(config(num_hidden_layers="two"), "config.json", "settings cannot be used", "correct"),
    "overlap": Case(
        header(
            a={"dtype": "F32", "shape": [3], "data_offsets": [0, 12]},
            b={"dtype": "F32", "shape": [3], "data_offsets": [4, 16]},
        ),
        "model.safetensors",
        "overlaps",
        "get the file again",
    ),
    "a header of 2^40": Case(long_header, "model.safetensors", "no whole safetensors", "get the file again"),
    "a shard above": Case(index("../x.safetensors"), "index.json", "'../x.safetensors'", "lie beside it"),
    "a shard elsewhere": Case(index("/etc/x.safetensors"), "index.json", "'/etc/x.safetensors'", "lie beside it"),
    "a shard that is a pickle": Case(index("own.bin"), "index.json", "'own.bin'", "lie beside it"),
    "a shard that is no name": Case(index(["x.safetensors"]), "index.json", "no safetensors file", "lie beside it"),
    "a shard that lacks": Case(index("y.safetensors"), "index.json", "y.safetensors is missing", "get the model"),
    "no shards": Case(
        lambda place: (index("x")(place), text("model.safetensors.index.json", "{}")(place))[1],
        "index.json",
        "no weight_map",
        "get the file again",
    ),
    "weights elsewhere": Case(outward("model.safetensors"), "model.safetensors", "leads out", "a copy"),
    "words elsewhere": Case(outward("tokenizer.json"), "tokenizer.json", "leads out", "a copy"),
    "settings elsewhere": Case(outward("config.json"), "config.json", "leads out", "a copy"),
    "not a number": Case(not_a_number, "model", "classifier.weight are not all finite", "get the model again"),
    "a bundle's weights above": Case(
        text("whet.json", '{"weights": {"../canary": "0"}}'), "whet.json", "not named as whet", "restore"
    ),
    "a bundle that says nothing": Case(text("whet.json", '{"task": 5}'), "model", "does not say how", "restore"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_at_the_command_line(name, place, capsys):
    case = CASES[name]
    case.change(place)
    assert main(["predict", str(place), "w1 w2"]) == 4
    told = capsys.readouterr()
    refused_well(told.err, case)
    assert told.err.startswith("error:") and told.out == ""


def refused_well(said: str, case: Case) -> None:
    """One message, with the file, what is wrong with it, and a cure; no trace."""
    head, _, cure = said[said.index("error:") :].partition("cure:")
    assert "Traceback" not in said
    assert case.what in head and case.where in head, said
    assert cure.strip() and case.cure in cure, said
    assert len(head + cure) < 1500


def test_the_model_of_these_tests_is_good_and_its_answers_are_given(place, capsys):
    """Else everything would be refused for another reason."""
    assert main(["predict", str(place), "w1 w2"]) == 0
    assert json.loads(capsys.readouterr().out)["prediction"] in ("bad", "good")


PICKLES = ("pytorch_model.bin", "model.bin", "optimizer.pt", "rng_state.pth", "training_args.bin", ".metadata",
           "vocab.pkl", "tokenizer.pkl", "scheduler.ckpt", "adapter_model.bin", "arrays.npy")  # fmt: skip


def with_pickles(place: Path, canary: Path) -> None:
    for name in PICKLES:
        (place / name).write_bytes(pickle.dumps(Evil(canary)))
    np.save(place / "arrays.npy", np.array([Evil(canary)], dtype=object), allow_pickle=True)


def test_a_pickle_beside_good_weights_is_never_opened(place, lora, canary, tmp_path, capsys):
    with_pickles(place, canary)
    adapter = shutil.copytree(lora, tmp_path / "adapter")
    altered(adapter / "adapter_config.json", base_model_name_or_path=str(place))
    with_pickles(adapter, canary)
    for model in (place, adapter):
        assert main(["predict", str(model), "w1 w2"]) == 0, capsys.readouterr().err


def test_the_pickles_are_alive(place, canary, guard):
    """Unpickled, any of them writes the canary, so that an untouched canary says something."""
    with_pickles(place, canary)
    for name in PICKLES[:-1]:
        with (place / name).open("rb") as file:
            pickle._Unpickler(file).load().close()  # type: ignore[attr-defined]
        assert canary.exists(), name
        canary.unlink()
    found = subprocess.run(
        [sys.executable, "-c", f"import numpy; numpy.load({str(place / 'arrays.npy')!r}, allow_pickle=True)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert canary.exists(), found.stderr
    canary.unlink()


ROWS = "text,label\n" + "".join(f"w{n} w{n + 1} w{n % 7},{('good', 'bad')[n % 2]}\n" for n in range(60))
FAST = ("train.epochs=1", "train.threads=1", "train.batch_size=16", "train.precision=float32")


def test_a_run_among_pickles_trains_measures_and_goes_on(place, canary, tmp_path, capsys):
    """As a model to train, a run to resume, a bundle to predict with and one to measure."""
    (tmp_path / "rows.csv").write_text(ROWS, "utf-8")
    with_pickles(place, canary)
    settings = [part for one in (*FAST, "train.evaluate_every=1") for part in ("--set", one)]
    assert main(["run", "rows.csv", "--model", str(place), "--out", "run", *settings]) in (0, 5), (
        capsys.readouterr().err
    )
    run = tmp_path / "run"
    for folder in (run, run / "model", *(run / "checkpoints").glob("*")):
        with_pickles(folder, canary)
    altered(run / "state.json", status="interrupted")
    assert main(["resume", "run"]) in (0, 5), capsys.readouterr().err
    with_pickles(run / "model", canary)
    assert main(["predict", "run", "w1 w2"]) == 0, capsys.readouterr().err
    assert main(["evaluate", "run", "rows.csv"]) in (0, 5), capsys.readouterr().err


@pytest.mark.parametrize("verb", ["run", "plan", "evaluate"])
def test_the_other_verbs_refuse_too(verb, place, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text(ROWS, "utf-8")
    case = CASES["weights only as a pickle"]
    case.change(place)
    model = [str(place), "rows.csv"] if verb == "evaluate" else ["rows.csv", "--model", str(place)]
    assert main([verb, *model, "--out", "run"]) == 4
    refused_well(capsys.readouterr().err, case)
    assert not (tmp_path / "run").exists()


ADAPTERS = {
    "only a pickle": Case(
        lambda place: (
            (place / "adapter_model.safetensors").unlink(),
            (place / "adapter_model.bin").write_bytes(pickle.dumps(Evil(place.parent / "canary"))),
        )[0],
        "adapter",
        "pickles are never loaded",
        "current PEFT",
    ),
    "a base on the net": Case(
        lambda place: altered(place / "adapter_config.json", base_model_name_or_path="https://evil.test/a/b"),
        "adapter_config.json",
        "'https://evil.test/a/b', no directory and no name",
        "base_model_name_or_path",
    ),
    "a base on another machine": Case(
        lambda place: altered(place / "adapter_config.json", base_model_name_or_path="\\\\evil\\share"),
        "adapter_config.json",
        "no directory and no name",
        "base_model_name_or_path",
    ),
    "a base elsewhere that is none": Case(
        lambda place: altered(place / "adapter_config.json", base_model_name_or_path="/etc"),
        "adapter_config.json",
        "base model /etc cannot be used: there is no config.json",
        "base_model_name_or_path",
    ),
    "itself as its base": Case(
        lambda place: altered(place / "adapter_config.json", base_model_name_or_path=str(place)),
        "adapter_config.json",
        "itself an adapter",
        "merge",
    ),
    "no base": Case(
        lambda place: altered(place / "adapter_config.json", base_model_name_or_path=None),
        "adapter_config.json",
        "does not name its base",
        "add base_model",
    ),
    "auto_mapping": Case(
        lambda place: altered(
            place / "adapter_config.json", auto_mapping={"base_model_class": "Own", "parent_library": "evil"}
        ),
        "adapter_config.json",
        "auto_mapping names 'evil'",
        "remove the entry",
    ),
    "an unknown type": Case(
        lambda place: altered(place / "adapter_config.json", peft_type="EVIL"),
        "adapter_config.json",
        "EVIL",
        "merge",
    ),
    "no number": Case(
        lambda place: altered(place / "adapter_config.json", lora_alpha=float("nan")),
        "adapter_config.json",
        "lora_alpha='nan'",
        "correct",
    ),
    "weights that lie": Case(
        lambda place: (place / "adapter_model.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}") and None,
        "adapter_model.safetensors",
        "no whole safetensors",
        "get the file again",
    ),
    "deep": Case(text("adapter_config.json", DEEP), "adapter_config.json", "too deep", "get the file"),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_refused_at_the_command_line(name, lora, tmp_path, capsys):
    place = shutil.copytree(lora, tmp_path / "adapter")
    assert main(["predict", str(place), "w1 w2"]) == 0, capsys.readouterr().err
    ADAPTERS[name].change(place)
    assert main(["predict", str(place), "w1 w2"]) == 4
    refused_well(capsys.readouterr().err, ADAPTERS[name])


@pytest.mark.parametrize(
    "name", ["weights only as a pickle", "trust_remote_code", "a shard above", "weights elsewhere"]
)
def test_the_base_of_an_adapter_is_looked_through_like_any_model(name, lora, place, tmp_path, capsys):
    adapter = shutil.copytree(lora, tmp_path / "adapter")
    altered(adapter / "adapter_config.json", base_model_name_or_path=str(place))
    CASES[name].change(place)
    assert main(["predict", str(adapter), "w1 w2"]) == 4
    said = capsys.readouterr().err
    assert CASES[name].what in said and CASES[name].where in said and "base_model_name_or_path" in said


SET_ASIDE = {
    "code of a native family": (
        config(auto_map={"AutoConfig": "own.Conf", "AutoModelForSequenceClassification": "org/evil--own.Own"}),
        "auto_map names code",
    ),
    "code of a part": (config(text_config={"model_type": "bert", "auto_map": {"A": "own.A"}}), "text_config.auto_map"),
    "a pipeline": (config(custom_pipelines={"x": {"impl": "evil.X"}}), "custom_pipelines names code"),
    "a known way": (config(_attn_implementation="flash_attention_2"), "is not followed"),
    "a class that is not there": (
        config(architectures=["own.EvilForSequenceClassification"]),
        "transformers lacks own",
    ),
    "code of the tokenizer": (words(auto_map={"AutoTokenizer": ["own.Slow", "own.Own"]}), "auto_map names code"),
    "a tokenizer that is not there": (words(tokenizer_class="OwnTokenizerFast"), "transformers lacks OwnTokenizerFast"),
    "both": (
        words(tokenizer_class="OwnTokenizer", auto_map={"AutoTokenizer": [None, "tokenization_own.OwnTokenizer"]}),
        "transformers lacks OwnTokenizer",
    ),
}


@pytest.mark.parametrize("name", SET_ASIDE)
def test_what_models_in_use_carry_is_set_aside_said_and_not_passed_on(name, place, good, tmp_path):
    """The network and the answers are those of the model without it, and so is the folder that is written."""
    change, said = SET_ASIDE[name]
    change(place)
    source = sources.find(str(place))
    found, wanted = (load(one, HEAD, ModelOptions(), 0) for one in (source, sources.find(str(good))))
    assert any(said in sentence for sentence in found.sentences()), found.sentences()
    assert not wanted.sentences()
    for one, other in zip(found.network.parameters(), wanted.network.parameters(), strict=True):
        assert one.equal(other)
    tokenizer = tokenizer_of(source)
    assert tokenizer("w3 w4").input_ids == tokenizer_of(sources.find(str(good)))("w3 w4").input_ids
    found.network.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    for path in (tmp_path / "saved").glob("*.json"):
        assert not [name for name in ("own", "evil") if name in path.read_text("utf-8").lower().replace("unknown", "")]


def test_what_every_older_model_carries_is_no_matter(place, good):
    altered(place / "config.json", _attn_implementation_autoset=True, trust_remote_code=False, attn_implementation=None)
    assert not load(sources.find(str(place)), HEAD, ModelOptions(), 0).sentences()


def test_a_vocabulary_named_elsewhere_is_not_read(place, good, tmp_path):
    """transformers once followed vocab_file of tokenizer_config.json to any place on the disk."""
    (tmp_path / "secret.txt").write_text("[UNK]\nsecret\n", "utf-8")
    secret = str(tmp_path / "secret.txt")
    words(vocab_file=secret, tokenizer_file=secret, special_tokens_map_file=secret)(place)
    assert "secret" not in tokenizer_of(sources.find(str(place))).get_vocab()


def test_a_sharded_model_and_one_in_the_hubs_cache_load(place, good, tmp_path):
    network = transformers.AutoModelForSequenceClassification.from_pretrained(good)
    (place / "model.safetensors").unlink()
    network.save_pretrained(place, max_shard_size="20KB")
    assert (place / "model.safetensors.index.json").is_file()
    shot = tmp_path / "models--some--one" / "snapshots" / "0a1b"
    blobs = tmp_path / "models--some--one" / "blobs"
    shot.mkdir(parents=True)
    blobs.mkdir()
    for number, path in enumerate(path for path in place.iterdir() if path.suffix != ".py"):
        shutil.copy(path, blobs / str(number))
        (shot / path.name).symlink_to(f"../../blobs/{number}")
    for model in (place, shot):
        found = load(sources.find(str(model)), HEAD, ModelOptions(), 0)
        assert not found.sentences()
        for one, other in zip(found.network.parameters(), network.parameters(), strict=True):
            assert one.equal(other)


def test_sizes_are_compared_without_memory_and_without_draws(place):
    """Four times the weights pass, more do not; the next random number is the one that it would have been."""
    settings = transformers.BertConfig(vocab_size=10**6, hidden_size=64, num_hidden_layers=1, num_attention_heads=2)
    state = torch.get_rng_state()

    def build() -> object:
        return transformers.AutoModel.from_config(settings)

    with torch.device("meta"):
        network = build()
        numbers = sum(one.numel() for one in [*network.parameters(), *network.buffers()]) - 2**24
    refuse_larger(build, Held(1000, -(-numbers // 4)), place)
    with pytest.raises(ModelError, match="implies more than 4 times"):
        refuse_larger(build, Held(1000, numbers // 4 - 1), place)
    assert torch.get_rng_state().equal(state)
    torch.nn.Linear(10, 10)  # the count of it has ended


GROWTH = """
import resource, sys, json
import whet, torch, transformers
from whet.cli import main

def peak():
    # In KiB; the system's own figure for a child begins with its parent's peak, so Linux's page is read.
    try:
        with open("/proc/self/status") as page:
            return int(next(line for line in page if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

good, bad = sys.argv[1:]
assert main(["predict", good, "w1 w2"]) == 0
before = peak()
code = main(["predict", bad, "w1 w2"])
print(json.dumps([code, peak() - before]))
"""


@pytest.mark.parametrize("name", ["a wide one", "many words", "fewer, still many", "a header of 2^40", "deep", "huge"])
def test_in_a_process_of_its_own_it_costs_little(name, place, good):
    CASES[name].change(place)
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GROWTH, str(good), str(place)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    code, kibibytes = json.loads(found.stdout.splitlines()[-1])
    assert code == 4 and kibibytes < 200_000
    refused_well(found.stderr, CASES[name])


def test_many_faults_are_named_at_once(place):
    config(trust_remote_code=True, _attn_implementation="org/k", quantization_config={"a": 1})(place)
    words(tokenizer_class="AutoModel")(place)
    long_header(place)
    with pytest.raises(ModelError) as refused:
        whet.load(place)
    assert len(refused.value.faults) == 5 and len({fault.where for fault in refused.value.faults}) == 3


def test_an_adapters_reader_looks_at_the_header_itself(lora, tmp_path):
    """Whoever comes by another way than a model's name is guarded too."""
    place = shutil.copytree(lora, tmp_path / "adapter")
    raw = bytearray((place / _peft.WEIGHTS).read_bytes())
    raw += b"left over"
    (place / _peft.WEIGHTS).write_bytes(raw)
    with pytest.raises(ModelError, match="speaks of"):
        _peft.read(place)
