"""Some metrics of a window at a time, and sums over them from the first task to the last.

Tables stay as the window has them, a row a task: numpy then adds row to row, which is the order of the crate's loops
and takes all metrics of a task in one step. Along the rows of a turned table it would add by pairs, and a running sum
there takes one number at a time. What no task lacks is neither copied nor masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.distances import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crackle_stream.window import Window

__all__ = ["EPSILON", "Columns", "Floats", "Mask", "Rows", "column_blocks", "first_with", "in_order", "tasks_with"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

EPSILON = float(np.finfo(np.float64).eps)
"""2.22e-16, under which the crate takes a mean or a denominator to be zero."""

NUMBERS_AT_ONCE = 1 << 19
"""Values of a block of metrics: a few milliseconds of work, so that stopping can be asked between."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Some metrics of a window.

    Attributes:
        start: place of the first among the window's names.
        values: shape (n, k), 0 where a task lacks the metric, so that sums leave it out.
        present: shape (n, k), where it does not; None where no task lacks any of them.
        counts: shape (k,), how many tasks have the metric.
    """

    start: int
    values: Floats
    present: Mask | None
    counts: Rows

    def tasks(self, k: int) -> Mask | None:
        """Which tasks have metric k, shape (n,); None where all have it."""
        return None if self.present is None else np.asarray(self.present[:, k])


def column_blocks(window: Window, stop: Callable[[], bool]) -> Iterator[Columns]:
    """The window's metrics in blocks, until `stop`."""
    n = len(window)
    step = max(1, NUMBERS_AT_ONCE // max(1, n))
    for start in range(0, len(window.names), step):
        if stop():
            return
        values = window.values[:, start : start + step]
        missing = np.isnan(values)
        if missing.any():
            yield Columns(start, np.where(missing, 0.0, values), ~missing, n - counted(missing))
        else:
            yield Columns(start, values, None, np.full(values.shape[1], n))


def in_order(table: Floats) -> Floats:
    """The sum of each column of a table, shape (k,), from the first row to the last.

    A sum that decides whether something is zero must round as the crate's loop does. `np.add.reduce` adds row to row
    where numbers of a row lie side by side; along a column that does it would add by pairs, which is more exact.
    """
    n, k = table.shape
    if n and (k == 1 or table.strides[1] != table.itemsize):
        return np.asarray(np.add.accumulate(table, axis=0)[-1])
    return np.asarray(np.add.reduce(table, axis=0))


def tasks_with(window: Window, present: Mask | None) -> tuple[str, ...]:
    """Labels of the tasks that have something, in task order; None stands for all."""
    if present is None or present.all():
        return window.labels
    return tuple(compress(window.labels, present.tobytes()))


def first_with(present: Mask | None) -> int:
    """The first row that has something; None stands for all."""
    return 0 if present is None else int(present.argmax())
