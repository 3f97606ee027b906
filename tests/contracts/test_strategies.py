"""What every strategy must answer, asked of every entry of the shelf.

On an encoder, a decoder, an encoder-decoder and an encoder under our mean head; ``--whole`` asks it of every family. A
strategy that cannot serve a family refuses it with a ModelError, and only where ``exercise.REFUSED`` says so.
"""

from __future__ import annotations

import dataclasses

import peft
import pytest
import torch
import transformers

from strategies import exercise
from strategies.exercise import MEAN, Tuned, installed, logits, network_of, sample_of, train
from whet.core import yamlfile
from whet.core.errors import ModelError
from whet.nn.anatomy import read_anatomy
from whet.nn.heads import MeanHead
from whet.nn.lowrank import LowRank
from whet.recipe import Recipe
from whet.strategies.contract import STRATEGIES, WIDTH, Strategy

NAMES = STRATEGIES.names()
QUICK = 5e-3
NOTHING = 1e-7
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def pairs() -> list:
    """Every entry with every family that it serves; what a default family cannot show, one of its shape shows instead."""
    asked = {(name, family) for name in NAMES for family in exercise.DEFAULT}
    asked |= {(name, exercise.STAND_INS[family]) for name, family in asked & exercise.REFUSED}
    every = [(name, family) for family in (*exercise.DEFAULT, *exercise.REST) for name in NAMES]
    marks = {pair: () if pair in asked else (pytest.mark.whole,) for pair in every}
    return [pytest.param(*pair, marks=marks[pair]) for pair in every if pair not in exercise.REFUSED]


every_name = pytest.mark.parametrize("name", NAMES)
every_pair = pytest.mark.parametrize(("name", "family"), pairs())


def ready(name: str, family: str) -> Tuned:
    """A fresh tiny model with the strategy's smallest honest instance."""
    return installed(sample_of(name), family)


def state(tuned: Tuned) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tuned.network.named_parameters()}


def moving(tuned: Tuned) -> set[str]:
    return {name for name, tensor in tuned.network.named_parameters() if tensor.requires_grad}


def test_there_are_strategies():
    assert {"full", "head", "freeze", "discriminative", "bitfit", "lora"} <= set(NAMES)


@pytest.mark.parametrize(("name", "family"), sorted(exercise.REFUSED))
def test_a_model_that_gives_nothing_to_move_is_refused_with_a_cure(name, family):
    network = network_of(family)
    with pytest.raises(ModelError) as refused:
        sample_of(name).install(network, read_anatomy(network))
    assert all(fault.cure for fault in refused.value.faults)


@every_name
def test_builds_from_its_sample_as_a_value(name):
    sample = sample_of(name)
    assert isinstance(sample, Strategy) and sample == sample_of(name)
    assert type(sample) is STRATEGIES[name] and STRATEGIES.name_of(type(sample)) == name
    assert sample.learning_rate > 0
    assert sample.rate_for(WIDTH) == sample.learning_rate
    assert sample.rate_for(2 * WIDTH) == sample.learning_rate / (2 if sample.by_width else 1)
    for field in dataclasses.fields(sample):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(sample, field.name, getattr(sample, field.name))


@every_name
@pytest.mark.parametrize("options", ["sample", "default"])
def test_survives_a_recipe_and_yaml(name, options):
    strategy = sample_of(name) if options == "sample" else STRATEGIES[name]()
    section = {"name": name, **{field.name: getattr(strategy, field.name) for field in dataclasses.fields(strategy)}}
    recipe = Recipe.of({"strategy": section})
    assert recipe.stages[0].strategy == strategy
    again = Recipe.of(yamlfile.read(recipe.as_yaml(), "recipe"))
    assert again == recipe and again.stages[0].strategy == strategy


@every_pair
def test_installing_changes_no_answer(name, family):
    before = exercise.Tuned(sample_of("full"), *_plain(family))
    torch.testing.assert_close(logits(ready(name, family)), logits(before), **TOLERANCE)


@every_pair
def test_every_moving_tensor_is_in_exactly_one_group(name, family):
    tuned = ready(name, family)
    groups = tuned.strategy.groups(tuned.network, tuned.anatomy, 1e-3, 0.01)
    named = [one for group in groups for one in group.names]
    assert sorted(named) == sorted(moving(tuned)) and named
    assert all(group.rate > 0 and group.decay in (0.0, 0.01) for group in groups)
    for group in groups:
        assert {tuned.anatomy.depth_of(one) for one in group.names} == {group.depth}
    factors = tuned.strategy.at(3.0, 3.0, groups)
    assert len(factors) == len(groups) and all(factor > 0 for factor in factors)


@every_pair
def test_nothing_moves_below_the_cut(name, family):
    tuned = ready(name, family)
    cut = tuned.strategy.cut(tuned.anatomy)
    assert 0 <= cut <= tuned.anatomy.depth
    for module in tuned.anatomy.below(cut):
        still = [one.requires_grad for one in tuned.network.get_submodule(module).parameters()]
        assert not any(still)


@every_pair
def test_after_three_steps_still_tensors_are_the_same_bits_and_moving_ones_moved(name, family):
    tuned = ready(name, family)
    before, chosen = state(tuned), moving(tuned)
    train(tuned, 3, QUICK)
    after = state(tuned)
    moved = {one for one in before if not torch.equal(before[one], after[one])}
    assert moved <= chosen
    assert chosen - moved <= _unreachable(tuned, chosen)


@every_pair
@pytest.mark.parametrize("rate", [None, QUICK], ids=["own-rate", "quick"])
def test_thirty_steps_lower_the_loss(name, family, rate):
    losses = train(ready(name, family), 30, rate)
    assert losses[-1] < losses[0] * (0.97 if rate else 1.0)


@every_pair
def test_what_moved_makes_the_same_model_again(name, family):
    tuned = ready(name, family)
    train(tuned, 3, QUICK)
    answers, kept = logits(tuned), tuned.strategy.delta(tuned.network)
    fresh = installed(sample_of(name), family, seed=99)
    with torch.no_grad():
        for module in fresh.anatomy.head:
            for tensor in fresh.network.get_submodule(module).parameters():
                tensor.normal_()
    assert not torch.equal(logits(fresh), answers)
    assert not fresh.network.load_state_dict(kept, strict=False).unexpected_keys
    assert torch.equal(logits(fresh), answers)


@every_pair
def test_merging_keeps_the_answers_and_leaves_a_plain_model(name, family):
    tuned = ready(name, family)
    train(tuned, 3, QUICK)
    answers = logits(tuned)
    tuned.strategy.merge(tuned.network)
    torch.testing.assert_close(logits(tuned), answers, **TOLERANCE)
    assert not any(isinstance(module, LowRank) for module in tuned.network.modules())
    assert tuned.network.state_dict().keys() == network_of(family).state_dict().keys()


@every_pair
def test_a_saved_adapter_loads_in_plain_peft(name, family, tmp_path):
    tuned = ready(name, family)
    base, place = tmp_path / "base", tmp_path / "adapter"
    place.mkdir()
    plain = network_of(family)
    (plain.base if family == MEAN else plain).save_pretrained(base)
    train(tuned, 3, QUICK)
    saved = tuned.strategy.save(tuned.network, tuned.anatomy, base, place)
    assert saved == bool(list(place.iterdir()))
    assert saved == any(isinstance(module, LowRank) for module in tuned.network.modules())
    if not saved:
        return
    labels = {} if family == MEAN else {"num_labels": 2}  # BART takes 3 where its file says nothing
    auto = transformers.AutoModel if family == MEAN else transformers.AutoModelForSequenceClassification
    loaded = peft.PeftModel.from_pretrained(auto.from_pretrained(base, **labels), place).eval()
    if family == MEAN:
        head = MeanHead(loaded, 2)
        head.classifier.load_state_dict(tuned.network.classifier.state_dict())
        loaded = head.eval()
    torch.testing.assert_close(_padded(loaded), logits(tuned), **TOLERANCE)


def _plain(family: str) -> tuple:
    tuned = installed(sample_of("full"), family)
    return tuned.network, tuned.anatomy, tuned.engine


def _padded(network: torch.nn.Module) -> torch.Tensor:
    """Answers by a plain padded call, as anyone makes it who has only transformers and PEFT."""
    rows, _ = exercise.texts(network)
    pad = network.config.pad_token_id or 0
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], True, padding_value=pad)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row), dtype=torch.long) for row in rows], True)
    with torch.no_grad():
        return network(input_ids=ids, attention_mask=mask).logits


def _unreachable(tuned: Tuned, names: set[str]) -> set[str]:
    """Moving tensors to which no gradient comes: of parts that this head does not read, and the keys' biases.

    A key's bias adds the same to all of a query's scores, which softmax takes out again: its gradient is 0 or rounding.
    """
    rows, labels = exercise.texts(tuned.network)
    for name, tensor in tuned.network.named_parameters():
        tensor.requires_grad_(name in names)
    tuned.network.zero_grad(set_to_none=True)
    flat = exercise.Flat.join(rows)
    torch.nn.functional.cross_entropy(tuned.engine.sequence(flat), labels).backward()
    found = dict(tuned.network.named_parameters())
    gradients = {name: found[name].grad for name in names}
    return {name for name, tensor in gradients.items() if tensor is None or tensor.abs().max() < NOTHING}
