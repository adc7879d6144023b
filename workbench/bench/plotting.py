"""A line plot as SVG, written by hand: this command runs where there is no window and no plotting library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 56
COLOURS = ("#0b6bcb", "#c2410c", "#3f7d20", "#6b4fa0")
"""Told apart also by people who see red and green alike; the legend and the dashes say it too."""
DASHES = ("", "7 4", "2 3", "9 3 2 3")
PAPER, INK, FAINT = "#ffffff", "#1f2328", "#d8dee4"


@dataclass(frozen=True)
class Series:
    """One side: a thin line for each run, and a thick one for their mean."""

    name: str
    runs: Sequence[Sequence[tuple[float, float]]]
    mean: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Axis:
    least: float
    most: float
    step: float
    start: float
    length: float
    doubling: bool = False

    @classmethod
    def over(cls, values: Sequence[float], start: float, length: float, least: float = 0.0) -> _Axis:
        """From `least` to a round number above all values."""
        most = max([value - least for value in values if math.isfinite(value)], default=1.0) or 1.0
        size = 10.0 ** math.floor(math.log10(most / 5))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor * 6 >= most)
        return cls(least, least + step * math.ceil(most / step - 1e-9), step, start, length)

    @classmethod
    def doubled(cls, values: Sequence[float], start: float, length: float) -> _Axis:
        """From the least of positive values to the greatest, each step twice as much as the one before."""
        return cls(math.log2(min(values)), math.log2(max(values)), 1.0, start, length, doubling=True)

    def place(self, value: float) -> float:
        along = math.log2(value) if self.doubling else value
        return round(self.start + self.length * (along - self.least) / (self.most - self.least), 1)

    def ticks(self) -> list[float]:
        along = [self.least + self.step * number for number in range(round((self.most - self.least) / self.step) + 1)]
        return [2.0**value for value in along] if self.doubling else along


def svg(
    title: str, across: str, up: str, series: Sequence[Series], *, least: float = 0.0, doubling: bool = False
) -> str:
    """The whole drawing. `across` and `up` name the axes; both begin at zero.

    least: where `up` begins instead. doubling: `across` in powers of two, for positive values.
    """
    points = [point for item in series for line in [*item.runs, item.mean] for point in line]
    places = [point[0] for point in points]
    wide = WIDTH - LEFT - RIGHT
    x = _Axis.doubled(places, LEFT, wide) if doubling else _Axis.over(places, LEFT, wide)
    y = _Axis.over([point[1] for point in points], HEIGHT - BOTTOM, -(HEIGHT - TOP - BOTTOM), least)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        _text(LEFT, 22, title, size=14, weight=600),
        *_frame(x, y, across, up),
    ]
    for number, item in enumerate(series):
        parts += _lines(item, number, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _frame(x: _Axis, y: _Axis, across: str, up: str) -> list[str]:
    parts = []
    for value in y.ticks():
        parts.append(_rule(LEFT, y.place(value), WIDTH - RIGHT, y.place(value)))
        parts.append(_text(LEFT - 8, y.place(value) + 4, f"{value:g}", anchor="end"))
    for value in x.ticks():
        parts.append(_rule(x.place(value), HEIGHT - BOTTOM, x.place(value), HEIGHT - BOTTOM + 5))
        parts.append(_text(x.place(value), HEIGHT - BOTTOM + 20, f"{value:g}", anchor="middle"))
    parts.append(_text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 12, across, anchor="middle"))
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    turned = f' transform="rotate(-90 18 {middle})"'
    return [*parts, _text(18, middle, up, anchor="middle", more=turned)]


def _lines(item: Series, number: int, x: _Axis, y: _Axis) -> list[str]:
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    parts = []
    for line in item.runs:
        parts.append(f'<polyline class="run" {_points(line, x, y)} stroke="{colour}" stroke-width="1" opacity="0.45"/>')
    if len(item.mean) > 1:
        parts.append(f'<polyline class="mean" {_points(item.mean, x, y)} stroke="{colour}" stroke-width="3"{dashes}/>')
    left = LEFT + 170 * number
    key = f'<line x1="{left}" y1="40" x2="{left + 28}" y2="40" stroke="{colour}" stroke-width="3"{dashes}/>'
    return [*parts, key, _text(left + 36, 44, item.name)]


def _points(line: Sequence[tuple[float, float]], x: _Axis, y: _Axis) -> str:
    places = " ".join(f"{x.place(across)},{y.place(up)}" for across, up in line)
    return f'points="{places}" fill="none" stroke-linejoin="round"'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{FAINT}"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 12, weight: int = 400, anchor: str = "start", more: str = ""
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{INK}"'
    return f'<text x="{x}" y="{y}" {style}{more}>{escape(text)}</text>'
