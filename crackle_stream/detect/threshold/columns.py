"""A window's metrics as rows of numbers, a few metrics at a time, and sums over them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crackle_stream.window import Window

__all__ = ["EPSILON", "Columns", "Mask", "column_blocks", "in_order", "tasks_with"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

EPSILON = float(np.finfo(np.float64).eps)
"""2.22e-16, under which the crate takes a mean or a denominator to be zero."""

NUMBERS_AT_ONCE = 1 << 19
"""Values of a block of metrics: a few milliseconds of work, so that stopping can be asked between."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Some metrics of a window.

    Attributes:
        start: place of the first among the window's names.
        values: shape (k, n), 0 where a task lacks the metric, so that sums over a row leave it out.
        present: shape (k, n), where it does not.
        counts: shape (k,), how many tasks have the metric.
        complete: whether all tasks have all of them.
    """

    start: int
    values: Floats
    present: Mask
    counts: npt.NDArray[np.intp]
    complete: bool


def column_blocks(window: Window, stop: Callable[[], bool]) -> Iterator[Columns]:
    """The window's metrics in blocks, until `stop`."""
    step = max(1, NUMBERS_AT_ONCE // max(1, len(window)))
    for start in range(0, len(window.names), step):
        if stop():
            return
        values = np.array(window.values[:, start : start + step].T, order="C")
        missing = np.isnan(values)
        complete = not missing.any()
        if not complete:
            values[missing] = 0.0
        present = ~missing
        yield Columns(start, values, present, present.sum(axis=1), complete)


def in_order(table: Floats) -> Floats:
    """The sum of each row, shape (k,), from left to right.

    `np.sum` adds by pairs, which is more exact; a sum that decides whether something is zero must round as the crate's
    loop does.
    """
    if not table.shape[1]:
        return np.zeros(len(table))
    return np.asarray(np.add.accumulate(table, axis=1)[:, -1])


def tasks_with(window: Window, present: Mask) -> tuple[str, ...]:
    """Labels of the tasks that have something, in task order."""
    return window.labels if present.all() else tuple(compress(window.labels, present.tobytes()))
