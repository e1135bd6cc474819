"""A window's columns as a finding is about them, the axes they lie on, and the tasks that are responsible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.model import Axis
from crackle_stream.render.moment import utc
from crackle_stream.render.numbers import counted, round_step, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.model import CracklePattern
    from crackle_stream.window import Window

__all__ = ["Column", "axis_of", "column_of", "gain", "known_columns", "places_of", "task_axis"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MANAGEABLE = 1e-290
"""Spans under it, and over its inverse, have no round numbers a float could hold."""

MOST_DIGITS = 1e9
"""Size over span from which round numbers are no shorter than others."""

LARGEST = 1e300
"""Numbers beyond it are drawn at it: their differences would overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A metric of a window as a finding is about it.

    Attributes:
        name: what stands at its axis.
        values: shape (n,), NaN where absent.
    """

    name: str
    values: Floats


def column_of(window: Window, name: str, pattern: CracklePattern) -> Column | None:
    """A metric's column; of a counter what it gained at each task, where the detectors looked at that.

    Only the evidence family takes counters for counters; the rules of thumb look at numbers as they come.

    Returns:
        None where the window has no such metric, or nothing in it.
    """
    if name not in window.names:
        return None
    values = np.clip(window.column(name), -LARGEST, LARGEST)
    if pattern.evidence is not None:
        gained = gain(name, values)
        name, values = (name, values) if gained is None else (f"gain of {name}", gained)
    return Column(name, values) if np.isfinite(values).any() else None


def gain(name: str, values: Floats) -> Floats | None:
    """What a counter gained at each task; None where the metric is no counter."""
    # rules of thumb must not load what the evidence family needs
    from crackle_stream.detect.evidence.metric_types import MetricType, infer, steps_of

    return steps_of(values) if infer(name, values).type is MetricType.COUNTER else None


def known_columns(window: Window, pattern: CracklePattern, count: int) -> list[Column]:
    """The first metrics of a pattern that the window has, at most `count`."""
    found: list[Column] = []
    for name in pattern.metric_names:
        column = column_of(window, name, pattern)
        if column is not None:
            found.append(column)
        if len(found) == count:
            break
    return found


def axis_of(name: str, *parts: Floats, zero: bool = False) -> Axis:
    """The axis on which all these numbers lie; wide enough to be one where they are all the same.

    Args:
        name: its label.
        parts: numbers; what is not finite is left out.
        zero: whether it reaches to zero.
    """
    finite = np.concatenate([part[np.isfinite(part)] for part in parts])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    # Of numbers that differ by less than a float can show beside them, all are the same.
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        room = max(abs(low), abs(high)) / 2 or 1.0
        low, high = (0.0 if low >= 0 else low - room), (0.0 if high <= 0 and low < 0 else high + room)
    return Axis(name, *_round_ends(low, high))


def _round_ends(low: float, high: float) -> tuple[float, float]:
    """Round numbers just outside of two."""
    span = high - low
    if not MANAGEABLE < span < 1 / MANAGEABLE or max(abs(low), abs(high)) / span > MOST_DIGITS:
        return low, high
    step = round_step(span)
    return rounded(math.floor(low / step) * step, span), rounded(math.ceil(high / step) * step, span)


def task_axis(window: Window) -> Axis:
    """The window's tasks in their order, with the times of the first and the last."""
    first, last = (utc(float(window.times[row])) or "" for row in (0, -1))
    if first[:10] == last[:10]:
        first, last = first[11:19], last[11:19]
    return Axis(counted(len(window), "task"), 0.0, float(max(len(window) - 1, 1)), first or "first", last or "last")


def places_of(window: Window, labels: Iterable[str]) -> Ints | None:
    """The rows of tasks by their labels, in the order of the labels; unknown ones are left out.

    Returns:
        None where labels do not tell one task from another.
    """
    rows = {label: row for row, label in enumerate(window.labels)}
    if len(rows) < len(window):
        return None
    return np.array([rows[label] for label in labels if label in rows], dtype=np.intp)
