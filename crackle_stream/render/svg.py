"""A figure as SVG: small, the same for the same figure, and with no reference to anything outside.

Text is in `currentColor`. Tones are CSS variables (`--figure-odd` and so on) whose fallbacks can be read on white and
on black, so that a page that sets none, or an image viewer, shows the figure in light and dark alike.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from crackle_stream.model import Shape, Tone
from crackle_stream.render.escape import xml
from crackle_stream.render.numbers import short
from crackle_stream.render.text import cells, clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crackle_stream.model import Axis, Figure, Layer

__all__ = ["TONES", "svg"]

TONES = {
    Tone.CALM: "#7d8794",
    Tone.ODD: "#d9622b",
    Tone.OTHER: "#1f9a8a",
    Tone.THIRD: "#9a6dd7",
    Tone.MODEL: "#3d7fd6",
}
"""Colours that keep a contrast of 3 to 1 to white and to black, and that the colour-blind can tell apart."""

FONT = 11
CELL = 6.7
"""Width of a character of that size: enough for most."""

DOT = 4.2
LEAST_WIDTH, LEAST_HEIGHT = 160, 90
"""Under which there is no room for axes."""


def svg(figure: Figure, width: int = 560, height: int = 220) -> str:
    """Draw a figure.

    Args:
        figure: what to draw.
        width: pixels at its natural size, not below 160; it scales with its container.
        height: pixels likewise, not below 90.

    Returns:
        One `<svg>` element: `role="img"` with a title and a description for screen readers.
    """
    room = _Room(figure, max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {room.width} {room.height}" '
        f'width="{room.width}" height="{room.height}" fill="none" font-size="{FONT}" class="crackle-figure">',
        f"<title>{xml(figure.title)}</title><desc>{xml(figure.text)}</desc>",
        *_frame(figure, room),
        *(_layer(layer, room) for layer in figure.layers),
        *([_rule([figure.mark], Tone.ODD, room)] if figure.mark is not None else []),
        *_legend(figure.layers, room),
        "</svg>",
    ]
    return "".join(parts)


class _Room:
    """Where things are, in pixels from the upper left corner."""

    def __init__(self, figure: Figure, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._x, self._y = figure.x, figure.y
        longest = max(cells(text) for text in _ends(figure.y))
        self.left = round(min(longest, 12) * CELL) + 7
        self.right = width - 10
        self.top = 22 + (15 if any(layer.label for layer in figure.layers) else 0)
        self.bottom = height - 22

    def across(self, x: float) -> float:
        return self.left + self._x.share(x) * (self.right - self.left)

    def up(self, y: float) -> float:
        return self.bottom - self._y.share(y) * (self.bottom - self.top)

    def at(self, x: float, y: float) -> str:
        return f"{_pixels(self.across(x))} {_pixels(self.up(y))}"


def _pixels(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _ends(axis: Axis) -> tuple[str, str]:
    return axis.low_text or short(axis.low), axis.high_text or short(axis.high)


def _frame(figure: Figure, room: _Room) -> Iterator[str]:
    """Both axes with their ends and labels."""
    yield (
        f'<path d="M{room.left} {room.top}V{room.bottom}H{room.right}" stroke="currentColor" stroke-opacity=".35"/>'
        f'<path d="M{room.left} {room.top}H{room.right}" stroke="currentColor" stroke-opacity=".12"/>'
    )
    low, high = _ends(figure.y)
    yield _text(room.left - 4, room.bottom, clip(low, 12), "end")
    yield _text(room.left - 4, room.top + 8, clip(high, 12), "end")
    low, high = _ends(figure.x)
    below = room.bottom + 15
    yield _text(room.left, below, clip(low, 24), "start")
    yield _text(room.right, below, clip(high, 24), "end")
    wide = int((room.right - room.left) / CELL)
    left_over = wide - 2 * max(cells(clip(low, 24)), cells(clip(high, 24))) - 2
    yield _text((room.left + room.right) / 2, below, clip(figure.x.label, left_over), "middle", strong=True)
    yield _text(room.left, 14, clip(figure.y.label, wide), "start", strong=True)


def _text(x: float, y: float, text: str, anchor: str, *, strong: bool = False) -> str:
    faint = "" if strong else ' fill-opacity=".7"'
    if not text:
        return ""
    return (
        f'<text x="{_pixels(x)}" y="{_pixels(y)}" text-anchor="{anchor}" fill="currentColor"{faint}>{xml(text)}</text>'
    )


def _colour(tone: Tone) -> str:
    return f"var(--figure-{tone},{TONES[tone]})"


def _layer(layer: Layer, room: _Room) -> str:
    if not layer.x:
        return ""
    match layer.shape:
        case Shape.BAND:
            return _band(layer, room)
        case Shape.LINE:
            return _line(layer, room)
        case Shape.DOTS:
            return _dots(layer, room)
        case Shape.BARS:
            return _bars(layer, room)
        case Shape.RULE:
            return _rule(layer.x, layer.tone, room)


def _band(layer: Layer, room: _Room) -> str:
    """An area with an edge, so that it can be seen where it has no height."""
    there = [room.at(x, y) for x, y in zip(layer.x, layer.y, strict=True)]
    back = [room.at(x, y) for x, y in zip(layer.x, layer.low, strict=True)]
    colour = _colour(layer.tone)
    return (
        f'<path d="M{"L".join([*there, *reversed(back)])}Z" fill="{colour}" fill-opacity=".38" stroke="{colour}" '
        f'stroke-opacity=".75" stroke-width=".8" stroke-linejoin="round"/>'
    )


def _line(layer: Layer, room: _Room) -> str:
    points = "L".join(room.at(x, y) for x, y in zip(layer.x, layer.y, strict=True))
    # a line of one point has no length, and is seen by its round ends
    points += "h0" if len(layer.x) == 1 else ""
    thick = "2" if layer.tone is Tone.MODEL else "1.3"
    return (
        f'<path d="M{points}" stroke="{_colour(layer.tone)}" stroke-width="{thick}" '
        f'stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _dots(layer: Layer, room: _Room) -> str:
    points = "".join(f"M{room.at(x, y)}h0" for x, y in zip(layer.x, layer.y, strict=True))
    faint = ".55" if layer.tone is Tone.CALM else ".85"
    return (
        f'<path d="{points}" stroke="{_colour(layer.tone)}" stroke-width="{DOT}" stroke-opacity="{faint}" '
        f'stroke-linecap="round"/>'
    )


def _bars(layer: Layer, room: _Room) -> str:
    ground = _pixels(room.up(0.0))
    ends = [(_pixels(room.across(x)), _pixels(room.up(y))) for x, y in zip(layer.x, layer.y, strict=True)]
    bars = "".join(f"M{x} {ground}V{y}" for x, y in ends)
    return f'<path d="{bars}" stroke="{_colour(layer.tone)}" stroke-width="{_pixels(_bar_width(layer, room))}"/>'


def _bar_width(layer: Layer, room: _Room) -> float:
    places = sorted(room.across(x) for x in layer.x)
    gap = min((b - a for a, b in itertools.pairwise(places) if b > a), default=8.0)
    return min(max(gap * 0.65, 1.0), 8.0)


def _rule(places: Iterable[float], tone: Tone, room: _Room) -> str:
    rules = "".join(f"M{_pixels(room.across(x))} {room.top}V{room.bottom}" for x in places)
    return f'<path d="{rules}" stroke="{_colour(tone)}" stroke-width="1.4" stroke-dasharray="4 3"/>'


def _legend(layers: Iterable[Layer], room: _Room) -> Iterator[str]:
    """What the tones stand for, as far as there is room."""
    x = float(room.left)
    for layer in layers:
        text = clip(layer.label, 40)
        width = 14 + cells(text) * CELL
        if not text or x + width > room.right:
            continue
        dot = f'd="M{_pixels(x + 3)} 26h0" stroke="{_colour(layer.tone)}"'
        yield f'<path {dot} stroke-width="7" stroke-linecap="round"/>'
        yield _text(x + 10, 30, text, "start")
        x += width + 10
