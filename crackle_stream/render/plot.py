"""A figure in terminal cells: braille for what is many, a letter for what the finding is about.

A braille character is two dots wide and four high, so that a plot of sixty cells shows a hundred stretches of a series
with the least and the greatest of each.
"""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING

from crackle_stream.model import Shape, Tone
from crackle_stream.render.numbers import short
from crackle_stream.render.text import cells, clip, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crackle_stream.model import Axis, Figure, Layer

__all__ = ["ROWS", "plot"]

Line = list[tuple[str, Tone | None]]
"""Pieces of a line with what they are, None for axes and their texts."""

ROWS = 7
"""Cells high: 28 levels, and no taller than the rest of a card."""

LEAST_COLUMNS = 8
MOST_COLUMNS = 72
"""Cells wide: beyond this a series of some hundred points only gets thinner."""

MOST_END = 11
"""Cells of a number at an axis."""

BRAILLE = 0x2800
BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille character by column and row."""

LETTERS = {Tone.ODD: "o", Tone.OTHER: "x", Tone.THIRD: "+"}
"""Dots that must be told apart where there is no colour."""

MARK = "╎"
LEVEL = "─"


def plot(figure: Figure, width: int, rows: int = ROWS) -> list[Line]:
    """Draw a figure.

    Args:
        figure: what to draw.
        width: cells of a line at most.
        rows: cells high, the axes' texts not counted.
    """
    low, high = (clip(plain(text), MOST_END) for text in _ends(figure.y))
    margin = max(cells(low), cells(high))
    columns = min(max(width - margin - 2, LEAST_COLUMNS), MOST_COLUMNS)
    canvas = _Canvas(figure, columns, rows)
    for layer in figure.layers:
        canvas.draw(layer)
    if figure.mark is not None:
        canvas.rule([figure.mark], Tone.ODD)
    lines: list[Line] = [[(" " * (margin + 2) + clip(plain(figure.y.label), columns), None)]]
    for row, drawn in enumerate(canvas.lines()):
        end = high if row == 0 else low if row == rows - 1 else ""
        lines.append([(f"{' ' * (margin - cells(end))}{end} {'┤' if end else '│'}", None), *drawn])
    lines += [[(" " * (margin + 2) + line, None)] for line in _below(figure.x, columns)]
    return [*lines, *_legend(figure.layers, margin + 2, width)]


def _ends(axis: Axis) -> tuple[str, str]:
    return axis.low_text or short(axis.low), axis.high_text or short(axis.high)


def _below(axis: Axis, columns: int) -> Iterator[str]:
    """The ends of the axis across and its label between them, or on a line of its own."""
    low, high = (plain(text) for text in _ends(axis))
    label = plain(axis.label)
    free = columns - cells(low) - cells(high)
    if free >= cells(label) + 2:
        left = (free - cells(label)) // 2
        yield f"{low}{' ' * left}{label}{' ' * (free - cells(label) - left)}{high}"
        return
    yield f"{clip(low, columns)}{' ' * free}{high}" if free > 0 else clip(low, columns)
    yield clip(label, columns)


def _legend(layers: Iterable[Layer], margin: int, width: int) -> list[Line]:
    """What the letters and lines stand for."""
    line: Line = [(" " * margin, None)]
    used = margin
    for layer in layers:
        sign = LEVEL if layer.shape is Shape.LINE else LETTERS.get(layer.tone, "⣿")
        if layer.shape in (Shape.BAND, Shape.BARS):
            sign = "⣿"
        text = clip(plain(layer.label), width - margin - 4)
        if not text or used + cells(text) + 4 > width:
            continue
        line += [(sign, layer.tone), (f" {text}  ", None)]
        used += cells(text) + 4
    return [line] if len(line) > 1 else []


def _nearest(places: list[int], wanted: int) -> int:
    """Which of the ascending places lies nearest."""
    right = bisect.bisect_left(places, wanted)
    if right == 0 or (right < len(places) and places[right] - wanted < wanted - places[right - 1]):
        return right
    return right - 1


class _Canvas:
    """Cells of braille dots with a tone each, and letters over them.

    Args:
        figure: for its axes.
        columns: cells wide.
        rows: cells high.
    """

    def __init__(self, figure: Figure, columns: int, rows: int) -> None:
        self._x, self._y = figure.x, figure.y
        self._columns, self._rows = columns, rows
        self._dots: dict[tuple[int, int], int] = {}
        self._tones: dict[tuple[int, int], Tone] = {}
        self._letters: dict[tuple[int, int], str] = {}

    def draw(self, layer: Layer) -> None:
        match layer.shape:
            case Shape.BAND:
                self._band(layer.x, layer.low, layer.y, layer.tone)
            case Shape.BARS:
                for x, y in zip(layer.x, layer.y, strict=True):
                    self._upright(self._across(x), min(y, 0.0), max(y, 0.0), layer.tone)
            case Shape.LINE:
                self._line(layer)
            case Shape.DOTS:
                for x, y in zip(layer.x, layer.y, strict=True):
                    self._point(self._across(x), self._down(y), layer.tone, LETTERS.get(layer.tone))
            case Shape.RULE:
                self.rule(layer.x, layer.tone)

    def rule(self, places: Iterable[float], tone: Tone) -> None:
        for x in places:
            for row in range(self._rows):
                cell = self._across(x) // 2, row
                self._letters[cell], self._tones[cell] = MARK, tone

    def lines(self) -> Iterator[Line]:
        for row in range(self._rows):
            pieces = [self._piece((column, row)) for column in range(self._columns)]
            yield [
                ("".join(text for text, _ in run), tone)
                for tone, run in itertools.groupby(pieces, key=lambda piece: piece[1])
            ]

    def _piece(self, cell: tuple[int, int]) -> tuple[str, Tone | None]:
        letter = self._letters.get(cell)
        dots = self._dots.get(cell, 0)
        if letter is None and not dots:
            return " ", None
        return letter or chr(BRAILLE + dots), self._tones[cell]

    def _across(self, x: float) -> int:
        return round(self._x.share(x) * (2 * self._columns - 1))

    def _down(self, y: float) -> int:
        return round((1 - self._y.share(y)) * (4 * self._rows - 1))

    def _point(self, across: int, down: int, tone: Tone, letter: str | None = None) -> None:
        cell = across // 2, down // 4
        self._dots[cell] = self._dots.get(cell, 0) | BITS[across % 2][down % 4]
        if letter:
            self._letters[cell] = letter
        if letter or cell not in self._letters:
            self._tones[cell] = tone

    def _upright(self, across: int, low: float, high: float, tone: Tone) -> None:
        for down in range(self._down(high), self._down(low) + 1):
            self._point(across, down, tone)

    def _band(self, x: tuple[float, ...], low: tuple[float, ...], high: tuple[float, ...], tone: Tone) -> None:
        """Every column of dots from the first point to the last, as high as the point nearest to it."""
        places = [self._across(one) for one in x]
        for across in range(places[0], places[-1] + 1) if places else ():
            near = _nearest(places, across)
            self._upright(across, low[near], high[near], tone)

    def _line(self, layer: Layer) -> None:
        """Levels as strokes through whatever is there; other lines in dots."""
        points = [(self._across(x), self._down(y)) for x, y in zip(layer.x, layer.y, strict=True)]
        if layer.tone is Tone.MODEL and len({down for _, down in points}) == 1:
            for column in range(points[0][0] // 2, points[-1][0] // 2 + 1):
                cell = column, points[0][1] // 4
                self._letters[cell], self._tones[cell] = LEVEL, layer.tone
            return
        for (x0, y0), (x1, y1) in itertools.pairwise(points if len(points) > 1 else points * 2):
            steps = max(abs(x1 - x0), abs(y1 - y0), 1)
            for step in range(steps + 1):
                self._point(x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps), layer.tone)
