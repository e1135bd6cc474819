"""When a window is cut: on a grid that depends on the log alone.

A cut falls where an offset passes a multiple of `every_tasks` or the stream's own time passes a multiple of
`every_seconds`. A reader that starts again, or another one, cuts the same log at the same places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CoolingSchedule", "Cut", "Grid", "StreamTime"]

MAX_AHEAD_S = 300.0
"""How far a task's time may run ahead of the log's before the log's is taken: clocks drift by seconds, not minutes."""


@dataclass(frozen=True, slots=True)
class CoolingSchedule:
    """When to cool.

    Attributes:
        every_tasks: cut where an offset passes a multiple of this; None for never.
        every_seconds: cut where stream time passes a multiple of this many seconds, and on a quiet stream after as
            many seconds of waiting; None for never.
    """

    every_tasks: int | None = 500
    every_seconds: float | None = 30.0

    def __post_init__(self) -> None:
        if self.every_tasks is not None and self.every_tasks < 1:
            raise ValueError(f"every_tasks must be at least 1, not {self.every_tasks}; None switches it off")
        if self.every_seconds is not None and not 0 < self.every_seconds < math.inf:
            raise ValueError(f"every_seconds must be more than 0, not {self.every_seconds}; None switches it off")

    def grid(self, shift: float = 0.0) -> Grid:
        """The grid of one kiln.

        Args:
            shift: seconds by which its time grid is shifted, so that many kilns are not due at one instant.
        """
        return Grid(self, shift)


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of a window within a batch.

    Attributes:
        row: the window ends before this row of the batch.
        closed_by: "tasks" or "time".
    """

    row: int
    closed_by: str


class Grid:
    """The grid of one kiln: fed the rows in order, it says where windows end."""

    def __init__(self, schedule: CoolingSchedule, shift: float = 0.0) -> None:
        self._tasks = schedule.every_tasks
        self._seconds = schedule.every_seconds
        self._shift = shift
        self._last_offset: int | None = None
        self._last_slot: int | None = None

    @property
    def due(self) -> float:
        """Stream time of the next cut by time; infinite where there is none."""
        if self._seconds is None or self._last_slot is None:
            return math.inf
        return (self._last_slot + 1) * self._seconds + self._shift

    def cuts(self, offsets: npt.NDArray[np.int64], stream_times: npt.NDArray[np.float64]) -> list[Cut]:
        """Where windows end in the next rows.

        Args:
            offsets: shape (n,), strictly increasing; what `every_tasks` counts.
            stream_times: shape (n,), never decreasing (see `StreamTime`).

        Returns:
            Cuts by row, each row at most once; a cut may end no new task, which the caller leaves out.
        """
        if len(offsets) == 0:
            return []
        ends: dict[int, str] = {}
        if self._seconds is not None:
            slots = np.floor((stream_times - self._shift) / self._seconds).astype(np.int64)
            ends.update(dict.fromkeys(_changes(slots, self._last_slot), "time"))
            self._last_slot = int(slots[-1])
        if self._tasks is not None:
            before = None if self._last_offset is None else self._last_offset // self._tasks
            ends.update(dict.fromkeys(_multiples(offsets, self._tasks, before), "tasks"))
        self._last_offset = int(offsets[-1])
        return [Cut(row, ends[row]) for row in sorted(ends)]

    def pass_time(self, stream_time: float) -> bool:
        """Whether stream time, moved on by other kilns' tasks, has passed the next cut by time."""
        if self._seconds is None or stream_time < self.due:
            return False
        self._last_slot = math.floor((stream_time - self._shift) / self._seconds)
        return True


class StreamTime:
    """The running maximum of a partition's task times, guarded against clocks that run ahead.

    Args:
        now: the maximum as of the position from which a log is taken up again; without it a reader that refills a
            ring from a log whose clock once ran ahead would cut it elsewhere.

    Attributes:
        now: the maximum so far; minus infinity before the first task.
        ahead: number of times replaced because they ran more than five minutes ahead of the log's.
        late: number of tasks that were older than the maximum.
    """

    def __init__(self, now: float = -math.inf) -> None:
        self.now = now
        self.ahead = 0
        self.late = 0

    def advance(
        self, times: npt.NDArray[np.float64], log_times: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """The stream's time at each of the next tasks.

        Args:
            times: shape (n,), when the tasks fired.
            log_times: shape (n,), when the log took them; None where it keeps no time.

        Returns:
            Shape (n,), never decreasing.
        """
        if len(times) == 0:
            return times
        if log_times is not None:
            ahead = times > log_times + MAX_AHEAD_S
            count = int(np.count_nonzero(ahead))
            if count:
                self.ahead += count
                times = np.where(ahead, log_times, times)
        running = np.maximum.accumulate(np.maximum(times, self.now))
        self.late += int(np.count_nonzero(times < running))
        self.now = float(running[-1])
        return running


def _multiples(offsets: npt.NDArray[np.int64], tasks: int, before: int | None) -> list[int]:
    """Rows before which the offsets pass a multiple of `tasks`; one past the last row where the next offset is one.

    Of offsets without a gap, as most batches have them, they are counted off and no row is looked at.
    """
    first, last = int(offsets[0]), int(offsets[-1])
    if last - first != len(offsets) - 1:
        full = np.flatnonzero((offsets + 1) % tasks == 0) + 1
        return [*_changes(offsets // tasks, before), *full.tolist()]
    here = first // tasks
    rows = list(range((here + 1) * tasks - first, len(offsets) + 1, tasks))
    return rows if before is None or before == here else [0, *rows]


def _changes(slots: npt.NDArray[np.int64], before: int | None) -> list[int]:
    """Rows whose slot differs from the row before."""
    first = slots[0] if before is None else before
    previous = np.concatenate(([first], slots[:-1]))
    rows: list[int] = np.flatnonzero(slots != previous).tolist()
    return rows
