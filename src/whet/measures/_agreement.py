"""What is read off the confusion matrix by the metrics of this shelf. A matrix is [K, K], truth in rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.measures import _labels
from whet.metrics.classification import confusion
from whet.metrics.scores import Columns
from whet.tasks.contract import Pair, Schema


def columns(pairs: Sequence[Pair], schema: Schema) -> Columns:
    """Truth and answer as label numbers."""
    true, given = _labels.numbers(pairs, schema)
    return {"true": true, "given": given}


def matrix(got: Columns) -> np.ndarray:
    """The confusion matrix of these rows, as floats."""
    most = max(int(column.max(initial=0)) for column in (got["true"], got["given"]))
    return confusion(got["true"], got["given"], most + 1).astype(np.float64)
