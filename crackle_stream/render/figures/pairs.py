"""Two metrics against each other: what goes together, and along what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.model import Figure, Layer, Shape, Tone
from crackle_stream.render.figures.columns import axis_of, places_of
from crackle_stream.render.figures.sampling import dots, extremes, thinned
from crackle_stream.render.numbers import counted, rounded

if TYPE_CHECKING:
    from crackle_stream.model import CracklePattern
    from crackle_stream.render.figures.columns import Column
    from crackle_stream.window import Window

__all__ = ["MOST_DOTS", "both_present", "drawn", "scatter"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MOST_DOTS = 180
"""Tasks of a scatter plot: more are a blot on a screen and a burden on the way."""

MOST_CARRIERS = 60
"""Of them most that the finding rests on."""

CLIPPED = (0.01, 0.99)
"""Quantiles at which values are cut for a fit: one task far out must not turn it."""

BINS = 8
"""Equal shares of the tasks, by the first metric, whose middles show the course of a curve."""

LEAST_IN_BIN = 3


def scatter(window: Window, pattern: CracklePattern, across: Column, up: Column) -> Figure | None:
    """A dot a task, and what a task's second metric is for each value of its first.

    Returns:
        None where no task has both.
    """
    x, y = across.values, up.values
    rows = both_present(x, y)
    if len(rows) < 2:
        return None
    curved = pattern.form == "nonlinear"
    fit = _middles(x[rows], y[rows]) if curved else _line(x[rows], y[rows])
    carriers = places_of(window, pattern.involved_tasks)
    odd = np.empty(0, dtype=np.intp) if carriers is None else carriers[np.isin(carriers, rows)][:MOST_CARRIERS]
    calm = drawn(np.setdiff1d(rows, odd), x, y, MOST_DOTS - len(odd))
    layers = [
        dots(calm, x, y, Tone.CALM, "tasks"),
        dots(odd, x, y, Tone.ODD, "tasks that carry it most"),
        *([fit] if fit else []),
    ]
    more = f" (two of {len(pattern.metric_names)} metrics that go together)" if len(pattern.metric_names) > 2 else ""
    shown = f"; {len(calm) + len(odd)} of {len(rows):,} are drawn" if len(calm) + len(odd) < len(rows) else ""
    along = "not along a line" if curved else "along a line"
    return Figure(
        title=f"{up.name} against {across.name}",
        text=f"{up.name} goes with {across.name} in {counted(len(rows), 'task')}, {along}{more}{shown}.",
        x=axis_of(across.name, x[rows]),
        y=axis_of(up.name, y[rows]),
        layers=tuple(layer for layer in layers if layer.x),
    )


def both_present(x: Floats, y: Floats) -> Ints:
    """Rows that have both."""
    return np.flatnonzero(np.isfinite(x) & np.isfinite(y))


def drawn(rows: Ints, x: Floats, y: Floats, most: int) -> Ints:
    """At most so many of the rows: those farthest out, and evenly spread ones."""
    if len(rows) <= most:
        return rows
    far = extremes(rows, x, y)
    return np.unique(np.concatenate([far, thinned(np.setdiff1d(rows, far), most - len(far))]))


def _line(x: Floats, y: Floats) -> Layer | None:
    """The straight line of least squares through values cut at their outermost hundredths."""
    low, high = np.quantile(x, CLIPPED).tolist()
    bottom, top = np.quantile(y, CLIPPED).tolist()
    a, b = np.clip(x, low, high), np.clip(y, bottom, top)
    wide, tall = a.std(), b.std()
    if not (wide > 0 and tall > 0 and np.isfinite(wide * tall)):
        return None
    # On standard scores, so that neither huge nor tiny numbers overflow.
    slope = float(np.mean((a - a.mean()) / wide * ((b - b.mean()) / tall)))
    ends = [float(b.mean() + slope * tall * ((end - a.mean()) / wide)) for end in (low, high)]
    return _fit([low, high], ends, x, y, "fit")


def _middles(x: Floats, y: Floats) -> Layer | None:
    """Medians of equal shares of the tasks: a curve's course without a word on its form."""
    parts = [part for part in np.array_split(np.argsort(x, kind="stable"), BINS) if len(part) >= LEAST_IN_BIN]
    if len(parts) < 2:
        return None
    return _fit(
        [float(np.median(x[part])) for part in parts],
        [float(np.median(y[part])) for part in parts],
        x,
        y,
        f"middle of each {BINS}th",
    )


def _fit(across: list[float], up: list[float], x: Floats, y: Floats, label: str) -> Layer:
    wide, tall = float(np.ptp(x)), float(np.ptp(y))
    return Layer(
        Shape.LINE,
        Tone.MODEL,
        tuple(rounded(one, wide) for one in across),
        tuple(rounded(one, tall) for one in up),
        label=label,
    )
