"""LoRA against PEFT: the same forward pass, the same training, and adapters that travel both ways."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import peft
import pytest
import torch
import transformers
from torch import nn

import families
from whet.core.errors import ModelError
from whet.nn.anatomy import read_anatomy
from whet.nn.lowrank import LowRank, low_rank_layers, merge_all
from whet.strategies import _adapter, _peft
from whet.strategies.lora import Lora

FAMILIES = ("bert", "gpt2", "llama", "t5", "bart")
VARIANTS = ("plain", "rslora", "dora")
by_family = pytest.mark.parametrize("family", FAMILIES)
by_variant = pytest.mark.parametrize("variant", VARIANTS)


@dataclass(frozen=True)
class Rows:
    """Eight padded rows: ids and mask [8, 11], labels [8]."""

    ids: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor


def rows_for(config) -> Rows:
    """Rows of 4 to 11 tokens, padded on the right; their second token tells the label."""
    draw = torch.Generator().manual_seed(7)
    ids, mask = torch.full((8, 11), config.pad_token_id), torch.zeros(8, 11, dtype=torch.long)
    labels = torch.arange(8) % 2
    for row in range(8):
        length = 4 + row
        ids[row, :length] = torch.randint(7, config.vocab_size, (length,), generator=draw)
        ids[row, 1] = 5 + labels[row]
        if config.is_encoder_decoder:  # their heads read the state of the end token
            ids[row, length - 1] = config.eos_token_id
        mask[row, :length] = 1
    return Rows(ids, mask, labels)


def logits(network: nn.Module, rows: Rows) -> torch.Tensor:
    network.eval()
    with torch.no_grad():
        return network(input_ids=rows.ids, attention_mask=rows.mask).logits


def loss_of(network: nn.Module, rows: Rows) -> torch.Tensor:
    answers = network(input_ids=rows.ids, attention_mask=rows.mask).logits
    return nn.functional.cross_entropy(answers, rows.labels)


def train(network: nn.Module, optimizer: torch.optim.Optimizer, rows: Rows, steps: int) -> list[float]:
    losses = []
    network.train()
    for step in range(steps):
        torch.manual_seed(step)
        loss = loss_of(network, rows)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def train_ours(strategy: Lora, network: nn.Module, rows: Rows, steps: int, rate: float) -> list[float]:
    """AdamW over the strategy's own groups."""
    groups = strategy.groups(network, read_anatomy(network), rate, 0.01)
    named = [
        {"params": [network.get_parameter(n) for n in g.names], "lr": g.rate, "weight_decay": g.decay} for g in groups
    ]
    return train(network, torch.optim.AdamW(named), rows, steps)


def tiny(family: str, kind: str = "sequence") -> nn.Module:
    return families.FAMILIES[family](kind)


def twin(ours: nn.Module, family: str, strategy: Lora, kind: str = "sequence") -> peft.PeftModel:
    """PEFT's own model of the same base, with our A's, B's and lengths and the same head trained fully."""
    layers = dict(low_rank_layers(ours))
    network = tiny(family, kind)
    anatomy = read_anatomy(network)
    config = peft.LoraConfig(
        r=strategy.rank,
        lora_alpha=strategy.alpha,
        lora_dropout=strategy.dropout,
        target_modules=list(layers),
        modules_to_save=list(anatomy.head) if kind == "sequence" else None,
        use_rslora=strategy.variant == "rslora",
        use_dora=strategy.variant == "dora",
        fan_in_fan_out=family == "gpt2",
    )
    theirs = peft.get_peft_model(network, config)
    with torch.no_grad():
        for name, layer in layers.items():
            other = theirs.base_model.model.get_submodule(name)
            other.lora_A["default"].weight.copy_(layer.A)
            other.lora_B["default"].weight.copy_(layer.B)
            if layer.magnitude is not None:
                torch.testing.assert_close(other.lora_magnitude_vector["default"].weight, layer.magnitude)
    return theirs


def installed(family: str, strategy: Lora, kind: str = "sequence"):
    network = tiny(family, kind)
    anatomy = read_anatomy(network)
    torch.manual_seed(3)
    strategy.install(network, anatomy)
    return network, anatomy, rows_for(network.config)


def train_theirs(model: peft.PeftModel, rows: Rows, steps: int, rate: float) -> list[float]:
    """AdamW over PEFT's trainable weights, with the decay that our groups give: none for vectors."""
    named = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in named if p.ndim >= 2], "weight_decay": 0.01},
            {"params": [p for p in named if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=rate,
    )
    return train(model, optimizer, rows, steps)


@by_variant
@by_family
def test_ten_steps_of_training_equal_peft(family, variant):
    strategy = Lora(rank=4, alpha=8.0, variant=variant)
    network, _anatomy, rows = installed(family, strategy)
    theirs = twin(network, family, strategy)
    count = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert count == sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    mine = train_ours(strategy, network, rows, steps=10, rate=1e-3)
    assert mine == pytest.approx(train_theirs(theirs, rows, steps=10, rate=1e-3), abs=2e-5)
    torch.testing.assert_close(logits(network, rows), logits(theirs, rows), rtol=1e-3, atol=1e-4)
    assert mine[-1] < mine[0]


@by_variant
def test_dropout_falls_on_the_same_inputs_as_in_peft(variant):
    strategy = Lora(rank=4, alpha=8.0, dropout=0.5, variant=variant, targets=("down",))
    network, _anatomy, rows = installed("bert", strategy)
    _stir(network)
    theirs = twin(network, "bert", strategy)
    network.train(), theirs.train()
    torch.manual_seed(0)
    mine = loss_of(network, rows)
    torch.manual_seed(0)
    torch.testing.assert_close(mine, loss_of(theirs, rows))
    torch.manual_seed(1)
    assert not torch.isclose(mine, loss_of(network, rows))


@by_variant
@by_family
def test_an_adapter_trained_in_peft_is_a_start(family, variant, tmp_path: Path):
    strategy = Lora(rank=4, alpha=8.0, variant=variant)
    network, _, rows = installed(family, strategy)
    theirs = twin(network, family, strategy)
    train_theirs(theirs, rows, steps=3, rate=1e-2)
    theirs.save_pretrained(tmp_path)
    here = tiny(family)
    filled = _adapter.load(here, tmp_path)
    assert set(read_anatomy(here).head) & {name.partition(".")[0] for name in filled}
    torch.testing.assert_close(logits(here, rows), logits(theirs, rows), rtol=1e-4, atol=1e-5)
    merge_all(here)
    torch.testing.assert_close(logits(here, rows), logits(theirs, rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_language_model_keeps_its_own_head_still(family, tmp_path: Path):
    strategy = Lora(rank=4, alpha=8.0)
    network, anatomy, rows = installed(family, strategy, "causal")
    assert not any("lm_head" in name for name, p in network.named_parameters() if p.requires_grad)
    _stir(network)
    (place := tmp_path / "adapter").mkdir()
    tiny(family, "causal").save_pretrained(tmp_path / "base")
    assert strategy.save(network, anatomy, tmp_path / "base", place)
    assert json.loads((place / "adapter_config.json").read_text())["modules_to_save"] is None
    theirs = peft.AutoPeftModelForCausalLM.from_pretrained(place)
    torch.testing.assert_close(logits(theirs, rows), logits(network, rows), rtol=1e-4, atol=1e-5)


def test_the_saved_configuration_finds_its_base_alone(tmp_path: Path):
    strategy = Lora(rank=4, alpha=8.0, variant="rslora")
    network, anatomy, rows = installed("bert", strategy)
    _stir(network)
    (place := tmp_path / "adapter").mkdir()
    tiny("bert").save_pretrained(tmp_path / "base")
    assert strategy.save(network, anatomy, tmp_path / "base", place)
    config = json.loads((place / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tmp_path / "base")
    theirs = peft.AutoPeftModelForSequenceClassification.from_pretrained(place, num_labels=network.config.num_labels)
    torch.testing.assert_close(logits(theirs, rows), logits(network, rows), rtol=1e-4, atol=1e-5)


def test_further_modules_trained_fully_travel_along(tmp_path: Path):
    strategy = Lora(rank=2, alpha=4.0, targets=("query",), whole=("word_embeddings",))
    network, anatomy, rows = installed("bert", strategy)
    train_ours(strategy, network, rows, steps=2, rate=1e-2)
    (place := tmp_path / "adapter").mkdir()
    tiny("bert").save_pretrained(tmp_path / "base")
    strategy.save(network, anatomy, tmp_path / "base", place)
    base = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "base")
    theirs = peft.PeftModel.from_pretrained(base, place)
    torch.testing.assert_close(logits(theirs, rows), logits(network, rows), rtol=1e-4, atol=1e-5)
    here = tiny("bert")
    _adapter.load(here, place)
    torch.testing.assert_close(logits(here, rows), logits(network, rows), rtol=0, atol=0)


@by_variant
@by_family
def test_gradients_equal_peft(family, variant):
    strategy = Lora(rank=4, alpha=8.0, variant=variant)
    network, _, rows = installed(family, strategy)
    _stir(network)
    theirs = twin(network, family, strategy)
    mine, other = loss_of(network.eval(), rows), loss_of(theirs.eval(), rows)
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    mine.backward(), other.backward()
    layers = dict(low_rank_layers(network))
    assert layers
    for name, layer in layers.items():
        twins = theirs.base_model.model.get_submodule(name)
        pairs = [(layer.A, twins.lora_A["default"].weight), (layer.B, twins.lora_B["default"].weight)]
        if layer.magnitude is not None:
            pairs.append((layer.magnitude, twins.lora_magnitude_vector["default"].weight))
        for tensor, its_twin in pairs:
            assert tensor.grad is not None and tensor.grad.abs().max() > 0
            torch.testing.assert_close(tensor.grad, its_twin.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("task_type", "family", "kind", "endings"),
    [
        ("SEQ_CLS", "bert", "sequence", ["query", "value"]),
        ("CAUSAL_LM", "llama", "causal", ["q_proj", "down_proj"]),
        ("CAUSAL_LM", "gpt2", "causal", ["c_attn"]),
        ("FEATURE_EXTRACTION", "bert", "base", ["attention.output.dense"]),
        ("FEATURE_EXTRACTION", "bert", "base", "all-linear"),
    ],
)
def test_an_adapter_that_names_its_layers_by_ending_is_a_start(task_type, family, kind, endings, tmp_path: Path):
    config = peft.LoraConfig(task_type=task_type, r=4, target_modules=endings, fan_in_fan_out=family == "gpt2")
    torch.manual_seed(5)
    theirs = peft.get_peft_model(tiny(family, kind), config)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    theirs.save_pretrained(tmp_path)
    here = tiny(family, kind)
    rows = rows_for(here.config)
    before = _said(here, rows)
    _adapter.load(here, tmp_path)
    assert not torch.allclose(_said(here, rows), before)
    torch.testing.assert_close(_said(here, rows), _said(theirs, rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "targets"),
    [
        ("bert", ["query", "value"]),
        ("llama", ["q_proj", "down_proj"]),
        ("gpt2", ["c_attn"]),
        ("bart", ["q_proj", "fc1"]),
    ],
)
@pytest.mark.parametrize(("trained", "used"), [("sequence", "base"), ("base", "sequence")])
def test_an_adapter_trained_under_another_head_finds_its_layers(family, targets, trained, used, tmp_path: Path):
    """Its layers are called otherwise there (``encoder`` or ``bert.encoder``); the states must be the same."""
    other, here = tiny(family, trained), tiny(family, used)
    here.base_model.load_state_dict(other.base_model.state_dict(), strict=False)
    theirs = peft.get_peft_model(other, peft.LoraConfig(r=4, target_modules=targets, fan_in_fan_out=family == "gpt2"))
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    theirs.save_pretrained(tmp_path)
    rows = rows_for(other.config)
    _adapter.load(here, tmp_path)
    torch.testing.assert_close(_said(here.base_model, rows), _said(other.base_model, rows), rtol=1e-4, atol=1e-5)


def _said(network: nn.Module, rows: Rows) -> torch.Tensor:
    """The first of a network's answers: logits, or states where it has no head."""
    network.eval()
    with torch.no_grad():
        return network(input_ids=rows.ids, attention_mask=rows.mask)[0]


REFUSED = {
    "bias": "all",
    "rank_pattern": {"query": 8},
    "alpha_pattern": {"query": 8},
    "init_lora_weights": "pissa",
    "peft_type": "IA3",
    "layer_replication": [[0, 1]],
    "lora_bias": True,
}


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_what_is_not_understood_is_refused_by_name(key, tmp_path: Path):
    place = _saved(tmp_path)
    config = json.loads((place / "adapter_config.json").read_text())
    (place / "adapter_config.json").write_text(json.dumps({**config, key: REFUSED[key]}))
    with pytest.raises(ModelError, match="type is IA3" if key == "peft_type" else key):
        _peft.read(place)


def test_an_adapter_for_another_model_is_refused(tmp_path: Path):
    place = _saved(tmp_path)
    with pytest.raises(ModelError):
        _adapter.load(tiny("llama"), place)
    (place / "adapter_model.safetensors").rename(place / "adapter_model.bin")
    with pytest.raises(ModelError, match="pickles are never loaded"):
        _adapter.load(tiny("bert"), place)


def _saved(tmp_path: Path) -> Path:
    network, anatomy, _ = installed("bert", Lora(rank=2, alpha=4.0))
    (place := tmp_path / "adapter").mkdir()
    Lora(rank=2, alpha=4.0).save(network, anatomy, tmp_path, place)
    return place


def _stir(network: nn.Module) -> None:
    """Let every low-rank layer do something, as after training."""
    torch.manual_seed(11)
    for module in network.modules():
        if isinstance(module, LowRank):
            nn.init.normal_(module.B, std=0.1)
