"""Values of typed files as JSON can hold them, for answers are written beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.core.errors import Fault
from whet.prepare.readers.contract import Line


def plain(value: Any) -> Any:
    """The same value where JSON has its kind; dates, decimals and the like become texts, and so do bytes of UTF-8.

    Raises UnicodeDecodeError for other bytes.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def plain_line(number: int, cells: Mapping[str, Any], name: str) -> Line:
    """A typed row as plain values. Bytes that are no UTF-8 are its fault: any way of reading them would be a guess."""
    found = {}
    for column, value in cells.items():
        try:
            found[column] = plain(value)
        except UnicodeDecodeError as error:
            byte = f"0x{error.object[error.start]:02x} at position {error.start + 1}"
            what = f"the column '{column}' holds bytes that are not UTF-8: {byte}"
            cure = "write the column as text, or leave it out"
            return Line(number, fault=Fault(what, f"{name}, row {number}", cure))
    return Line(number, found)
