"""Numbers as people read them: few digits and units. Files keep the full numbers."""

from __future__ import annotations

import math


def figure(value: float | int | None) -> str:
    """A metric: three decimals below 10, fewer above; a dash where there is no number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    size = abs(value)
    if size and size < 0.0005:
        return f"{value:.1e}".replace("-", "−")
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 10_000 else 0
    return f"{value:,.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference, with its sign."""
    return ("+" if value > 0 else "") + figure(value)


def share(value: float) -> str:
    """A share as a percentage; a decimal near 0 and 1, lest it round to none or all."""
    digits = 1 if value < 0.0995 or 0.985 < value < 1 else 0
    return f"{100 * value:.{digits}f}\u00a0%"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, the two largest of them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def size(count: float) -> str:
    """Bytes in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
