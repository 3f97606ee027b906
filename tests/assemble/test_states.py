"""States of what stands still on the disk: those of the network, computed once, healed, bounded, known by all."""

from __future__ import annotations

import dataclasses
import os
import shutil

import pytest
import torch

from tasks import tiny_models
from whet.assemble import states, trunk
from whet.core.events import Said, silent
from whet.nn.trunk import trunk_of
from whet.prepare import tokens
from whet.prepare.batch import bounds, collate
from whet.prepare.encode import encode_on_disk
from whet.tasks.contract import Limits, Split
from whet.tasks.text_classification import TextClassification

ROOM = 1 << 30
TASK = TextClassification()
TEXTS = [f"{'warm ' * (number % 9)}and number {number}" for number in range(60)]
EXAMPLES = [TASK.parse({"text": text, "label": "ab"[number % 2]}, number) for number, text in enumerate(TEXTS, 1)]
SCHEMA = TASK.learn(EXAMPLES)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tokens, "SHARD", 13)
    monkeypatch.setattr(states, "STRETCH_TOKENS", 100)
    monkeypatch.setattr(states, "BATCH_TOKENS", 40)


def split_of(examples=EXAMPLES, name="train", limits=Limits(7, "windows")):
    """Most of the texts are read in several windows."""
    split = Split(name, examples, content=str([one.inputs for one in examples]))
    return encode_on_disk(split, TASK, tiny_models.tokenizer(), limits, SCHEMA).split


def trunk_with(precision="float32", cut=1):
    engine = tiny_models.engine(TASK.head(SCHEMA), precision=precision)
    engine.trunk = trunk_of(engine, cut)
    return engine.trunk


def stated(still, split, most_bytes=ROOM, tell=silent):
    return states.stated(still, {"train": split}, most_bytes, tell)["train"]


def computed_in(monkeypatch, still):
    """How many batches are computed from here on."""
    asked, plain = [], still.states
    monkeypatch.setattr(still, "states", lambda flat: asked.append(flat.tokens) or plain(flat))
    return asked


def files():
    return sorted(states.home().rglob("*.states"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_they_are_those_of_each_text_alone_in_the_order_of_the_features(precision):
    split, still = split_of(), trunk_with(precision)
    found = stated(still, split)
    assert found.features == split.features and bounds(found.features) is split.features.bounds, "not counted anew"
    assert len(files()) > 3 and len(split.features) > len(split.examples), "several stretches, and windows"
    for feature in (*found.features, found.features[-1], *found.features[3:9:2]):
        with torch.no_grad():
            alone = still.states(collate([dataclasses.replace(feature, states=None)]).flat)
        assert feature.states.dtype == (torch.bfloat16 if precision == "bfloat16" else torch.float32)
        assert feature.states.shape == alone.shape == (len(feature.ids), 32)
        near = 2e-2 if precision == "bfloat16" else 1e-5
        torch.testing.assert_close(feature.states, alone, atol=near, rtol=near)


def test_a_batch_carries_them_only_where_all_its_features_do():
    split, still = split_of(), trunk_with()
    features = stated(still, split).features
    flat = collate(features[4:7]).flat
    assert torch.equal(flat.states, torch.cat([one.states for one in features[4:7]]))
    assert collate([features[4], split.features[5]]).flat.states is None


def test_a_second_time_nothing_is_computed_and_a_damaged_stretch_alone_anew(monkeypatch):
    split, still = split_of(), trunk_with()
    first = [one.states.clone() for one in stated(still, split).features]
    asked = computed_in(monkeypatch, still)
    stated(still, split)
    assert asked == []
    flipped, short, gone = files()[:3]
    kept = [path.read_bytes() for path in (flipped, short, gone)]
    flipped.write_bytes(kept[0][:7] + bytes([kept[0][7] ^ 1]) + kept[0][8:])
    short.write_bytes(kept[1][:-4])
    gone.unlink()
    again = stated(still, split)
    assert 3 <= len(asked) <= 12 and [path.read_bytes() for path in files()[:3]] == kept
    assert all(torch.equal(one, other.states) for one, other in zip(first, again.features, strict=True))
    assert {path.suffix for path in states.home().rglob("*") if path.is_file()} == {".states"}


def test_other_rows_weights_cuts_and_precisions_have_their_own(monkeypatch):
    def places():
        return {path.name for path in states.home().iterdir()}

    split, seen = split_of(), set()
    changed = trunk_with()
    with torch.no_grad():
        changed.last.output.dense.bias[0] += 1e-3
    other_rows = split_of([*EXAMPLES[:-1], dataclasses.replace(EXAMPLES[-1], inputs=(f"{'warm ' * 5}and number 58",))])
    cases = [(trunk_with(), split), (changed, split), (trunk_with(cut=2), split), (trunk_with("bfloat16"), split)]
    for still, rows in (*cases, (trunk_with(), other_rows), (trunk_with(), split_of(limits=Limits(8, "windows")))):
        stated(still, rows)
        assert len(places() - seen) == 1
        seen = places()
    asked = computed_in(monkeypatch, still)
    stated(still, split_of(name="validation"))
    assert asked == [] and places() == seen, "the name of a split is not what it holds"


def test_what_was_not_used_for_longest_goes_and_the_bound_is_kept():
    rows = [split_of(EXAMPLES[:40]), split_of(EXAMPLES[10:50]), split_of(EXAMPLES[20:])]
    still = trunk_with()
    size = max(states.bytes_of(still, split) for split in rows)
    for age, split in zip((500, 300), rows[:2], strict=True):
        before = set(states.home().iterdir())
        stated(still, split)
        (place,) = set(states.home().iterdir()) - before
        used = place.stat().st_mtime - age
        os.utime(place, (used, used))
        unused = place
    held = stated(still, rows[0])  # used now, and mapped
    assert len(list(states.home().iterdir())) == 2
    stated(still, rows[2], most_bytes=2 * size)
    left = list(states.home().iterdir())
    assert len(left) == 2 and unused not in left
    assert sum(path.stat().st_size for path in files()) <= 2 * size
    stated(still, rows[1], most_bytes=size)
    assert sum(path.stat().st_size for path in files()) <= size
    assert all(one.states.isfinite().all() for one in held.features), "what is read lives on without its name"


def test_where_the_disk_takes_nothing_the_run_goes_without_and_says_so(monkeypatch):
    said = []
    split, still = split_of(), trunk_with()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(states, "_store", full)
    assert states.stated(still, {"train": split}, ROOM, said.append) == {}
    assert isinstance(said[0], Said) and "No space left" in said[0].text and "every epoch" in said[0].text


def choice_of(still, epochs=4.0, asked=None, why_not="", split=None):
    engine = still.engine if still is not None else tiny_models.engine(TASK.head(SCHEMA))
    return trunk.choose(engine, why_not, {"train": split or split_of()}, epochs, epochs, asked)


def test_they_are_kept_where_that_pays_or_is_asked_for(monkeypatch):
    still = trunk_with()
    assert not choice_of(still).on and "not pay" in choice_of(still).note
    asked = choice_of(still, asked=True)
    assert asked.on and "1 of 2 blocks stand still" in asked.note and str(states.home()) in asked.note
    monkeypatch.setitem(trunk.SPEED, "cpu", 1e4)
    saved = choice_of(still)
    assert saved.on and "should save about" in saved.note
    assert not choice_of(still, epochs=1.0).on, "what is read once is not worth keeping"
    assert not choice_of(still, asked=False).on and "as the recipe says" in choice_of(still, asked=False).note
    monkeypatch.setattr(trunk.cache, "MOST_BYTES", 1000)
    assert not choice_of(still, asked=True).on and "would take" in choice_of(still, asked=True).note


def test_nothing_is_kept_where_something_moves_at_the_bottom_or_tokens_change():
    engine = tiny_models.engine(TASK.head(SCHEMA))
    assert trunk.find(engine, 0, "sequence") == trunk.NOTHING_STILL and engine.trunk is None
    assert "hidden anew" in trunk.find(engine, 1, "masked") and engine.trunk is None
    silent_choice, told = choice_of(None, why_not=trunk.NOTHING_STILL), choice_of(None, asked=True, why_not="it moves")
    assert (silent_choice.on, silent_choice.note) == (False, "")
    assert not told.on and "it moves" in told.note
    assert trunk.find(engine, 1, "sequence") == "" and engine.trunk.cut == 1


def test_what_is_made_room_for_while_it_is_written_is_written_all_the_same():
    split, still = split_of(), trunk_with()
    first = stated(still, split)
    (place,) = states.home().iterdir()
    before, kept = {path.name for path in place.iterdir()}, states._store

    def robbed(place, number, made):
        if number == 1:
            shutil.rmtree(place)
        return kept(place, number, made)

    for path in place.iterdir():
        path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "_store", robbed)
        again = stated(still, split)
    assert all(torch.equal(one.states, two.states) for one, two in zip(first.features, again.features, strict=True))
    assert {path.name for path in place.iterdir()} == {name for name in before if not name.startswith("000000")}
    assert not list((states.home().parent / "scratch").iterdir())
