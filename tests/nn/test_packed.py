"""The engine on every family: flat batches give what padded ones give, in answers, losses and gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import families
from families import FAMILIES, WORDS
from whet.nn import attention, grouped, kernels, packed
from whet.nn.anatomy import read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.layout import runs
from whet.nn.packed import Engine, Flat, choose_path

LENGTHS = (17, 3, 30, 9, 29, 3, 12, 30)
TOLERANCE = 1e-4
GRADIENT = 1e-5
"""Of the largest gradient: a key's bias has none but rounding, so each on its own has no meaning."""
SPREAD = 0.2
NAMES = sorted(FAMILIES)
WITH = [(name, kind) for name in NAMES for kind in FAMILIES[name].kinds if kind != "base"]


def strong(name: str, kind: str, **changes):
    """A model whose attention looks at something: with transformers' small start every text gets nearly the mean.

    It is on the family's own eager attention, which no code of ours has touched.
    """
    more = {"attn_logit_softcapping": 2.0} if name == "gemma2" else {}
    network = FAMILIES[name](kind, attn_implementation="eager", **more, **changes)
    with torch.no_grad():
        for matrix in network.parameters():
            if matrix.ndim == 2 and matrix.requires_grad:
                matrix.mul_(max(1.0, SPREAD / float(matrix.std())))
    return network


def headed(name: str) -> str:
    """The first kind of model of a family that has a head."""
    return next(kind for kind in FAMILIES[name].kinds if kind != "base")


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
    network = strong(name, FAMILIES[name].kinds[-1])
    assert choose_path(network, read_anatomy(network)).path == FAMILIES[name].path


@pytest.mark.parametrize(("name", "kind"), WITH)
def test_flat_answers_as_the_family_does_alone(name, kind):
    network = strong(name, kind)
    flat = batch(name, kind, network)
    with torch.no_grad():
        expected = plain(network, kind, flat)
        anatomy = read_anatomy(network)
        for path in {FAMILIES[name].path, "padded"}:
            found = answer(Engine(network, anatomy, path), kind, flat)
            assert found.dtype == torch.float32
            assert (found - expected).abs().max() < TOLERANCE, path


@pytest.mark.parametrize("long", [grouped.LONG, 1], ids=["in groups", "by torch's kernel"])
@pytest.mark.parametrize(("name", "kind"), WITH)
def test_flat_and_padded_have_the_same_loss_and_gradients(name, kind, long, monkeypatch):
    monkeypatch.setattr(grouped, "LONG", long)
    network = strong(name, kind)
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


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(name):
    kind = headed(name)
    network = strong(name, kind)
    anatomy = read_anatomy(network)
    engine = Engine(network, anatomy, FAMILIES[name].path)
    rows = sentences(end=network.config.eos_token_id if anatomy.encoder_decoder else None)

    def ask(texts: list[list[int]]) -> torch.Tensor:
        if kind == "sequence":
            return engine.sequence(Flat.join(texts))
        ends = [sum(map(len, texts[: at + 1])) - 1 for at in range(len(texts))]
        return engine.language(Flat.join(texts, decoder=Flat.join(texts)), torch.tensor(ends))

    with torch.no_grad():
        whole = ask(rows)
        alone = torch.cat([ask([row]) for row in rows])
        turned = ask(rows[::-1]).flip(0)
        engine = Engine(network, anatomy, "padded")
        assert (ask(rows) - alone).abs().max() < TOLERANCE
    assert (whole[0] - whole[1]).abs().max() > 100 * TOLERANCE
    assert (whole - alone).abs().max() < TOLERANCE
    assert (whole - turned).abs().max() < TOLERANCE


@pytest.mark.parametrize("name", ["bert", "llama", "t5", "bart"])
def test_a_broken_attention_falls_back_to_padding(name, monkeypatch):
    network = strong(name, "sequence")
    right = attention.Grouped.apply
    monkeypatch.setattr(attention.Grouped, "apply", lambda *given: right(*given) * 1.01)
    monkeypatch.setattr(kernels, "_plain", True)
    choice = choose_path(network, read_anatomy(network))
    assert choice.path == "padded" and "differ" in choice.note


def test_an_attention_that_leaks_between_examples_falls_back_to_padding(monkeypatch):
    network = strong("bert", "sequence")
    anatomy = read_anatomy(network)
    monkeypatch.setattr(packed, "runs", lambda lengths, keys=None: runs((sum(lengths),)))
    assert choose_path(network, anatomy).path == "padded"


def test_an_attention_that_raises_falls_back_to_padding_and_keeps_the_mode(monkeypatch):
    network = strong("bert", "sequence").train()

    def refuse(*given):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(attention.Grouped, "apply", refuse)
    monkeypatch.setattr(kernels, "_plain", True)
    choice = choose_path(network, read_anatomy(network))
    assert choice.path == "padded" and "no such kernel" in choice.note and network.training


def test_large_states_do_not_count_as_broken():
    network = strong("gpt2", "causal")
    with torch.no_grad():
        network.transformer.ln_f.weight.mul_(2000.0)
    assert choose_path(network, read_anatomy(network)).path == "flat"


@pytest.mark.parametrize("name", NAMES)
def test_what_the_engine_prepared_loads_in_plain_transformers(name, tmp_path):
    kind = headed(name)
    network = strong(name, kind)
    names = list(network.state_dict())
    modules = [part for part, _ in network.named_modules()]
    flat = batch(name, kind, network)
    engine = Engine(network, read_anatomy(network), FAMILIES[name].path)
    with torch.no_grad():
        ours = answer(engine, kind, flat)
    assert list(network.state_dict()) == names
    assert [part for part, _ in network.named_modules()] == modules
    network.save_pretrained(tmp_path)
    assert attention.NAME not in (tmp_path / "config.json").read_text("utf-8").split('"')
    loaded = families.CLASSES[kind].from_pretrained(tmp_path).eval()
    assert loaded.config._attn_implementation != attention.NAME
    loaded.set_attn_implementation("eager")  # transformers 5.17's sdpa leaves Gemma 2's cap of the scores out
    with torch.no_grad():
        assert (plain(loaded, kind, flat) - ours).abs().max() < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_a_prepared_network_still_answers_plainly_and_can_be_copied(name):
    kind = headed(name)
    network = strong(name, kind)
    flat = batch(name, kind, network)
    with torch.no_grad():
        expected = plain(network, kind, flat)
        choose_path(network, read_anatomy(network))
        assert (plain(network, kind, flat) - expected).abs().max() < TOLERANCE
        row = {"input_ids": flat.ids[: flat.lengths[0]][None]}  # without any mask
        if flat.decoder is not None:
            row["decoder_input_ids"] = flat.decoder.ids[: flat.decoder.lengths[0]][None]
        first = expected[: 1 if kind == "sequence" else len(range(0, (flat.decoder or flat).lengths[0], 2))]
        found = network(**row).logits
        assert (found if kind == "sequence" else found[0, ::2]).sub(first).abs().max() < TOLERANCE
        other = copy.deepcopy(network)
        for parameter in network.parameters():
            parameter.zero_()
        again = answer(Engine(other, read_anatomy(other), FAMILIES[name].path), kind, flat)
    assert (again - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize(("name", "words"), [("t5", 3000), ("deberta-v2", 3000)])
def test_no_family_makes_a_square_of_all_tokens(name, words, monkeypatch):
    network = strong(name, "sequence")
    anatomy = read_anatomy(network)
    engine = Engine(network, anatomy, FAMILIES[name].path)
    flat = Flat.join(sentences((10,) * (words // 10), end=network.config.eos_token_id))
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            found = function(*args, **(kwargs or {}))
            for one in found if isinstance(found, (tuple, list)) else (found,):
                if isinstance(one, torch.Tensor):
                    largest = max(largest, one.numel())
            return found

    with torch.no_grad(), Watch():
        engine.sequence(flat)
    assert 0 < largest < words * words / 4


@pytest.mark.parametrize("name", ["bert", "modernbert", "llama", "gemma2", "t5", "bart"])
def test_bfloat16_is_near_float32(name):
    network = strong(name, "sequence")
    flat = batch(name, "sequence", network)
    anatomy = read_anatomy(network)
    with torch.no_grad():
        exact = Engine(network, anatomy, "flat").sequence(flat)
        near = Engine(network, anatomy, "flat", "bfloat16").sequence(flat)
        assert Engine(network, anatomy, "flat", "bfloat16").states(flat).dtype == near.dtype == torch.float32
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
    network = strong("bert", "sequence")
    engine = Engine(network, read_anatomy(network), "flat")
    rows = sentences()
    kinds = [[1] * len(row) for row in rows]
    with torch.no_grad():
        one, other = engine.sequence(Flat.join(rows)), engine.sequence(Flat.join(rows, kinds))
        padded = Engine(network, engine.anatomy, "padded").sequence(Flat.join(rows, kinds))
    assert (one - other).abs().max() > 1e-3
    assert (other - padded).abs().max() < TOLERANCE
