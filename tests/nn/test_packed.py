"""The engine on every family: flat batches give what padded ones give, in answers, losses and gradients."""

from __future__ import annotations

import pytest
import torch

import families
from families import FAMILIES, WORDS
from whet.nn import attention
from whet.nn.anatomy import read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.packed import Engine, Flat, choose_path

LENGTHS = (17, 3, 30, 9, 29, 3, 12, 30)
TOLERANCE = 1e-4
GRADIENT = 2e-4
NAMES = sorted(FAMILIES)
WITH = [(name, kind) for name in NAMES for kind in FAMILIES[name].kinds if kind != "base"]


def sentences(lengths=LENGTHS, seed: int = 3, end: int | None = None) -> list[list[int]]:
    draw = torch.Generator().manual_seed(seed)
    rows = [torch.randint(5, WORDS, (length,), generator=draw).tolist() for length in lengths]
    return [[*row[:-1], end] for row in rows] if end is not None else rows


def batch(name: str, kind: str, network) -> Flat:
    end = network.config.eos_token_id if kind == "sequence" and read_anatomy(network).encoder_decoder else None
    decoder = Flat.join(sentences((5, 8, 2, 9, 2, 7, 3, 4), seed=5)) if kind == "seq2seq" else None
    return Flat.join(sentences(end=end), decoder=decoder)


def answer(engine: Engine, kind: str, flat: Flat) -> torch.Tensor:
    if kind == "sequence":
        return engine.sequence(flat)
    if kind == "token":
        return engine.tokens(flat)
    shown = flat if flat.decoder is None else flat.decoder
    return engine.language(flat, torch.arange(0, shown.tokens, 2))


def plain(network, kind: str, flat: Flat) -> torch.Tensor:
    """The family's own forward, one example at a time, without any batch at all."""
    found = []
    rows = flat.ids.split(flat.lengths)
    said = [None] * len(rows) if flat.decoder is None else flat.decoder.ids.split(flat.decoder.lengths)
    for row, spoken in zip(rows, said, strict=True):
        inputs = {"input_ids": row[None], "attention_mask": torch.ones_like(row[None])}
        if spoken is not None:
            inputs["decoder_input_ids"] = spoken[None]
        found.append(network(**inputs).logits[0])
    if kind == "sequence":
        return torch.stack(found)
    return torch.cat(found) if kind == "token" else torch.cat(found)[::2]


@pytest.mark.parametrize("name", NAMES)
def test_every_family_takes_its_path(name):
    network = FAMILIES[name](FAMILIES[name].kinds[-1])
    assert choose_path(network, read_anatomy(network)).path == FAMILIES[name].path


@pytest.mark.parametrize(("name", "kind"), WITH)
def test_flat_answers_as_the_family_does_alone(name, kind):
    network = FAMILIES[name](kind)
    flat = batch(name, kind, network)
    with torch.no_grad():
        expected = plain(network, kind, flat)
        anatomy = read_anatomy(network)
        for path in {FAMILIES[name].path, "padded"}:
            found = answer(Engine(network, anatomy, path), kind, flat)
            assert found.dtype == torch.float32
            assert (found - expected).abs().max() < TOLERANCE, path


@pytest.mark.parametrize(("name", "kind"), WITH)
def test_flat_and_padded_have_the_same_loss_and_gradients(name, kind):
    network = FAMILIES[name](kind)
    anatomy, flat = read_anatomy(network), batch(name, kind, network)
    network.train()
    losses, gradients = [], []
    for path in (FAMILIES[name].path, "padded"):
        network.zero_grad()
        loss = torch.nn.functional.log_softmax(answer(Engine(network, anatomy, path), kind, flat), -1)[:, 0].sum()
        loss.backward()
        losses.append(loss.item())
        gradients.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None})
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 10
    whole = max(float(gradient.abs().max()) for gradient in gradients[1].values())
    for part, gradient in gradients[0].items():
        assert (gradient - gradients[1][part]).abs().max() < GRADIENT * whole, part


@pytest.mark.parametrize("name", ["bert", "modernbert", "llama", "deberta-v2", "bart"])
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(name):
    network = FAMILIES[name]("sequence")
    end = network.config.eos_token_id if name == "bart" else None
    engine = Engine(network, read_anatomy(network), FAMILIES[name].path)
    rows = sentences(end=end)
    with torch.no_grad():
        whole = engine.sequence(Flat.join(rows))
        alone = torch.cat([engine.sequence(Flat.join([row])) for row in rows])
        turned = engine.sequence(Flat.join(rows[::-1])).flip(0)
    assert (whole - alone).abs().max() < TOLERANCE
    assert (whole - turned).abs().max() < TOLERANCE


def test_a_broken_attention_falls_back_to_padding(monkeypatch):
    network = FAMILIES["bert"]("sequence")
    right = attention.Grouped.apply
    monkeypatch.setattr(attention.Grouped, "apply", lambda *given: right(*given) * 1.01)
    choice = choose_path(network, read_anatomy(network))
    assert choice.path == "padded" and "differ" in choice.note


@pytest.mark.parametrize("name", ["bert", "deberta-v2", "bart", "t5", "llama"])
def test_what_the_engine_prepared_loads_in_plain_transformers(name, tmp_path):
    network = FAMILIES[name]("sequence")
    names = set(network.state_dict())
    flat = batch(name, "sequence", network)
    engine = Engine(network, read_anatomy(network), FAMILIES[name].path)
    with torch.no_grad():
        ours = engine.sequence(flat)
    assert set(network.state_dict()) == names
    network.save_pretrained(tmp_path)
    loaded = families.CLASSES["sequence"].from_pretrained(tmp_path).eval()
    assert loaded.config._attn_implementation != attention.NAME
    with torch.no_grad():
        assert (plain(loaded, "sequence", flat) - ours).abs().max() < TOLERANCE


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
def test_bfloat16_is_near_float32(name):
    network = FAMILIES[name]("sequence")
    flat = batch(name, "sequence", network)
    anatomy = read_anatomy(network)
    with torch.no_grad():
        exact = Engine(network, anatomy, "flat").sequence(flat)
        near = Engine(network, anatomy, "flat", "bfloat16").sequence(flat)
    assert near.dtype == torch.float32
    assert 0 < (exact - near).abs().max() < 0.05 * exact.abs().max()


def test_dropout_of_attention_drops_and_is_fixed_by_the_seed():
    network = FAMILIES["bert"]("sequence", attention_probs_dropout_prob=0.5).train()
    engine = Engine(network, read_anatomy(network), "flat")
    flat = Flat.join(sentences())
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(engine.sequence(flat).detach())
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_the_mean_head_is_the_mean_of_the_states():
    base = FAMILIES["bert"]("base")
    base.pooler = None
    head = MeanHead(base, 3, 0.0).eval()
    rows = sentences()
    with torch.no_grad():
        found = Engine(head, read_anatomy(head), "flat").sequence(Flat.join(rows))
        alone = torch.cat([head(torch.tensor([row])).logits for row in rows])
    assert (found - alone).abs().max() < TOLERANCE


def test_token_types_reach_the_model():
    network = FAMILIES["bert"]("sequence")
    engine = Engine(network, read_anatomy(network), "flat")
    rows = sentences()
    kinds = [[1] * len(row) for row in rows]
    with torch.no_grad():
        one, other = engine.sequence(Flat.join(rows)), engine.sequence(Flat.join(rows, kinds))
        padded = Engine(network, engine.anatomy, "padded").sequence(Flat.join(rows, kinds))
    assert (one - other).abs().max() > 1e-3
    assert (other - padded).abs().max() < TOLERANCE
