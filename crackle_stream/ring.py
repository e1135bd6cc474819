"""The bounded ring under every kiln: the last tasks, in columns, with no object per task but its label.

Rows are written in place and the oldest are overwritten. Columns are added as new metrics appear and room for rows
is made as they arrive, so a ring costs what it holds, not what it may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_NAMES", "Ring"]

MAX_NAMES = 5_000
"""Metric names a ring keeps; more are counted and left out, or a stream of random names would own the memory."""

_FIRST_ROWS = 64
_FIRST_NAMES = 8
_LABEL_BYTES = 72  # a short str object and its reference, as CPython stores them

_Columns: TypeAlias = "slice | npt.NDArray[np.intp]"


class Ring:
    """The last `capacity` tasks; unbounded where capacity is None.

    Attributes:
        dropped_names: metric names left out because `max_names` were known already.
    """

    def __init__(self, capacity: int | None = None, *, max_names: int = MAX_NAMES) -> None:
        if capacity is not None and capacity < 1:
            raise ValueError(f"a ring's capacity must be at least 1 task, not {capacity}")
        self._capacity = capacity
        self._max_names = max_names
        self._columns: dict[str, int] = {}
        self._values: npt.NDArray[np.float64] = np.empty((0, _FIRST_NAMES))
        self._times: npt.NDArray[np.float64] = np.empty(0)
        self._labels: list[str | None] = []  # a list takes a stretch of another as it is, where numpy asks each label
        self._next = 0
        self._count = 0
        self._plan: tuple[tuple[str, ...], _Columns, _Columns] | None = None
        self.dropped_names = 0

    def __len__(self) -> int:
        return self._count

    @property
    def capacity(self) -> int | None:
        """Most tasks it holds, or None."""
        return self._capacity

    @property
    def nbytes(self) -> int:
        """Bytes the ring occupies, labels estimated."""
        return self._values.nbytes + self._times.nbytes + 8 * len(self._labels) + self._count * _LABEL_BYTES

    def clear(self) -> None:
        """Forget every task and metric; the room is kept."""
        self._columns.clear()
        self._labels = [None] * len(self._labels)
        self._next = self._count = 0
        self._plan = None
        self.dropped_names = 0

    def append(
        self,
        labels: Sequence[str],
        times: npt.NDArray[np.float64],
        names: tuple[str, ...],
        values: npt.NDArray[np.float64],
    ) -> None:
        """Write tasks, overwriting the oldest where the ring is full.

        Args:
            labels: n labels.
            times: shape (n,), epoch seconds.
            names: m metric names.
            values: shape (n, m); NaN where absent.
        """
        if self._capacity is not None and len(labels) > self._capacity:
            keep = len(labels) - self._capacity
            labels, times, values = labels[keep:], times[keep:], values[keep:]
        n = len(labels)
        if n == 0:
            return
        sources, targets = self._plan_for(names)
        self._make_room(n)
        size = len(self._times)
        done = 0
        while done < n:
            start = self._next
            part = slice(done, done + min(n - done, size - start))
            rows = slice(start, start + part.stop - part.start)
            self._labels[rows] = labels[part]
            self._times[rows] = times[part]
            if not isinstance(targets, slice) or targets.stop < self._values.shape[1]:
                self._values[rows] = np.nan
            self._values[rows, targets] = values[part, sources]
            self._next = rows.stop % size
            done = part.stop
        self._count = min(self._count + n, size)

    def last(
        self, rows: int | None = None
    ) -> tuple[list[str], npt.NDArray[np.float64], tuple[str, ...], npt.NDArray[np.float64]]:
        """Copies of the last tasks in order: labels, times, names and values.

        Metrics that none of these tasks has are left out.

        Args:
            rows: how many; all of them by default.
        """
        n = self._count if rows is None else min(rows, self._count)
        first, rest = parts = self._stretches(n)
        labels = cast("list[str]", self._labels[first] + self._labels[rest])
        times = np.concatenate([self._times[part] for part in parts])
        values = np.concatenate([self._values[part, : len(self._columns)] for part in parts])
        names = tuple(self._columns)
        if n and not np.isnan(values[-1]).any():
            return labels, times, names, values  # the last task has all of them, as it has in a steady stream
        absent = np.isnan(values).all(axis=0)
        if absent.any():
            present = np.flatnonzero(~absent)
            values = values[:, present]
            names = tuple(names[column] for column in present.tolist())
        return labels, times, names, values

    def _stretches(self, n: int) -> tuple[slice, slice]:
        """Where the last n tasks stand: what is before the end of the room, and what goes on at its beginning."""
        start = self._next - n
        return (slice(start, self._next), slice(0, 0)) if start >= 0 else (slice(start, None), slice(0, self._next))

    def _plan_for(self, names: tuple[str, ...]) -> tuple[_Columns, _Columns]:
        """Which columns of a batch go to which columns of the ring; remembered for a steady stream."""
        if self._plan is None or self._plan[0] != names:
            self._add_names(names)
            known = [(here, self._columns[name]) for here, name in enumerate(names) if name in self._columns]
            pairs = np.array(known, dtype=np.intp).reshape(-1, 2)
            self._plan = names, _in_place(pairs[:, 0]), _in_place(pairs[:, 1])
        return self._plan[1], self._plan[2]

    def _add_names(self, names: tuple[str, ...]) -> None:
        new = [name for name in names if name not in self._columns]
        if len(self._columns) + len(new) > self._max_names:
            self._forget_absent()
        room = self._max_names - len(self._columns)
        self.dropped_names += max(len(new) - room, 0)
        for name in new[:room]:
            self._columns[name] = len(self._columns)
        width = self._values.shape[1]
        if len(self._columns) > width:
            wider = np.full((len(self._times), max(len(self._columns), 2 * width)), np.nan)
            wider[:, :width] = self._values
            self._values = wider

    def _forget_absent(self) -> None:
        """Give up the columns that no task in the ring has any more."""
        names = list(self._columns)
        here = self._values[:, : len(names)]
        if self._count < len(here):
            here = here[: self._count]
        keep = np.flatnonzero(~np.isnan(here).all(axis=0))
        kept = np.full_like(self._values, np.nan)
        kept[:, : len(keep)] = self._values[:, keep]
        self._values = kept
        self._columns = {names[column]: place for place, column in enumerate(keep.tolist())}
        self._plan = None

    def _make_room(self, n: int) -> None:
        size = len(self._times)
        need = self._count + n
        wanted = need if self._capacity is None else min(need, self._capacity)
        if wanted <= size:
            return
        new = max(wanted, 2 * size, _FIRST_ROWS)
        if self._capacity is not None:
            new = min(new, self._capacity)
        order = np.arange(self._next - self._count, self._next) % max(size, 1)
        values = np.full((new, self._values.shape[1]), np.nan)
        times = np.zeros(new)
        values[: self._count] = self._values[order]
        times[: self._count] = self._times[order]
        first, rest = self._stretches(self._count)
        labels = self._labels[first] + self._labels[rest] + [None] * (new - self._count)
        self._values, self._times, self._labels = values, times, labels
        self._next = self._count % new


def _in_place(columns: npt.NDArray[np.intp]) -> _Columns:
    """The columns as a slice where they are the first ones in order: rows are then copied and not gathered."""
    return slice(0, len(columns)) if np.array_equal(columns, np.arange(len(columns))) else columns
