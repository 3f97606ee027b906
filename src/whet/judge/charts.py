"""Charts as inline SVG: every line carries its name and every mark its number, so no legend is needed.

Colours come from the page's style (classes ``a`` to ``c``), so that a chart follows dark and light by itself.
Coordinates are in the drawing's own units, 460 wide: on a phone that is about one pixel a unit, so text stays
readable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from whet.judge.figures import figure
from whet.judge.markup import safe

Place = Callable[[float, float], tuple[float, float]]

WIDTH, HEIGHT = 460, 256
LEFT, RIGHT, TOP, BOTTOM = 48, 18, 30, 42
MARK_HEIGHT = 44
MOST_NUMBERS = 8
"""Points of a line that all have their numbers beside them; of more the best alone has."""


@dataclass(frozen=True)
class Line:
    """A named row of points; ``tone`` is a class of the page's style, ``dots`` marks each point."""

    name: str
    points: Sequence[tuple[float, float]]
    tone: str = "a"
    dots: bool = False
    best: int | None = None


@dataclass(frozen=True)
class Mark:
    """A named value on an axis, with its interval where it has one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: str = "c"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two ends."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round((first + k) * step, 12) for k in range(int((high - first * step) / step + 1e-9) + 1)]


def lines(title: str, rows: Sequence[Line], across: str, within: tuple[float, ...] = ()) -> str:
    """Lines over a shared axis; at most two have names, which stand above the drawing.

    The axis holds every value, and those of ``within`` whether they occur or not.
    """
    points = [point for row in rows for point in row.points if math.isfinite(point[1])]
    if len(points) < 2:
        return ""
    x_low, x_high = min(p[0] for p in points), max(p[0] for p in points)
    y_low, y_high = min([*(p[1] for p in points), *within]), max([*(p[1] for p in points), *within])
    pad = (y_high - y_low) * 0.12 or abs(y_high) * 0.05 or 0.5
    y_from = max(0.0, y_low - pad) if y_low >= 0 else y_low - pad  # room below 0, but no number there
    y_low, y_high = y_low - pad, y_high + pad
    x_low, x_high = (x_low, x_high) if x_high > x_low else (x_low - 0.5, x_high + 0.5)

    def place(x: float, y: float) -> tuple[float, float]:
        across_share = (x - x_low) / (x_high - x_low)
        return LEFT + across_share * (WIDTH - LEFT - RIGHT), _height(y, y_low, y_high)

    parts = [
        _grid(y_low, y_high, y_from),
        _foot([(place(x, y_low)[0], words) for x, words in _spelled(ticks(x_low, x_high))], across),
    ]
    parts += [_line(row, place) for row in rows] + _names([row for row in rows if row.name])
    return _drawing(title, "".join(parts))


def whiskers(title: str, marks: Sequence[Mark], better: str) -> str:
    """Values under one another on one axis, each with its name, its number and its interval."""
    marks = [mark for mark in marks if math.isfinite(mark.value)]
    ends = [end for m in marks for end in (m.value, m.low, m.high) if end is not None and math.isfinite(end)]
    if not ends:
        return ""
    low, high = min(ends), max(ends)
    pad = (high - low) * 0.06 or abs(high) * 0.05 or 0.5
    low, high = low - pad, high + pad
    height = TOP + MARK_HEIGHT * len(marks) + BOTTOM

    def at(value: float) -> float:
        return LEFT / 2 + (value - low) / (high - low) * (WIDTH - LEFT / 2 - RIGHT)

    parts = [_rule("grid", at(t), TOP - 6, at(t), height - BOTTOM) for t in ticks(low, high)]
    for k, mark in enumerate(marks):
        x, y = at(mark.value), TOP + MARK_HEIGHT * k + 28
        if mark.low is not None and mark.high is not None:
            parts.append(_rule(f"bar {mark.tone}", at(mark.low), y, at(mark.high), y))
        parts.append(_dot(mark.tone, x, y, 6))
        words = f"{mark.name} {figure(mark.value)}"
        to_left = x > WIDTH * 0.6
        parts.append(
            _text(f"name {mark.tone}", x + (8 if to_left else -8), y - 12, words, "end" if to_left else "start")
        )
    parts.append(_foot([(at(t), words) for t, words in _spelled(ticks(low, high))], better, height))
    return _drawing(title, "".join(parts), height)


def reliability(title: str, bins: Sequence[Mapping[str, float]], across: str, up: str, ideal: str) -> str:
    """The share of right answers over confidence; a dot's area is its rows, on the dashed line it is fair."""
    most = max((one["rows"] for one in bins), default=0)
    if not most:
        return ""

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + x * (WIDTH - LEFT - RIGHT), _height(y, 0.0, 1.0)

    parts = [
        _grid(0.0, 1.0),
        _foot([(place(t, 0)[0], words) for t, words in _spelled(ticks(0, 1))], across),
        _rule("ideal", *place(0, 0), *place(1, 1)),
        _text("tick", place(0.42, 0)[0] - 8, place(0, 0.42)[1] - 6, ideal, "end"),
        _text("name a", LEFT, TOP - 12, up),
    ]
    for one in bins:
        x, y = place(one["confidence"], one["accuracy"])
        hint = f"{figure(one['confidence'])} → {figure(one['accuracy'])}, n = {one['rows']}"
        parts.append(_rule("gap b", x, y, x, place(0, one["confidence"])[1]))
        parts.append(_dot("soft a", x, y, 4 + 12 * math.sqrt(one["rows"] / most), hint))
    return _drawing(title, "".join(parts))


def _line(row: Line, place: Place) -> str:
    points = [(*place(x, y), y) for x, y in row.points if math.isfinite(y)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    parts = [f'<polyline class="line {row.tone}" points="{path}"/>']
    for k, (x, y, value) in enumerate(points if row.dots else ()):
        best = k == row.best
        parts.append(_dot(row.tone, x, y, 5 if best else 3.5, figure(value)))
        if best or (row.best is not None and len(points) <= MOST_NUMBERS):
            down, side = _beside(
                x, y, points[k - 1][1] if k else None, points[k + 1][1] if k + 1 < len(points) else None
            )
            parts.append(_text(f"value {row.tone}{' strong' if best else ''}", x, y + down, figure(value), side))
    return "".join(parts)


def _beside(x: float, y: float, before: float | None, after: float | None) -> tuple[float, str]:
    """How far below its point a number stands, and to which side it runs, so that the line does not cross it."""
    comes_down, goes_up = before is not None and before < y - 4, after is not None and after < y - 4
    low = (comes_down or goes_up) and (before is None or comes_down) and (after is None or goes_up)
    if x < LEFT + 20 or x > WIDTH - 60:
        side = "start" if x < LEFT + 20 else "end"
    else:
        side = "middle" if low or comes_down == goes_up else "end" if goes_up else "start"
    return (18 if low else -9), side


def _names(rows: Sequence[Line]) -> list[str]:
    """Each line's name above the drawing in its colour: the first to the left, the second to the right."""
    ends = ((LEFT, "start"), (WIDTH - RIGHT, "end"))
    return [_text(f"name {r.tone}", x, TOP - 12, r.name, end) for r, (x, end) in zip(rows, ends, strict=False)]


def _height(y: float, low: float, high: float) -> float:
    return TOP + (1 - (y - low) / (high - low)) * (HEIGHT - TOP - BOTTOM)


def _grid(low: float, high: float, begins: float | None = None) -> str:
    """Lines across at round numbers, from ``begins`` on where the drawing reaches lower than its numbers may."""
    parts = []
    for value, words in _spelled(ticks(low if begins is None else begins, high)):
        y = _height(value, low, high)
        parts += [
            _rule("grid", LEFT, y, WIDTH - RIGHT, y),
            _text("tick", LEFT - 7, y + 4, words, "end"),
        ]
    return "".join(parts)


def _foot(places: Sequence[tuple[float, str]], name: str, height: int = HEIGHT) -> str:
    numbers = "".join(_text("tick", x, height - 19, words, "middle") for x, words in places)
    return numbers + _text("tick", WIDTH - RIGHT, height - 3, name, "end")


def _text(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{safe(words)}</text>'


def _rule(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(tone: str, x: float, y: float, radius: float, hint: str = "") -> str:
    inside = f"<title>{safe(hint)}</title>" if hint else ""
    return f'<circle class="dot {tone}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{inside}</circle>'


def _spelled(values: Sequence[float]) -> list[tuple[float, str]]:
    """The numbers of an axis, all with as many decimals as the longest of them needs."""
    plain = [f"{value:.4g}" for value in values]
    if any("e" in words for words in plain):
        return [(value, words.replace("-", "−")) for value, words in zip(values, plain, strict=True)]
    digits = max((len(words.partition(".")[2]) for words in plain), default=0)
    return [(value, f"{value:.{digits}f}".replace("-", "−")) for value in values]


def _drawing(title: str, body: str, height: int = HEIGHT) -> str:
    name = safe(title)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}">{body}</svg>'


text, dot, grid, foot, level, drawing, spelled = _text, _dot, _grid, _foot, _height, _drawing, _spelled
"""The pieces, for charts that other rooms draw."""
