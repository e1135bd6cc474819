"""One kiln of the stream: its ring, its grid, and what of it no window has held yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from crackle_stream.model import Partition, TaskBatch, digest
from crackle_stream.ring import Ring
from crackle_stream.schedule import Grid
from crackle_stream.window import Span, Window

__all__ = ["Count", "KilnId", "StreamKiln"]

WINDOW_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class KilnId:
    """A kiln of the stream: of the source (no partition), of a partition, or of a key in one."""

    partition: Partition | None = None
    key: str = ""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # it is looked up some fifty times a window, and the hash of a partition within is worked out each time
        object.__setattr__(self, "_hash", hash((self.partition, self.key)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Count:
    """How many tasks a kiln has had, which is what windows of keys are cut by.

    Attributes:
        rows: tasks.
        through: offset of the last of them.
    """

    rows: int = 0
    through: int = -1


class StreamKiln:
    """A kiln of a stream.

    Args:
        id: which.
        ring: its ring.
        grid: where its windows end.
        count: the tasks it had before a restart.

    Attributes:
        fresh: tasks that no window has held yet.
        fresh_since: when the oldest of them came, on the caller's clock.
        due: stream time of the next cut by time that was announced.
        stream_time: the partition's at the last task that was fresh.
    """

    def __init__(self, id: KilnId, ring: Ring, grid: Grid, count: Count | None = None) -> None:  # noqa: A002
        self.id = id
        self.ring = ring
        self.grid = grid
        self.fresh = 0
        self.fresh_since = 0.0
        self.due = np.inf
        self.stream_time = -np.inf
        self._count = Count() if count is None else count
        self._last_window = ""
        self._spans: dict[Partition, tuple[int, int]] = {}
        self._ends: dict[Partition, float] = {}
        self._offsets: deque[npt.NDArray[np.int64]] = deque()
        self._held = 0

    @property
    def count(self) -> Count:
        """Tasks so far."""
        return self._count

    @property
    def end(self) -> int | None:
        """Offset of the last fresh task of the kiln's partition, or None."""
        span = None if self.id.partition is None else self._spans.get(self.id.partition)
        return None if span is None else span[1]

    @property
    def refill_from(self) -> int:
        """Offset of the oldest task in the ring; 0 for an empty one."""
        if not self._offsets:
            return 0
        return int(self._offsets[0][self._held - len(self.ring)])

    def refill(self, batch: TaskBatch) -> None:
        """Put tasks in the ring that windows before a restart have held; they are only context."""
        self._append(batch, slice(None))
        offsets = batch.positions.offsets
        new = int(np.count_nonzero(offsets > self._count.through))
        if new:
            self._count = Count(self._count.rows + new, int(offsets[-1]))

    def write(self, batch: TaskBatch, rows: slice, logged: float, stream_time: float, now: float) -> tuple[int, int]:
        """Put tasks in the ring.

        Args:
            batch: tasks of one partition.
            rows: which of them.
            logged: when the log took the last of them.
            stream_time: the partition's at the last of them.
            now: on the caller's clock.

        Returns:
            Offsets of the first and the last.
        """
        self._append(batch, rows)
        partition, count = batch.positions.partition, rows.stop - rows.start
        first, last = int(batch.positions.offsets[rows.start]), int(batch.positions.offsets[rows.stop - 1])
        low, high = self._spans.get(partition, (first, last))
        self._spans[partition] = (min(low, first), max(high, last))
        self._ends[partition] = logged
        if not self.fresh:
            self.fresh_since = now
        self.fresh += count
        self.stream_time = stream_time
        self._count = Count(self._count.rows + count, last)
        return first, last

    def cut(self, name: str, closed_by: str) -> Window:
        """A window of the ring's tasks; those that were fresh are so no more.

        Args:
            name: the pipeline's, part of the window's id.
            closed_by: what ended it.
        """
        spans = tuple(Span(partition, low, high) for partition, (low, high) in sorted(self._spans.items()))
        labels, times, names, values = self.ring.last()
        if self.id.partition is None and len(spans) > 1:
            order = np.argsort(times, kind="stable")
            labels, times, values = [labels[row] for row in order.tolist()], times[order], values[order]
        window = Window.from_columns(
            labels,
            times,
            names,
            values,
            key=self.id.key,
            id=self._identity(name, spans),
            span=spans,
            fresh=self.fresh,
            closed_by=closed_by,
            owned=True,
        )
        self._last_window = window.id
        self.fresh = 0
        self._spans, self._ends = {}, {}
        return window

    def _identity(self, name: str, spans: tuple[Span, ...]) -> str:
        """A window is known by its kiln and its end, so that whoever cuts it again gives it the same id.

        The end is a place and the time of the record that stands there: lines of two pipes have the same numbers.
        Tasks that are seen again make another window than the one that held them first.
        """
        if not spans:
            return digest([self._last_window, "again"], WINDOW_ID_DIGITS)
        ends = [text for span in spans for text in (str(span.end), repr(self._ends[span.partition]))]
        return digest([name, str(self.id.partition or ""), self.id.key, *ends], WINDOW_ID_DIGITS)

    def _append(self, batch: TaskBatch, rows: slice) -> None:
        self.ring.append(batch.labels[rows], batch.times[rows], batch.names, batch.values[rows])
        offsets = batch.positions.offsets[rows]
        self._offsets.append(offsets)
        self._held += len(offsets)
        while self._held - len(self._offsets[0]) >= len(self.ring):
            self._held -= len(self._offsets.popleft())
