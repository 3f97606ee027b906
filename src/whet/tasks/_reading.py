"""How tasks read a row's fields: as text, number, list or weight; a refusal names the row and the cure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from whet.core.errors import DataError, Fault


def refuse(number: int, what: str, cure: str = "") -> DataError:
    """The error of one row."""
    return DataError(what, f"row {number}", cure)


def refuse_all(rows: Sequence[tuple[int, str]], cure: str) -> DataError:
    """The error of several rows, each with its own fault and all with one cure; the first 20 are named."""
    shown = [Fault(what, f"row {number}", cure) for number, what in rows[:20]]
    if len(rows) > 20:
        shown.append(Fault(f"{len(rows) - 20} more faults like these", cure="mend them in the same way"))
    return DataError(shown)


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: absent, null, NaN or nothing but white space."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and not value.strip()


def read_text(row: Mapping[str, Any], role: str, number: int) -> str:
    """A text that must be there. Numbers become text; lists and objects are refused."""
    value = row.get(role)
    if is_missing(value):
        raise refuse(number, f"the {role} is empty", "fill it in, or delete the row")
    if not isinstance(value, (str, int, float)):
        raise refuse(number, f"the {role} is not a text but a {type(value).__name__}", "give one text a row")
    return value if isinstance(value, str) else read_label(value)


def read_label(value: Any) -> str:
    """A label's name: labels are always texts, so 1, 1.0 of a numeric column and ``"1"`` are one label."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def refuse_no_names(values: Sequence[Any], called: str, number: int) -> None:
    """Raise DataError for what is empty in a list of labels, tags or words, and for a list or an object in it."""
    for place, value in enumerate(values, 1):
        if is_missing(value):
            raise refuse(number, f"{called} {place} is empty", "fill it in, or delete the row")
        if isinstance(value, (list, tuple, dict)):
            what = f"{called} {place} is {json.dumps(value, ensure_ascii=False)[:60]}, not a name"
            raise refuse(number, what, 'write names alone, as in ["a", "b"]')


def read_number(value: Any) -> float | None:
    """A finite number, or None where there is none."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def read_list(value: Any) -> list[Any] | None:
    """A list, or the text of a JSON list; None where it is neither."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except json.JSONDecodeError:
            return None
        return found if isinstance(found, list) else None
    return None


def read_weight(row: Mapping[str, Any], number: int) -> float:
    """The row's weight, 1 where none is given."""
    value = row.get("weight")
    if is_missing(value):
        return 1.0
    weight = read_number(value)
    if weight is None or weight <= 0:
        raise refuse(number, f"the weight {value!r} is not a positive number", "give a number above 0")
    return weight
