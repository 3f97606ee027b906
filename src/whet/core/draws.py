"""Seeded draws without a state: every draw is a function of where it happens, never of what was drawn before.

So there is no random state to save, and neither a resume nor the number of workers can change a result. The hash is
BLAKE2b over the decimal words, stable across processes and Python versions (``hash()`` is neither).
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *site: int | str) -> int:
    """A 63-bit seed for one site, such as ``derive(seed, "order", stage, epoch)``."""
    words = "\x1f".join(str(part) for part in (seed, *site)).encode()
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "little") >> 1


def generator(seed: int, *site: int | str) -> np.random.Generator:
    """A numpy generator for one site."""
    return np.random.default_rng(derive(seed, *site))


def order(count: int, seed: int, stage: int, epoch: int) -> np.ndarray:
    """The order in which ``count`` rows are visited in one epoch; a function of (seed, stage, epoch) alone."""
    return generator(seed, "order", stage, epoch).permutation(count)
