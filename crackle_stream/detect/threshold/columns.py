"""A window's metrics as the threshold detectors share them, and sums over them from the first task to the last.

Tables stay as the window has them, a row a task: numpy then adds row to row, which is the order of the crate's loops
and takes all metrics of a task in one step. Along the rows of a turned table it would add by pairs, and a running sum
there takes one number at a time. What no task lacks is neither copied nor masked, and what several detectors ask for is
made once a cooling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.distances import Points, chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["EPSILON", "Columns", "Floats", "Mask", "Rows", "Table", "first_with", "in_order", "table_of"]

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
        present: shape (n, k), where it does not; None where no task lacks any of the window's metrics.
        turned: shape (k, n), the same by metric.
        counts: shape (k,), how many tasks have the metric.
        totals: shape (k,), the sum of each metric from the first task to the last.
    """

    start: int
    values: Floats
    present: Mask | None
    turned: Mask | None
    counts: Rows
    totals: Floats

    def tasks(self, k: int) -> Mask | None:
        """Which tasks have metric k, shape (n,); None where no task lacks any of the window's metrics."""
        return None if self.turned is None else np.asarray(self.turned[k])


class Table:
    """A window of n tasks and m metrics; every part is computed once, when it is first asked for.

    Attributes:
        window: the window.
    """

    def __init__(self, window: Window) -> None:
        self.window = window

    @cached_property
    def points(self) -> Points:
        """The tasks as points."""
        return Points.of(self.window.values)

    @property
    def values(self) -> Floats:
        """Shape (n, m), 0 where a task lacks the metric."""
        return self.points.filled

    @cached_property
    def turned(self) -> Mask | None:
        """Shape (m, n), which task has which metric, so that those of a metric stand together; None for all."""
        present = self.points.present
        return None if present is None else np.ascontiguousarray(present.T)

    @cached_property
    def totals(self) -> Floats:
        """Shape (m,), the sum of each metric from the first task to the last."""
        with np.errstate(over="ignore", invalid="ignore"):
            return in_order(self.values)

    def blocks(self, stop: Callable[[], bool]) -> Iterator[Columns]:
        """The metrics in blocks, until `stop`."""
        for part in chunks(len(self.window.names), max(1, NUMBERS_AT_ONCE // max(1, len(self.window)))):
            if stop():
                return
            yield Columns(
                part.start,
                self.values[:, part],
                None if self.points.present is None else self.points.present[:, part],
                None if self.turned is None else self.turned[part],
                self.points.counts[part],
                self.totals[part],
            )

    def both(self, first: int, second: int) -> Mask | None:
        """Which tasks have both metrics, shape (n,); None where no metric is missing."""
        return None if self.turned is None else np.asarray(self.turned[first] & self.turned[second])

    def tasks_with(self, present: Mask | None) -> tuple[str, ...]:
        """Labels of the tasks that have something, in task order; None stands for all."""
        if present is None:
            return self.window.labels
        some = self._labels[present]
        return self.window.labels if len(some) == len(present) else tuple(some.tolist())

    @cached_property
    def _labels(self) -> npt.NDArray[np.object_]:
        """Shape (n,): an array chooses among them in half the time."""
        return np.fromiter(self.window.labels, dtype=object, count=len(self.window))


def table_of(window: Window, context: Context) -> Table:
    """The table that a cooling shares between its detectors, or one of our own where it offers none."""
    shared = getattr(context, "table", None)
    return shared if isinstance(shared, Table) and shared.window is window else Table(window)


def in_order(table: Floats) -> Floats:
    """The sum of each column of a table, shape (k,), from the first row to the last.

    A sum that decides whether something is zero must round as the crate's loop does. `einsum` adds row to row where
    numbers of a row lie side by side, as `np.add.reduce` does, in a third of the time where rows are short; along a
    column that lies side by side both would add by parts, which is more exact.
    """
    n, k = table.shape
    if n and (k == 1 or table.strides[1] != table.itemsize):
        return np.asarray(np.add.accumulate(table, axis=0)[-1])
    return np.asarray(np.einsum("ij->j", table))


def first_with(present: Mask | None) -> int:
    """The first row that has something; None stands for all."""
    return 0 if present is None else int(present.argmax())
