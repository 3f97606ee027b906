"""What is each strategy's own: the exact sets that move, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import families
from strategies import exercise
from strategies.exercise import installed
from whet.core.errors import ModelError, UsageError
from whet.nn.anatomy import read_anatomy
from whet.strategies.bitfit import BitFit
from whet.strategies.freeze import Freeze
from whet.strategies.full import Full
from whet.strategies.head import Head
from whet.strategies.lora import Lora
from whet.train.fit import quieten


def moving(network: nn.Module) -> set[str]:
    return {name for name, tensor in network.named_parameters() if tensor.requires_grad}


def bert(layers: int = 6, kind: str = "sequence", **changes):
    network = families.FAMILIES["bert"](kind, num_hidden_layers=layers, **changes)
    return network, read_anatomy(network)


@pytest.mark.parametrize(
    ("blocks", "still"), [(0, 0), (1, 1), (4, 4), (6, 6), (0.5, 3), (0.49, 2), (2 / 3, 4), (0.99, 5), (4.0, 4)]
)
def test_freeze_holds_a_count_or_a_share_still(blocks, still):
    network, anatomy = bert()
    strategy = Freeze(blocks=blocks)
    strategy.install(network, anatomy)
    assert strategy.still(anatomy) == strategy.cut(anatomy) == still
    low = {"bert.embeddings", *(f"bert.encoder.layer.{number}" for number in range(still))}
    names = {name for name, _ in network.named_parameters()}
    assert moving(network) == {name for name in names if not any(name.startswith(one + ".") for one in low)}


@pytest.mark.parametrize("blocks", [-1, 7, 2.5, -0.1])
def test_freeze_refuses_what_the_model_does_not_have(blocks):
    with pytest.raises(UsageError, match=r"strategy\.blocks"):
        Freeze(blocks=blocks).install(*bert())


def test_freeze_counts_an_encoder_decoders_blocks_from_the_encoder_on():
    network = families.FAMILIES["t5"]("sequence")
    anatomy = read_anatomy(network)
    Freeze(blocks=0.5).install(network, anatomy)
    assert not any(name.startswith(("transformer.encoder.", "transformer.shared")) for name in moving(network))
    blocks = {name.split(".")[3] for name in moving(network) if name.startswith("transformer.decoder.block.")}
    assert blocks == {"0", "1"}


def _dropouts(network: nn.Module) -> dict[str, bool]:
    return {name: one.training for name, one in network.named_modules() if type(one).__name__.endswith("Dropout")}


def test_below_the_cut_dropout_is_off_and_the_states_stand_still():
    tuned = installed(Freeze(blocks=1), "bert", dropout=0.5)
    quieten(tuned.engine, tuned.strategy.cut(tuned.anatomy))
    below = ("bert.embeddings", "bert.encoder.layer.0.")
    found = _dropouts(tuned.network)
    assert {name for name, noisy in found.items() if not noisy} == {one for one in found if one.startswith(below)}
    assert any(found.values()) and not all(found.values())
    seen: list[list[torch.Tensor]] = [[], []]
    blocks = [tuned.network.get_submodule(block.name) for block in tuned.anatomy.blocks]
    for block, states in zip(blocks, seen, strict=True):
        block.register_forward_hook(lambda _, given, found, states=states: states.append(_first(found)))
    flat = exercise.Flat.join(exercise.texts(tuned.network)[0])
    for seed in (0, 1):
        torch.manual_seed(seed)
        tuned.engine.sequence(flat)
    assert torch.equal(*seen[0]) and not torch.equal(*seen[1])


def _first(found) -> torch.Tensor:
    return found[0] if isinstance(found, tuple) else found


def test_bitfit_moves_every_bias_and_the_head_and_nothing_else():
    network, anatomy = bert(2)
    BitFit().install(network, anatomy)
    parts = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
    parts += ("attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm")
    blocks = {f"bert.encoder.layer.{number}.{part}.bias" for number in range(2) for part in parts}
    rest = {"bert.embeddings.LayerNorm.bias", "bert.pooler.dense.bias", "classifier.bias", "classifier.weight"}
    assert moving(network) == blocks | rest


def test_bitfit_takes_no_table_of_positions_for_a_bias():
    network = families.FAMILIES["mpnet"]()
    assert any("relative_attention_bias.weight" in name for name, _ in network.named_parameters())
    BitFit().install(network, read_anatomy(network))
    assert moving(network) and not any("relative_attention_bias" in name for name in moving(network))


@pytest.mark.parametrize("family", ["llama", "gemma", "t5"])
def test_bitfit_refuses_a_model_without_biases_by_name(family):
    network = families.FAMILIES[family]()
    with pytest.raises(ModelError, match=f"{family} model has no biases"):
        BitFit().install(network, read_anatomy(network))


def test_head_moves_the_head_alone():
    network, anatomy = bert()
    Head().install(network, anatomy)
    assert moving(network) == {"classifier.weight", "classifier.bias"}
    assert Head().cut(anatomy) == 6


@pytest.mark.parametrize(("family", "kind"), [("gpt2", "causal"), ("llama", "causal"), ("t5", "seq2seq")])
def test_head_refuses_a_language_head_that_is_tied_to_the_embeddings(family, kind):
    tied = families.FAMILIES[family](kind, tie_word_embeddings=True)
    with pytest.raises(ModelError) as refused:
        Head().install(tied, read_anatomy(tied))
    assert refused.value.faults[0].cure


def test_head_trains_a_language_head_of_its_own():
    loose = families.FAMILIES["llama"]("causal", tie_word_embeddings=False)
    Head().install(loose, read_anatomy(loose))
    assert moving(loose) == {"lm_head.weight"}


@pytest.mark.parametrize("strategy", [Full(head_rate=7.0), BitFit(head_rate=7.0)])
def test_the_heads_rate_is_the_heads_alone(strategy):
    network, anatomy = bert(2)
    strategy.install(network, anatomy)
    for group in strategy.groups(network, anatomy, 1e-3, 0.01):
        for name in group.names:
            assert group.rate == pytest.approx(7e-3 if name.startswith("classifier") else 1e-3)
            assert group.decay == (0.01 if name.endswith("weight") and "Norm" not in name else 0.0)


def test_lora_puts_layers_where_it_is_told_and_names_what_is_missing():
    network, anatomy = bert(2)
    Lora(rank=2, targets=("query", "intermediate.dense"), whole=("pooler",)).install(network, anatomy)
    added = {
        f"bert.encoder.layer.{number}.{part}.{matrix}"
        for number in range(2)
        for part in ("attention.self.query", "intermediate.dense")
        for matrix in "AB"
    }
    rest = {f"{module}.{part}" for module in ("classifier", "bert.pooler.dense") for part in ("weight", "bias")}
    assert moving(network) == added | rest
    with pytest.raises(UsageError, match="qery") as refused:
        Lora(targets=("qery",)).install(*bert(2))
    assert "query" in refused.value.faults[0].cure
    with pytest.raises(UsageError, match="poler"):
        Lora(whole=("poler",)).install(*bert(2))


@pytest.mark.parametrize("options", [{"rank": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_lora_refuses_options_that_make_no_layer(options):
    with pytest.raises(UsageError):
        Lora(**options)
