"""What a score costs, drawn: points with their names beside them, and the frontier as a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from whet.judge.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    dot,
    drawing,
    foot,
    grid,
    level,
    spelled,
    text,
    ticks,
)
from whet.judge.figures import figure

Box = tuple[float, float, float, float]
Point = tuple[float, float]

LETTER = 7.4
"""About how wide a letter of a name is."""


@dataclass(frozen=True)
class Spot:
    """A named point with what it costs (across) and what it scores (up); ``on`` the frontier or beaten."""

    name: str
    across: float
    up: float
    on: bool


@dataclass(frozen=True)
class _Frame:
    """Where values lie on the drawing; costs that differ much are set by their logarithm."""

    scaled: Callable[[float], float]
    low: float
    high: float
    floor: float
    ceiling: float

    @classmethod
    def around(cls, spots: Sequence[Spot]) -> _Frame:
        across, up = [spot.across for spot in spots], [spot.up for spot in spots]
        scaled = math.log10 if min(across) > 0 and max(across) > 8 * min(across) else float
        left, right = scaled(min(across)), scaled(max(across))
        side = (right - left) * 0.08 or abs(right) * 0.05 or 0.5
        edge = (max(up) - min(up)) * 0.15 or abs(max(up)) * 0.05 or 0.5
        return cls(scaled, left - side, right + side, min(up) - edge, max(up) + edge)

    def place(self, across: float, up: float) -> Point:
        share = (self.scaled(across) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT), level(up, self.floor, self.ceiling)

    def marks(self, unit: float) -> list[float]:
        """Round numbers of the unit along the foot."""
        if self.scaled is not math.log10:
            return [unit * mark for mark in ticks(self.low / unit, self.high / unit, 4)]
        low, high = self.low - math.log10(unit), self.high - math.log10(unit)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            found = [m * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1) for m in steps]
            found = [mark for mark in found if low <= math.log10(mark) <= high]
            if len(found) <= 5:
                break
        return [unit * mark for mark in found]


def scatter(
    title: str, spots: Sequence[Spot], across: str, up: str, shown: Callable[[float], str], unit: float = 1.0
) -> str:
    """The points with their names; ``shown`` spells a cost, ``unit`` is that of the numbers along the foot."""
    if len(spots) < 2:
        return ""
    frame = _Frame.around(spots)
    placed = {spot.name: frame.place(spot.across, spot.up) for spot in spots}
    ahead = sorted(placed[spot.name] for spot in spots if spot.on)
    marks = [(frame.place(mark, frame.floor)[0], words) for mark, words in _spelled(frame.marks(unit), shown)]
    parts = [
        grid(frame.floor, frame.ceiling),
        foot(marks, across),
        text("name", LEFT, TOP - 12, up),
    ]
    if len(ahead) > 1:
        parts.append(f'<polyline class="line a" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in ahead)}"/>')
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in placed.values()]
    taken += [(x - 1, y - 1, x + 1, y + 1) for one, two in pairwise(ahead) for x, y in _along(one, two)]
    for spot in sorted(spots, key=lambda spot: not spot.on):
        x, y = placed[spot.name]
        tone = "a" if spot.on else "c"
        parts.append(dot(tone, x, y, 5, f"{spot.name}: {figure(spot.up)}, {shown(spot.across)}"))
        parts.append(_label(spot.name, x, y, tone, taken))
    return drawing(title, "".join(parts))


def _spelled(marks: Sequence[float], shown: Callable[[float], str]) -> list[tuple[float, str]]:
    """The numbers along the foot as costs are spelt, or with more decimals where two would read alike."""
    words = [shown(mark) for mark in marks]
    return list(zip(marks, words, strict=True)) if len({*words}) == len(words) else spelled(marks)


def _along(one: Point, two: Point) -> list[Point]:
    """Points of a stretch, so close that no name fits between them."""
    count = max(1, math.ceil(math.dist(one, two) / 6))
    return [(one[0] + (two[0] - one[0]) * k / count, one[1] + (two[1] - one[1]) * k / count) for k in range(count + 1)]


def _label(name: str, x: float, y: float, tone: str, taken: list[Box]) -> str:
    """A name where nothing else stands yet: beside its point, above or below it, then farther away."""
    wide = LETTER * len(name)
    for away in range(0, 84, 12):
        for at, down, side in _sides(x, y, away):
            left = at - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[side]
            box = (left, down - 11, left + wide, down + 3)
            inside = (
                left >= LEFT + 2 and left + wide <= WIDTH - 2 and box[1] >= TOP - 8 and box[3] <= HEIGHT - BOTTOM + 2
            )
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                return text(f"name {tone}", at, down, name, side)
    return text(f"name {tone}", x, y - 9, name, "middle")


def _sides(x: float, y: float, away: float) -> list[tuple[float, float, str]]:
    beside = [(x + 9, y + 4, "start"), (x - 9, y + 4, "end")] if not away else []
    above, below = y - 10 - away, y + 18 + away
    return beside + [
        (x + dx, down, side) for down in (above, below) for dx, side in ((4, "start"), (-4, "end"), (0, "middle"))
    ]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
