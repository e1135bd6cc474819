"""Which kiln a task belongs to, and where each kiln's windows end.

Synchronous and without a clock of its own: rows go in, windows come out.
"""

from __future__ import annotations

import heapq
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from crackle_stream.commit import SettledPositions
from crackle_stream.model import Partition, TaskBatch, digest
from crackle_stream.ring import Ring
from crackle_stream.schedule import CoolingSchedule, Grid, StreamTime
from crackle_stream.stream.options import KilnOptions
from crackle_stream.window import Span, Window

__all__ = ["KilnId", "Scope"]

WINDOW_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class KilnId:
    """A kiln of the stream: of the source (no partition), of a partition, or of a key in one."""

    partition: Partition | None = None
    key: str = ""


@dataclass(slots=True)
class _Kiln:
    """A ring, its grid, and what of it no window has held yet."""

    id: KilnId
    ring: Ring
    grid: Grid
    rows: int = 0
    fresh: int = 0
    fresh_since: float = 0.0
    cut: str = ""
    spans: dict[Partition, tuple[int, int]] = field(default_factory=dict)
    ends: dict[Partition, float] = field(default_factory=dict)
    due: float = np.inf


class Scope:
    """All kilns of a pipeline.

    Args:
        options: size and scope.
        schedule: when windows end.
        settled: told which rows went where.
        name: the pipeline's, part of window ids.
        monotonic: a clock for `idle`.

    Attributes:
        dropped_names: metric names left out because a ring knew too many.
        late: tasks older than their partition's stream time.
    """

    def __init__(
        self,
        options: KilnOptions,
        schedule: CoolingSchedule,
        settled: SettledPositions,
        *,
        name: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._options = options
        self._schedule = schedule
        self._settled = settled
        self._name = name
        self._monotonic = monotonic
        self._kilns: OrderedDict[KilnId, _Kiln] = OrderedDict()
        self._times: dict[Partition, StreamTime] = {}
        self._due: list[tuple[float, int, KilnId]] = []
        self._pushed = 0
        self._nbytes = 0

    def __len__(self) -> int:
        return len(self._kilns)

    @property
    def nbytes(self) -> int:
        """Bytes of all rings."""
        return self._nbytes

    @property
    def fresh(self) -> int:
        """Tasks that no window has held yet."""
        return sum(kiln.fresh for kiln in self._kilns.values())

    @property
    def held(self) -> int:
        """Tasks in all rings."""
        return sum(len(kiln.ring) for kiln in self._kilns.values())

    @property
    def late(self) -> int:
        """Tasks older than the latest of their partition; they are kept and counted."""
        return sum(time.late for time in self._times.values())

    @property
    def dropped_names(self) -> int:
        """Metric names left out because a ring knew too many."""
        return sum(kiln.ring.dropped_names for kiln in self._kilns.values())

    def feed(
        self, batch: TaskBatch, log_times: npt.NDArray[np.float64] | None = None
    ) -> Iterator[tuple[KilnId, Window]]:
        """Hand tasks to their kilns.

        Yields each window as it ends, so that a caller who must wait for room waits in the middle of a batch; the
        rows after it are handed over when iteration goes on. The caller holds the batch's position back until then.
        """
        if len(batch) == 0:
            return
        partition = batch.positions.partition
        clock = self._times.setdefault(partition, StreamTime())
        stream_times = clock.advance(batch.times, log_times)
        logged = batch.times if log_times is None else log_times
        for key, rows in self._groups(batch):
            every = slice(None) if rows is None else rows
            part = batch if rows is None else batch.take(rows)
            kiln = KilnId(self._partition_of(batch), key)
            yield from self._feed_kiln(kiln, part, stream_times[every], logged[every])
        yield from self._pass_time(partition, clock.now)

    def flush(self, closed_by: str) -> Iterator[tuple[KilnId, Window]]:
        """End a window in every kiln that has fresh tasks."""
        for kiln in list(self._kilns.values()):
            yield from self._cut(kiln, closed_by)

    def last(self, closed_by: str) -> Iterator[tuple[KilnId, Window]]:
        """End a window in every kiln, with fresh tasks or without: for a last look at a stream that has ended."""
        for kiln in list(self._kilns.values()):
            yield from self._cut(kiln, closed_by, again=True)

    def idle(self, waited_s: float) -> Iterator[tuple[KilnId, Window]]:
        """End a window in every kiln whose oldest fresh task has waited this long."""
        now = self._monotonic()
        for kiln in list(self._kilns.values()):
            if kiln.fresh and now - kiln.fresh_since >= waited_s:
                yield from self._cut(kiln, "idle")

    def drop(self, partitions: Iterable[Partition]) -> list[KilnId]:
        """Forget the kilns of partitions that are ours no longer, and every kiln that mixes partitions."""
        gone = set(partitions)
        dropped = [kiln for kiln in self._kilns if kiln.partition is None or kiln.partition in gone]
        for kiln in dropped:
            self._forget(kiln)
            self._settled.release(kiln)
        for partition in gone:
            self._times.pop(partition, None)
        return dropped

    def over(self) -> Iterator[tuple[KilnId, Window | None]]:
        """Close the least recent kilns while there are too many of them or they take too much memory.

        Yields:
            The kiln and its last window, or None where every task of it had been in one.
        """
        while len(self._kilns) > 1 and (
            len(self._kilns) > self._options.max_keys or self.nbytes > self._options.max_bytes
        ):
            kiln = next(iter(self._kilns.values()))
            last = [window for _, window in self._cut(kiln, "evicted")]
            self._forget(kiln.id)
            yield kiln.id, (last[0] if last else None)

    def _forget(self, name: KilnId) -> None:
        self._nbytes -= self._kilns.pop(name).ring.nbytes

    def _partition_of(self, batch: TaskBatch) -> Partition | None:
        return None if self._options.scope == "source" else batch.positions.partition

    def _groups(self, batch: TaskBatch) -> Iterator[tuple[str, npt.NDArray[np.intp] | None]]:
        """Rows by key, keys in the order of their first row; None for all rows."""
        if self._options.scope != "key" or batch.keys is None:
            yield "", None
            return
        rows: dict[str, list[int]] = {}
        for row, key in enumerate(batch.keys):
            rows.setdefault(key, []).append(row)
        for key, here in rows.items():
            yield key, np.array(here, dtype=np.intp)

    def _feed_kiln(
        self,
        name: KilnId,
        batch: TaskBatch,
        stream_times: npt.NDArray[np.float64],
        logged: npt.NDArray[np.float64],
    ) -> Iterator[tuple[KilnId, Window]]:
        kiln = self._kiln(name)
        counted = kiln.rows + np.arange(len(batch), dtype=np.int64)
        text = batch.positions.partition.number is None
        by_offset = self._options.scope == "partition" or (self._options.scope == "source" and text)
        start = 0
        for cut in [*kiln.grid.cuts(batch.positions.offsets if by_offset else counted, stream_times), None]:
            stop = len(batch) if cut is None else cut.row
            while start < stop:
                room = self._options.capacity - kiln.fresh
                end = min(stop, start + room)
                self._write(kiln, batch, start, end)
                kiln.ends[batch.positions.partition] = float(logged[end - 1])
                start = end
                if kiln.fresh >= self._options.capacity and start < stop:
                    yield from self._cut(kiln, "full")
            if cut is not None:
                yield from self._cut(kiln, cut.closed_by)
        if kiln.fresh >= self._options.capacity:
            yield from self._cut(kiln, "full")
        self._expect(kiln)

    def _write(self, kiln: _Kiln, batch: TaskBatch, start: int, end: int) -> None:
        rows = slice(start, end)
        before = kiln.ring.nbytes
        kiln.ring.append(batch.labels[rows], batch.times[rows], batch.names, batch.values[rows])
        self._nbytes += kiln.ring.nbytes - before
        partition = batch.positions.partition
        first, last = int(batch.positions.offsets[start]), int(batch.positions.offsets[end - 1])
        self._settled.hand(kiln.id, partition, first, last)
        low, high = kiln.spans.get(partition, (first, last))
        kiln.spans[partition] = (min(low, first), max(high, last))
        if not kiln.fresh:
            kiln.fresh_since = self._monotonic()
        kiln.rows += end - start
        kiln.fresh += end - start

    def _cut(self, kiln: _Kiln, closed_by: str, *, again: bool = False) -> Iterator[tuple[KilnId, Window]]:
        """A window of the ring's last tasks, where some of them are new, or where they are to be seen again."""
        if not kiln.fresh and not again:
            return
        spans = tuple(Span(partition, low, high) for partition, (low, high) in sorted(kiln.spans.items()))
        labels, times, names, values = kiln.ring.last()
        if kiln.id.partition is None and len(spans) > 1:
            order = np.argsort(times, kind="stable")
            labels, times, values = [labels[row] for row in order.tolist()], times[order], values[order]
        window = Window.from_columns(
            labels,
            times,
            names,
            values,
            key=kiln.id.key,
            id=self._identity(kiln, spans),
            span=spans,
            fresh=kiln.fresh,
            closed_by=closed_by,
        )
        self._settled.cut(kiln.id, window.id)
        kiln.cut = window.id
        kiln.fresh = 0
        kiln.spans, kiln.ends = {}, {}
        yield kiln.id, window

    def _identity(self, kiln: _Kiln, spans: tuple[Span, ...]) -> str:
        """A window is known by its kiln and its end, so that whoever cuts it again gives it the same id.

        The end is a place and the time of the record that stands there: lines of two pipes have the same numbers.
        Tasks that are seen again make another window than the one that held them first.
        """
        if not spans:
            return digest([kiln.cut, "again"], WINDOW_ID_DIGITS)
        ends = [text for span in spans for text in (str(span.end), repr(kiln.ends[span.partition]))]
        return digest([self._name, str(kiln.id.partition or ""), kiln.id.key, *ends], WINDOW_ID_DIGITS)

    def _kiln(self, name: KilnId) -> _Kiln:
        kiln = self._kilns.get(name)
        if kiln is None:
            ring = Ring(self._options.capacity)
            kiln = self._kilns[name] = _Kiln(name, ring, self._schedule.grid(self._shift(name.key)))
        self._kilns.move_to_end(name)
        return kiln

    def _shift(self, key: str) -> float:
        """Spread the time grids of keys over one period; the same for every process."""
        if not key or self._schedule.every_seconds is None:
            return 0.0
        return zlib.crc32(key.encode("utf-8", "surrogatepass")) / 2**32 * self._schedule.every_seconds

    def _expect(self, kiln: _Kiln) -> None:
        """Remember when the kiln is due by time, should no task of its own come to tell."""
        if kiln.fresh and self._options.scope == "key" and kiln.grid.due != kiln.due:
            kiln.due = kiln.grid.due
            self._pushed += 1
            heapq.heappush(self._due, (kiln.due, self._pushed, kiln.id))

    def _pass_time(self, partition: Partition, now: float) -> Iterator[tuple[KilnId, Window]]:
        """End the windows of keys whose time has come in the partition's stream time."""
        waiting = []
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            kiln = self._kilns.get(entry[2])
            if kiln is None or kiln.due != entry[0]:
                continue
            if kiln.id.partition not in (None, partition):
                waiting.append(entry)
                continue
            kiln.due = np.inf
            if kiln.grid.pass_time(now):
                yield from self._cut(kiln, "time")
        for entry in waiting:
            heapq.heappush(self._due, entry)
