"""The machine's choices: measured once and kept, asked again where anything differs, and never from free memory."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from families import FAMILIES
from whet.core import limits, memory
from whet.nn import machine, probe
from whet.nn.anatomy import read_anatomy
from whet.nn.probe import LAYOUTS, PRECISIONS

CPU = torch.device("cpu")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "machine.json"


@pytest.fixture
def probed(monkeypatch):
    """Stands in for the clock: what was measured, and the figures for a thread of each type, on a machine of 4 cores."""
    asked: list[tuple[int, int, tuple[int, ...]]] = []
    figures = {"float32": 100.0, "bfloat16": 200.0}

    def products(width, inner, device, counts):
        asked.append((width, inner, counts))
        return {
            n: {kind: dict.fromkeys(LAYOUTS, min(n, 2) * one) for kind, one in figures.items()} for n in counts
        }  # two threads a core: four are no faster than two

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(limits, "cores", lambda: 4)
    monkeypatch.setattr(probe, "products", products)
    monkeypatch.setattr(probe, "bandwidth", lambda device, counts: {n: 10.0 * n for n in counts})
    return asked, figures


def model(**changes):
    network = FAMILIES["bert"]("sequence", **changes)
    return network, read_anatomy(network)


def chosen(**changes):
    return machine.choose(model(**changes)[0].config, CPU)


def test_a_choice_is_measured_once_and_kept(cache, probed):
    asked, figures = probed
    assert (chosen().precision, chosen().threads) == ("bfloat16", 2)
    assert asked == [(32, 64, (1, 2, 4))]
    figures["bfloat16"] = 1.0
    assert chosen().precision == "bfloat16" and len(asked) == 1
    assert chosen().flops_per_second == 400e9
    assert [roof.bandwidth for roof in chosen().probe.roofs] == [10.0, 20.0, 40.0]


@pytest.mark.parametrize(("fast", "kind"), [(200.0, "bfloat16"), (110.0, "float32"), (50.0, "float32")])
def test_only_what_is_clearly_faster_is_chosen(cache, probed, fast, kind):
    probed[1]["bfloat16"] = fast
    assert chosen().precision == kind


def test_what_the_recipe_says_is_taken_and_said(cache, probed):
    config = model()[0].config
    found = machine.choose(config, CPU, "float32", 3)
    assert (found.precision, found.threads) == ("float32", 3)
    assert all("as the recipe says" in reason for reason in found.reasons)
    assert probed[0] == [(32, 64, (1, 2, 3, 4))] and found.flops_per_second == 200e9
    assert machine.choose(config, CPU, None, 3).precision == "bfloat16"


def test_an_order_by_the_environment_is_followed(cache, probed, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = chosen()
    assert found.threads == 1 and "as OMP_NUM_THREADS says" in found.reasons[1]
    assert probed[0] == [(32, 64, (1,))]
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert chosen().threads == 2 and probed[0][1:] == [(32, 64, (2, 4))], "only what is not known yet"


def test_another_shape_another_torch_or_another_machine_is_asked_anew(cache, probed, monkeypatch):
    asked, _ = probed
    chosen()
    chosen(intermediate_size=96)
    assert len(asked) == 2 and asked[-1][:2] == (32, 96)
    monkeypatch.setattr(torch, "__version__", "9.9")
    chosen()
    assert len(asked) == 3
    monkeypatch.setattr(machine, "_processor", lambda: "another processor")
    chosen()
    assert len(asked) == 4
    kept = json.loads(cache.read_text("utf-8"))
    assert len([one for one in kept.values() if "gflops" in one]) == 4
    assert len([one for one in kept.values() if "bandwidth" in one]) == 3


@pytest.mark.parametrize("text", ["{not json", "[1, 2]", "null", '"words"', '{"-cpu/2": {"precision": "float32"}}'])
def test_a_damaged_or_an_old_file_is_measured_over(cache, probed, text):
    cache.parent.mkdir(parents=True)
    cache.write_text(text, "utf-8")
    assert chosen().precision == "bfloat16"
    assert any("gflops" in one for one in json.loads(cache.read_text("utf-8")).values())


@pytest.mark.parametrize(
    "entry",
    [
        3,
        None,
        {},
        {"gflops": 3},
        {"gflops": {"1": {"float32": {"forward": "fast"}}}},
        {"gflops": {n: {kind: dict.fromkeys(LAYOUTS, -1.0) for kind in PRECISIONS} for n in "124"}, "load": "much"},
        {"gflops": {n: {"float32": dict.fromkeys(LAYOUTS, 1.0)} for n in "124"}},
        {"bandwidth": {"1": True, "2": None, "4": "1e9"}},
    ],
)
def test_an_entry_that_says_nothing_is_measured_over(cache, probed, entry):
    chosen()
    kept = json.loads(cache.read_text("utf-8"))
    cache.write_text(json.dumps(dict.fromkeys(kept, entry)), "utf-8")
    assert chosen().precision == "bfloat16"
    again = json.loads(cache.read_text("utf-8"))
    assert [one.get("gflops") for one in again.values()] == [one.get("gflops") for one in kept.values()]
    assert [one.get("bandwidth") for one in again.values()] == [one.get("bandwidth") for one in kept.values()]


def test_a_cache_that_cannot_be_written_is_done_without(cache, probed):
    cache.parent.write_text("a file where the folder should be", "utf-8")
    assert chosen().precision == "bfloat16"
    assert chosen().precision == "bfloat16"
    assert len(probed[0]) == 2
    assert cache.parent.is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions differ")
def test_an_unwritable_folder_raises_nothing(cache, probed, monkeypatch):
    def refuse(*args, **keywords):
        raise PermissionError("read-only")

    monkeypatch.setattr(machine.rundir, "write_json", refuse)
    assert chosen().precision == "bfloat16"


def test_the_real_probe_answers_and_takes_no_time(cache):
    assert chosen().precision in ("float32", "bfloat16")
    assert cache.is_file()


def test_a_bundle_in_float32_stays_so_without_a_probe(cache, probed):
    assert machine.at_most("float32", model()[0]) == "float32"
    assert probed[0] == []
    probed[1]["bfloat16"] = 9.0
    assert machine.at_most("bfloat16", model()[0]) == "float32"


def test_tokens_are_told_with_what_they_take():
    said = machine.about_tokens(1000, 2_000_000, CPU)
    assert said.startswith("1,000 tokens at once: about 2.0 GB of the ")


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
