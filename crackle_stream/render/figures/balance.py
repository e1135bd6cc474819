"""A law: both its sides against each other while it holds, and what is missing once it is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.law_columns import STEP
from crackle_stream.model import Figure, Layer, Shape, Tone
from crackle_stream.render.figures.columns import LARGEST, Column, axis_of, gain, places_of
from crackle_stream.render.figures.course import Level, course
from crackle_stream.render.figures.pairs import MOST_CARRIERS, MOST_DOTS, both_present, drawn
from crackle_stream.render.figures.sampling import dots
from crackle_stream.render.numbers import counted, short

if TYPE_CHECKING:
    from crackle_stream.model import CracklePattern
    from crackle_stream.window import Window

__all__ = ["broken_law", "law"]

Floats = npt.NDArray[np.float64]

COEFFICIENT = "coefficient of "
"""Before a column's name among the numbers of a law."""


def law(window: Window, pattern: CracklePattern) -> Figure | None:
    """A law that holds: a dot a task, its two sides across and up; all on one line where it is kept.

    Of a law that says a sum is always the same, that sum task by task.

    Returns:
        None where the window lacks one of its columns.
    """
    sides = _sides(window, pattern)
    if sides is None:
        return None
    left, right, constant = sides
    if right is None:
        levels = [Level(0, len(window) - 1, constant, "the law")]
        return course(window, left, None, levels, told=f"{left.name} is always {short(constant)}.", zero=True)
    x, y = right.values, left.values
    rows = both_present(x, y)
    if not len(rows):
        return None
    astray = places_of(window, pattern.involved_tasks)
    odd = np.empty(0, dtype=np.intp) if astray is None else astray[np.isin(astray, rows)][:MOST_CARRIERS]
    calm = drawn(np.setdiff1d(rows, odd), x, y, MOST_DOTS - len(odd))
    axis = axis_of(right.name, x[rows], y[rows])
    ends = (float(x[rows].min()), float(x[rows].max()))
    layers = (
        Layer(Shape.LINE, Tone.MODEL, ends, ends, label="the law"),
        dots(calm, x, y, Tone.CALM, "tasks"),
        dots(odd, x, y, Tone.ODD, "tasks that do not keep it"),
    )
    shown = f" {len(calm) + len(odd)} of {len(rows):,} tasks are drawn." if len(calm) + len(odd) < len(rows) else ""
    return Figure(
        title=f"{left.name} against {right.name}",
        text=f"Both sides of the law in {counted(len(rows), 'task')}: on the line it is kept.{shown}",
        x=axis,
        y=axis_of(left.name, x[rows], y[rows]),
        layers=tuple(layer for layer in layers if layer.x),
    )


def broken_law(window: Window, pattern: CracklePattern, row: int | None) -> Figure | None:
    """By how much the left side of a law exceeds the right, task by task: nothing while it was kept.

    Returns:
        None where the window lacks one of its columns.
    """
    sides = _sides(window, pattern)
    if sides is None:
        return None
    left, right, constant = sides
    excess = left.values - (constant if right is None else right.values)
    if not np.isfinite(excess).any():
        return None
    name = f"{left.name} - ({right.name if right else short(constant)})"
    levels = [Level(0, len(window) - 1, 0.0, "the law")]
    since = "" if row is None else f" It is broken from {window.labels[row]}, task {row + 1}, on."
    told = f"What the two sides of the law differ by.{since}"
    return course(window, Column(name, excess), row, levels, told=told)


def _sides(window: Window, pattern: CracklePattern) -> tuple[Column, Column | None, float] | None:
    """What adds, what is taken away together with the constant (None where nothing is), and the constant."""
    terms = {
        name.removeprefix(COEFFICIENT): value
        for name, value in pattern.metrics.items()
        if name.startswith(COEFFICIENT) and np.isfinite(value)
    }
    columns = {name: _column(window, name) for name in terms}
    constant = pattern.metrics.get("constant", 0.0)
    if not terms or any(column is None for column in columns.values()) or not np.isfinite(constant):
        return None
    known = {name: column for name, column in columns.items() if column is not None}
    added = {name: value for name, value in terms.items() if value > 0}
    taken = {name: -value for name, value in terms.items() if value < 0}
    left = Column(_text(added) or "0", _sum(added, known, window))
    if not taken:
        return left, None, constant
    rest = f" {'-' if constant < 0 else '+'} {short(abs(constant))}" if constant else ""
    return left, Column(f"{_text(taken)}{rest}", _sum(taken, known, window) + constant), constant


def _column(window: Window, name: str) -> Floats | None:
    """A column of a law: a metric as it is, or what it gained, which of a counter is nothing at a reset."""
    metric = name.removeprefix(STEP)
    if name in window.names:
        return np.clip(window.column(name), -LARGEST, LARGEST)
    if metric not in window.names:
        return None
    values = np.clip(window.column(metric), -LARGEST, LARGEST)
    gained = gain(metric, values)
    return np.concatenate([[np.nan], np.diff(values)]) if gained is None else gained


def _sum(terms: dict[str, float], columns: dict[str, Floats], window: Window) -> Floats:
    total = np.zeros(len(window))
    for name, value in terms.items():
        total = total + value * columns[name]
    return np.where(np.isfinite(total), np.clip(total, -LARGEST, LARGEST), np.nan)


def _text(terms: dict[str, float]) -> str:
    parts = [name if value == 1 else f"{short(value)} {name}" for name, value in terms.items()]
    return " + ".join(parts).replace(STEP, "change of ")
