"""A chance that is claimed against the share that came true, as text and as SVG, both axes in decades."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

__all__ = ["Points", "svg", "write"]

Points = Sequence[tuple[float, float]]
"""Claimed and observed chances; an observed 0 is not drawn."""

SIZE, MARGIN = 420, 64
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which tell apart for colour-blind eyes too."""


def svg(series: Mapping[str, Points], title: str, claimed: str, observed: str) -> str:
    """The diagonal and every series; points under the diagonal keep their promise.

    Args:
        series: by name.
        title: what it shows.
        claimed: the horizontal axis.
        observed: the vertical axis.
    """
    chances = [value for points in series.values() for point in points for value in point if value > 0]
    decades = math.ceil(-math.log10(min(chances, default=0.1)) - 1e-9)
    drawn = [_frame(decades, title, claimed, observed)]
    for number, (name, points) in enumerate(series.items()):
        drawn.append(_series(name, points, number, decades))
    side = SIZE + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" font-family="sans-serif" font-size="12">'
        f'<title>{escape(title)}</title><rect width="{side}" height="{side}" fill="white"/>{"".join(drawn)}</svg>\n'
    )


def write(directory: Path, name: str, drawing: str) -> Path:
    """Put a drawing into a directory, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.svg"
    path.write_text(drawing, encoding="utf-8")
    return path


def _place(chance: float, decades: int) -> float:
    return max(math.log10(max(chance, 1e-300)) + decades, 0.0) / decades * SIZE


def _frame(decades: int, title: str, claimed: str, observed: str) -> str:
    end, middle = MARGIN + SIZE, MARGIN + SIZE / 2
    sideways = f"translate({MARGIN - 46} {middle}) rotate(-90)"
    lines = [
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#888"/>',
        f'<line x1="{MARGIN}" y1="{end}" x2="{end}" y2="{MARGIN}" stroke="#888" stroke-dasharray="4 4"/>',
        f'<text x="{middle}" y="{MARGIN - 30}" text-anchor="middle" font-size="14">{escape(title)}</text>',
        f'<text x="{middle}" y="{end + 40}" text-anchor="middle">{escape(claimed)}</text>',
        f'<text transform="{sideways}" text-anchor="middle">{escape(observed)}</text>',
    ]
    for decade in range(decades + 1):
        place = decade / decades * SIZE
        label = "1" if decade == decades else f"1e-{decades - decade}"
        lines.append(f'<text x="{MARGIN + place:.1f}" y="{end + 18}" text-anchor="middle">{label}</text>')
        lines.append(f'<text x="{MARGIN - 8}" y="{end - place + 4:.1f}" text-anchor="end">{label}</text>')
    return "".join(lines)


def _series(name: str, points: Points, number: int, decades: int) -> str:
    colour = COLOURS[number % len(COLOURS)]
    places = [
        (MARGIN + _place(claimed, decades), MARGIN + SIZE - _place(observed, decades))
        for claimed, observed in points
        if observed > 0
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    label = MARGIN + 18 + 16 * number
    return (
        f'<polyline points="{line}" fill="none" stroke="{colour}"/>{dots}'
        f'<text x="{MARGIN + 12}" y="{label}" fill="{colour}">{escape(name)}</text>'
    )
