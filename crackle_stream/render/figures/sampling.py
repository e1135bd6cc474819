"""Fewer points than there are tasks, without hiding what there is to see."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.model import Layer, Shape, Tone
from crackle_stream.render.numbers import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STRETCHES", "dots", "extremes", "stretches", "thinned"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

STRETCHES = 96
"""Stretches of a course; each is drawn from its least to its greatest value, so that no outlier is lost."""


def stretches(values: Floats, first: int, last: int, count: int, tone: Tone, label: str = "") -> Iterator[Layer]:
    """The course of rows `first` to `last` (not included) in at most `count` equal stretches.

    A stretch without a value is a gap: what lies on either side of it are layers of their own.

    Args:
        values: shape (n,), NaN where absent.
        first: the first row.
        last: the row behind the last.
        count: most stretches.
        tone: of the layers.
        label: of the first layer.
    """
    edges = np.linspace(first, last, min(count, last - first) + 1).round().astype(int)
    span = float(np.nanmax(values) - np.nanmin(values)) if np.isfinite(values).any() else 0.0
    points: list[tuple[float, float, float] | None] = []
    for begin, end in itertools.pairwise(edges.tolist()):
        part = values[begin:end]
        part = part[np.isfinite(part)]
        middle = (begin + end - 1) / 2
        edge = (middle, rounded(float(part.max()), span), rounded(float(part.min()), span)) if len(part) else None
        points.append(edge)
    for there, run in itertools.groupby(points, key=lambda point: point is not None):
        known = [point for point in run if point is not None]
        if there:
            x, y, low = zip(*known, strict=True)
            yield Layer(Shape.BAND, tone, x, y, low, label)
            label = ""


def thinned(rows: Ints, most: int) -> Ints:
    """At most so many of the rows, evenly spread."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(int)])


def extremes(rows: Ints, *columns: Floats) -> Ints:
    """The rows with the least and the greatest value of each column: what is left out must not lie farther out."""
    found = [rows[pick(column[rows])] for column in columns for pick in (np.argmin, np.argmax)]
    return np.unique(np.array(found, dtype=np.intp))


def dots(rows: Ints, x: Floats, y: Floats, tone: Tone, label: str = "") -> Layer:
    """A dot for each of the rows; all have both values."""
    wide, high = (float(np.nanmax(values) - np.nanmin(values)) for values in (x, y))
    return Layer(
        Shape.DOTS,
        tone,
        tuple(rounded(value, wide) for value in x[rows].tolist()),
        tuple(rounded(value, high) for value in y[rows].tolist()),
        label=label,
    )
