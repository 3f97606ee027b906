"""How alike two sets of states of the same inputs are: linear CKA (Kornblith et al. 2019).

Shapes: ``x`` is float [n, d], ``y`` float [n, e]; row i of both belongs to one input.
"""

from __future__ import annotations

import math

import numpy as np


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """|Yt X|^2 / (|Xt X| |Yt Y|) of the centred columns: 1 for states that differ by a turn and a scale, down to 0.

    Computed over features or over inputs, whichever is fewer; both give the same number. Equal arrays give exactly 1,
    so that 1 can be believed. NaN where one side does not vary at all.
    """
    if x.shape == y.shape and np.array_equal(x, y):
        return 1.0
    a, b = (_centred(one) for one in (x, y))
    if len(a) <= min(a.shape[1], b.shape[1]):
        inputs_a, inputs_b = a @ a.T, b @ b.T
        cross, own = float((inputs_a * inputs_b).sum(dtype=np.float64)), [_square(inputs_a), _square(inputs_b)]
    else:
        cross, own = _square(b.T @ a), [_square(a.T @ a), _square(b.T @ b)]
    spread = math.sqrt(own[0]) * math.sqrt(own[1])
    return min(1.0, max(0.0, cross / spread)) if spread > 0 else math.nan


def _centred(states: np.ndarray) -> np.ndarray:
    """Centred in float64, and then in the states' own precision: products of float32 take half the time."""
    whole = states - states.mean(0, dtype=np.float64)
    largest = float(np.abs(whole).max(initial=0.0)) or 1.0
    centred: np.ndarray = (whole / largest).astype(states.dtype)
    return centred


def _square(matrix: np.ndarray) -> float:
    return float(np.square(matrix, dtype=np.float64).sum())
