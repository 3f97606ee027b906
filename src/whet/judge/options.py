"""How the trained model is judged: the options of the recipe's ``evaluate`` section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Lt


@dataclass(frozen=True)
class EvaluateOptions:
    """How the model is judged, and in which language the report speaks."""

    metric: str | None = None
    """Chooses the best weights and leads the report; null takes the task's own metric, its field's habit."""
    confidence: Annotated[float, Gt(0), Lt(1)] = 0.95
    """How often an interval should hold the true score; .95 is the convention (Efron and Tibshirani 1993)."""
    language: Literal["en", "zh"] = "en"
    """The language of report and findings, English or Chinese; English, as the tools around it speak it."""
