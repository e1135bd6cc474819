"""A metric task by task: before and after a change, or flat where it is conserved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.model import Figure, Layer, PatternKind, Shape, Tone
from crackle_stream.render.figures.columns import LARGEST, axis_of, task_axis
from crackle_stream.render.figures.sampling import STRETCHES, stretches
from crackle_stream.render.numbers import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.model import CracklePattern
    from crackle_stream.render.figures.columns import Column
    from crackle_stream.window import Window

__all__ = ["Level", "change", "conserved", "course"]

Floats = npt.NDArray[np.float64]

MIDDLE = (0.16, 0.84)
"""Quantiles between which the middle 68 % lie: one standard deviation to either side of a normal sample."""

LEVELS = (("before", "after"), ("first_half_avg", "second_half_avg"))
"""Names of the numbers that say from where to where a level went, in the evidence and the threshold family."""


@dataclass(frozen=True, slots=True)
class Level:
    """A computed value over some rows.

    Attributes:
        first: the first row.
        last: the last row.
        value: the value.
        label: what it is.
    """

    first: int
    last: int
    value: float
    label: str = ""

    @property
    def layer(self) -> Layer:
        """It as a line."""
        ends = (float(self.first), float(max(self.last, self.first)))
        return Layer(Shape.LINE, Tone.MODEL, ends, (self.value, self.value), label=self.label)


def course(
    window: Window,
    column: Column,
    row: int | None,
    levels: Iterable[Level] = (),
    *,
    told: str,
    zero: bool = False,
) -> Figure:
    """A metric over the window's tasks in their order.

    Args:
        window: the window.
        column: the metric.
        row: the first row after the change; None for no change, 0 for one before the window.
        levels: what is drawn over it.
        told: what there is to see.
        zero: whether the axis up reaches to zero, where how much it varies is to be compared with how much it is.
    """
    lines = [level for level in levels if abs(level.value) <= LARGEST]
    n = len(window)
    layers: list[Layer] = []
    if row is not None and row > 0:
        share = min(max(round(STRETCHES * row / n), 1), STRETCHES - 1)
        layers += stretches(column.values, 0, row, share, Tone.CALM, "before")
        layers += stretches(column.values, row, n, STRETCHES - share, Tone.ODD, "after")
    else:
        layers += stretches(column.values, 0, n, STRETCHES, Tone.CALM if row is None else Tone.ODD)
    layers += [level.layer for level in lines]
    each = f" Each stretch of about {round(n / STRETCHES)} tasks is drawn from its least to its greatest value."
    return Figure(
        title=f"{column.name}, task by task",
        text=f"{told}{each if n > 1.5 * STRETCHES else ''}",
        x=task_axis(window),
        y=axis_of(column.name, column.values, np.array([level.value for level in lines]), zero=zero),
        layers=tuple(layers),
        mark=float(row) if row else None,
    )


def change(window: Window, column: Column, pattern: CracklePattern, row: int, turns: Iterable[int]) -> Figure:
    """A change of a metric, with what it was before and after as the finding says it.

    Args:
        window: the window.
        column: the metric.
        pattern: the change.
        row: the first row after it; 0 for before the window.
        turns: rows of the metric's other changes, between which the levels lie.
    """
    first = max((turn for turn in turns if turn < row), default=0)
    last = min((turn for turn in turns if turn > row), default=len(window)) - 1
    if pattern.form == "mean":
        levels = _levels(pattern, first, row, last)
    elif pattern.form == "no longer constant":
        levels = [Level(0, len(window) - 1, pattern.metrics.get("before", np.nan), "the value it always had")]
    else:
        levels = [*_middle(column.values, first, row, "middle 68 %"), *_middle(column.values, row, last + 1, "")]
    label = window.labels[row]
    since = f"changes at {label}, task {row + 1} of {len(window):,}" if row else "had changed before the first task"
    return course(window, column, row, levels, told=f"{column.name} {since}{_went(levels)}.")


def _levels(pattern: CracklePattern, first: int, row: int, last: int) -> list[Level]:
    """The levels of a change of level; one before the window is drawn across it."""
    for names in LEVELS:
        before, after = (pattern.metrics.get(name, np.nan) for name in names)
        if np.isfinite(before) and np.isfinite(after):
            early = Level(first, row - 1, before, "level") if row else Level(0, last, before, "level before")
            return [early, Level(row, last, after, "" if row else "level now")]
    return []


def _middle(values: Floats, first: int, last: int, label: str) -> list[Level]:
    """Between which values the middle 68 % of some rows lie."""
    part = values[first:last]
    part = part[np.isfinite(part)]
    if not len(part):
        return []
    low, high = np.quantile(part, MIDDLE).tolist()
    return [Level(first, last - 1, low, label), Level(first, last - 1, high)]


def _went(levels: list[Level]) -> str:
    if len(levels) != 2 or levels[0].label.startswith("middle"):
        return ""
    return f", and goes from {short(float(f'{levels[0].value:.4g}'))} to {short(float(f'{levels[1].value:.4g}'))}"


def conserved(window: Window, column: Column, pattern: CracklePattern) -> Figure:
    """A metric that hardly varies, against all of its size."""
    mean = float(np.nanmean(column.values))
    levels = [Level(0, len(window) - 1, mean, "mean")]
    told = f"{column.name} stays near {short(float(f'{mean:.4g}'))} in all tasks."
    return course(window, column, None, levels, told=told, zero=pattern.kind == PatternKind.CONSERVATION)
