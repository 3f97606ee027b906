"""How the golden losses are made: tiny models with dropout, twenty steps at a rate that moves them."""

from __future__ import annotations

from pathlib import Path

from strategies import exercise
from whet.strategies.contract import STRATEGIES

FILE = Path(__file__).with_name("losses.json")
CURE = "losses changed; if that is meant, run `python tests/golden/write_losses.py` and say why in the changelog"
STEPS = 20
RATE = 2e-3
DROPOUT = 0.1
TOLERANCE = 1e-3
"""Relative. Twenty steps of AdamW carry rounding of 1e-7 to some 1e-5 on other processors; a real change is larger."""


def pairs() -> list[str]:
    """``strategy/family`` for every strategy on an encoder, a decoder and an encoder-decoder.

    Where one cannot be tuned so (BitFit where nothing has a bias) its stand-in of the same shape takes its place.
    """
    families = [family for family in exercise.DEFAULT if family != exercise.MEAN]
    whole = [(name, family) for name in STRATEGIES.names() for family in families]
    return [f"{name}/{exercise.STAND_INS[of] if (name, of) in exercise.REFUSED else of}" for name, of in whole]


def measured(pair: str) -> list[float]:
    """The loss before each of the twenty steps."""
    name, _, family = pair.partition("/")
    tuned = exercise.installed(exercise.sample_of(name), family, dropout=DROPOUT)
    return exercise.train(tuned, STEPS, RATE)
