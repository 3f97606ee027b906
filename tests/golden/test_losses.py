"""The losses of twenty steps of every strategy on an encoder, a decoder and an encoder-decoder, as they were agreed.

A refactoring shows identical losses. Where they are meant to change, write them anew and say why in the changelog:

    python tests/golden/write_losses.py
"""

from __future__ import annotations

import json

import pytest

from golden import losses

AGREED = json.loads(losses.FILE.read_text("utf-8"))


def test_every_pair_stands_in_the_file_and_no_other():
    assert sorted(AGREED["losses"]) == sorted(losses.pairs())
    assert all(len(found) == losses.STEPS for found in AGREED["losses"].values())


@pytest.mark.parametrize("pair", losses.pairs())
def test_the_losses_are_as_agreed(pair):
    found = losses.measured(pair)
    assert found == pytest.approx(AGREED["losses"][pair], rel=AGREED["tolerance"], abs=0), losses.CURE


@pytest.mark.parametrize("pair", ["full/bert", "lora/t5"])
def test_the_losses_are_a_function_of_nothing_else(pair):
    assert losses.measured(pair) == losses.measured(pair)
