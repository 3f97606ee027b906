"""How the trained model is judged: the options of the recipe's ``evaluate`` section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt


@dataclass(frozen=True)
class EvaluateOptions:
    """How the model is judged, and in which language the report speaks."""

    metric: str | None = None
    """Chooses the best weights and leads the report: one of the task's or of the shelf's (`whet metrics`); null takes
    the task's own, its field's habit."""
    metrics: tuple[str | dict[str, Any], ...] = ()
    """Further metrics beside the task's own, from the shelf (`whet metrics`) or a plugin: a name, or a group with the
    name and its options, as [roc_auc, {name: cohen_kappa, weights: quadratic}]."""
    confidence: Annotated[float, Gt(0), Lt(1)] = 0.95
    """How often an interval should hold the true score; .95 is the convention (Efron and Tibshirani 1993)."""
    folds: Annotated[int, Ge(2)] | None = None
    """Measure by cross-validation where rows are few: each row is answered by one of so many models that never saw it,
    and the model that ships is trained on all of them; 5 or 10 are custom (Kohavi 1995), null measures on a test
    split."""
    pool: str | None = None
    """File of rows without labels, ranked by how much a label of each is worth: where the model is in doubt, and no two
    alike (Ash et al. 2020); null ranks none."""
    curve: bool | None = None
    """Train anew on 25 and 50 % of the training rows, to see on the validation rows whether more would help; null does
    so where it is forecast to take under a tenth of the run, so that nobody waits for it unasked."""
    retain: str | None = None
    """File with labelled rows of an earlier task (texts, where the run models language), to see how much of it is
    forgotten: asked before and after training; null measures with the shipped texts alone."""
    language: Literal["en", "zh"] = "en"
    """The language of report and findings, English or Chinese; English, as the tools around it speak it."""
