"""The machine's choices: measured once and kept, asked again where anything differs, and never from free memory."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from families import FAMILIES
from whet.core import memory
from whet.nn import machine
from whet.nn.anatomy import read_anatomy


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "machine.json"


@pytest.fixture
def probed(monkeypatch):
    """Stands in for the clock: the types that were measured, and how many seconds each takes."""
    asked: list[tuple[torch.dtype, int, int]] = []
    seconds = {torch.float32: 2.0, torch.bfloat16: 1.0}

    def measure(kind, width, inner, device):
        asked.append((kind, width, inner))
        return seconds[kind]

    monkeypatch.setattr(machine, "_seconds", measure)
    return asked, seconds


def model(**changes):
    network = FAMILIES["bert"]("sequence", **changes)
    return network, read_anatomy(network)


def test_a_choice_is_measured_once_and_kept(cache, probed):
    asked, seconds = probed
    assert machine.precision(model()[0]) == "bfloat16"
    assert len(asked) == 2
    kept = json.loads(cache.read_text("utf-8"))
    assert [one["precision"] for one in kept.values()] == ["bfloat16"]
    seconds[torch.bfloat16] = 9.0
    assert machine.precision(model()[0]) == "bfloat16"
    assert len(asked) == 2


@pytest.mark.parametrize(("fast", "chosen"), [(1.0, "bfloat16"), (1.9, "float32"), (4.0, "float32")])
def test_only_what_is_clearly_faster_is_chosen(cache, probed, fast, chosen):
    probed[1][torch.bfloat16] = fast
    assert machine.precision(model()[0]) == chosen


def test_another_shape_another_torch_or_another_machine_is_asked_anew(cache, probed, monkeypatch):
    asked, _ = probed
    machine.precision(model()[0])
    machine.precision(model(intermediate_size=96)[0])
    assert len(asked) == 4 and asked[-1][1:] == (32, 96)
    monkeypatch.setattr(torch, "__version__", "9.9")
    machine.precision(model()[0])
    assert len(asked) == 6
    monkeypatch.setattr(machine, "_processor", lambda: "another processor")
    machine.precision(model()[0])
    assert len(asked) == 8
    assert len(json.loads(cache.read_text("utf-8"))) == 4


def test_a_damaged_cache_is_measured_over(cache, probed):
    cache.parent.mkdir(parents=True)
    cache.write_text("{not json", "utf-8")
    assert machine.precision(model()[0]) == "bfloat16"
    assert len(json.loads(cache.read_text("utf-8"))) == 1


@pytest.mark.parametrize("text", ["[1, 2]", "null", '"words"'])
def test_json_that_is_no_table_is_measured_over(cache, probed, text):
    cache.parent.mkdir(parents=True)
    cache.write_text(text, "utf-8")
    assert machine.precision(model()[0]) == "bfloat16"


@pytest.mark.parametrize("entry", [3, None, {}, {"precision": "float7"}])
def test_an_entry_that_says_nothing_is_measured_over(cache, probed, entry):
    machine.precision(model()[0])
    kept = json.loads(cache.read_text("utf-8"))
    cache.write_text(json.dumps(dict.fromkeys(kept, entry)), "utf-8")
    assert machine.precision(model()[0]) == "bfloat16"
    assert json.loads(cache.read_text("utf-8")) == kept


def test_a_cache_that_cannot_be_written_is_done_without(cache, probed):
    cache.parent.write_text("a file where the folder should be", "utf-8")
    assert machine.precision(model()[0]) == "bfloat16"
    assert machine.precision(model()[0]) == "bfloat16"
    assert len(probed[0]) == 4
    assert cache.parent.is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions differ")
def test_an_unwritable_folder_raises_nothing(cache, probed, monkeypatch):
    def refuse(*args, **keywords):
        raise PermissionError("read-only")

    monkeypatch.setattr(machine.rundir, "write_json", refuse)
    assert machine.precision(model()[0]) == "bfloat16"


def test_the_real_probe_answers_and_takes_no_time(cache):
    assert machine.precision(model()[0]) in ("float32", "bfloat16")
    assert cache.is_file()


def test_a_bundle_in_float32_stays_so_without_a_probe(cache, probed):
    assert machine.at_most("float32", model()[0]) == "float32"
    assert probed[0] == []
    probed[1][torch.bfloat16] = 9.0
    assert machine.at_most("bfloat16", model()[0]) == "float32"


def test_tokens_follow_total_memory_between_bounds(monkeypatch):
    network, anatomy = model()
    found = []
    for total in (2**20, 2**25, 2**26, 2**27, 2**50):
        monkeypatch.setattr(memory, "total_bytes", lambda total=total: total)
        found.append(machine.tokens_per_batch(network, anatomy))
    assert found[0] == machine.LEAST_TOKENS and found[-1] == machine.MOST_TOKENS
    assert found == sorted(found) and len(set(found)) >= 3
    assert all(tokens & (tokens - 1) == 0 for tokens in found)


def test_free_memory_does_not_matter(monkeypatch):
    network, anatomy = model()
    monkeypatch.setattr(memory, "total_bytes", lambda: 2**26)
    before = machine.tokens_per_batch(network, anatomy)
    ballast = torch.ones(1000, 1000)
    assert machine.tokens_per_batch(network, anatomy) == before
    assert ballast.numel() == 1_000_000


def test_a_wider_or_deeper_model_gets_fewer_tokens(monkeypatch):
    monkeypatch.setattr(memory, "total_bytes", lambda: 2**27)
    small = machine.tokens_per_batch(*model())
    assert machine.tokens_per_batch(*model(hidden_size=128, intermediate_size=256)) < small
    assert machine.tokens_per_batch(*model(num_hidden_layers=8)) < small


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_has_a_shape(name):
    network = FAMILIES[name](FAMILIES[name].kinds[0])
    widest = max(max(parameter.shape) for block in read_anatomy(network).blocks for parameter in rows(network, block))
    width, inner = machine.shape(network.config)
    assert width == 32 and inner in (widest, widest // 2)  # fused up and gate are twice as wide


def rows(network, block):
    layers = [*block.linears["up"], *block.linears["down"]]
    return [network.get_submodule(layer).weight for layer in layers]
